// From a program to an ONNX graph: the state that the functions of all operators share.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "io/inference_model.h"
#include "io/onnx/export.h"
#include "io/onnx/op.h"

namespace skiff::io {

class OnnxExporter {
 public:
  OnnxExporter(const InferenceModel& model, const OnnxOptions& options);

  /// @throws Unimplemented listing what has no ONNX form.
  OnnxGraph Run();

  int opset() const { return options_.opset; }
  void Emit(Block& block);
  OnnxGraph& graph() { return *frames_.back().graph; }

  std::string Fresh(const std::string& base);
  /// Name of the next value of a variable that `op` of `block` writes.
  std::string NameFor(const std::string& variable, const Block& block, const Operator& op);
  std::string Current(const std::string& variable);
  void Bind(const std::string& variable, const std::string& value) { frames_.back().values[variable] = value; }
  std::string Constant(const Tensor& tensor);
  const Tensor* Known(const std::string& value) const;
  void Learn(const std::string& value, const Tensor& tensor) { known_[value] = tensor; }
  std::string Append(OnnxNode node);
  /// Gives a value of the current operator another name. @return false where other graphs may refer to it already.
  bool Rename(const std::string& from, const std::string& to);
  bool IsRead(const std::string& variable) const { return read_.count(variable) > 0; }

  OnnxGraph& BeginGraph(const std::string& name);
  std::shared_ptr<OnnxGraph> EndGraph();

  std::map<std::string, std::string> remembered;

 private:
  // A graph under construction and the variables written there.
  struct Frame {
    std::shared_ptr<OnnxGraph> graph;
    std::map<std::string, std::string> values;
    size_t op_start = 0;  // first node of the current operator
  };
  void Refuse(const Block& block, int position, const Operator& op, const std::string& reason);
  /// Outside the model complex numbers have no form. @return what such a variable has for a value.
  std::string RefuseComplex(const char* what, const std::string& variable);
  void EmitOp(Block& block, int position);
  std::optional<std::vector<int64_t>> IntsOf(const std::string& variable);
  /// Attributes for which known variables stand become what these hold.
  void KeepKnownAttrs(Operator* op);
  void AddOutputs();

  const InferenceModel& model_;
  OnnxOptions options_;
  std::unique_ptr<Program> program_;
  std::vector<Frame> frames_;
  std::set<std::string> taken_;     // names of variables and of values
  std::map<std::string, int> counts_;  // how often a name was asked for
  std::set<std::string> assigned_;  // variables whose own name is a value's
  std::set<std::string> read_;
  std::map<std::string, const Operator*> last_writer_;  // of what is fetched
  std::map<std::string, std::string> constants_;        // content -> name
  std::map<std::string, Tensor> known_;
  std::vector<std::pair<std::string, std::vector<std::string>>> refused_;  // what, and where
};

}  // namespace skiff::io
