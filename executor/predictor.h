// Predictor: a loaded inference model, compiled and immutable.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "executor/compiled_program.h"

namespace skiff {

/// What a predictor is made from; io::LoadPredictor reads it from files.
struct PredictorModel {
  std::unique_ptr<Program> program;
  std::vector<std::string> feed_names;   // in the order of the model's inputs
  std::vector<std::string> fetch_names;  // in the order of its outputs
  std::map<std::string, Tensor> parameters;
};

struct PredictorOptions {
  Place place = CPUPlace{};
  /// CPU threads of one run; 0 means as many as this process may use.
  int num_threads = 0;
  bool optimize = true;
  std::vector<std::string> disabled_passes;
  /// Input shapes whose plans are kept; least recently used go first.
  size_t max_plans = 16;
};

class Predictor {
 public:
  /// Optimises the program around the frozen parameters. The parameters are shared, not copied, where
  /// they are at the place already. @throws Unimplemented naming every operator that skiff lacks.
  explicit Predictor(PredictorModel model, PredictorOptions options = {});
  ~Predictor();
  Predictor(Predictor&&) noexcept;

  const std::vector<std::string>& input_names() const { return feed_names_; }
  const std::vector<std::string>& output_names() const { return fetch_names_; }
  /// Declared shape and dtype of an input or output; -1 where any extent is taken. @throws NotFound.
  TensorMeta Describe(const std::string& name) const;

  /// Runs the model.
  ///
  /// @param inputs   One tensor for each input, in the order of input_names(). Not copied on the CPU.
  /// @param outputs  Empty, or one tensor for each output whose memory receives it (an uninitialised
  ///                 one is allocated). Shape and dtype must be those that the run computes.
  /// @return         One tensor for each output, at the CPU.
  /// @throws InvalidArgument  A wrong number, shape or dtype, said in terms of the input's name.
  ///
  /// Threads: any number at once. Each call has its own temporaries; all share the weights.
  std::vector<Tensor> Run(const std::vector<Tensor>& inputs, std::vector<Tensor> outputs = {}) const;
  /// The same by name.
  std::vector<Tensor> Run(const Feeds& inputs) const;

  /// Plans for these inputs now rather than in the first Run.
  void Prepare(const std::vector<Tensor>& inputs) const;
  /// The listing of the plan for these inputs.
  std::string PlanText(const std::vector<Tensor>& inputs) const;

 private:
  Feeds Named(const std::vector<Tensor>& inputs) const;

  std::vector<std::string> feed_names_, fetch_names_;
  std::vector<TensorMeta> feed_metas_;
  std::map<std::string, TensorMeta> metas_;
  std::unique_ptr<CompiledProgram> compiled_;
  PredictorOptions options_;
};

}  // namespace skiff
