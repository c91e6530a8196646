// print and assert: what a program tells its user while it runs.
#include <iostream>
#include <mutex>
#include <sstream>
#include <unordered_map>

#include "framework/op/control_flow.h"
#include "framework/op/op_schema.h"
#include "framework/op/run_op.h"

namespace skiff {
namespace {

// The first elements as C++ prints them; all with a negative count.
[[maybe_unused]] std::string Elements(const Tensor& tensor, int64_t count, const Place& place) {
  std::map<std::string, Value> values{{"x", tensor.To(place)}};
  RunOp({"cast", {{"X", {"x"}}}, {{"Out", {"y"}}}, {{"out_dtype", static_cast<int32_t>(DType::kFloat64)}}}, &values,
        {.place = place});
  const Tensor wide = std::get<Tensor>(values.at("y")).To(CPUPlace{});
  if (count < 0 || count > wide.num_elements()) count = wide.num_elements();
  std::ostringstream text;
  for (int64_t i = 0; i < count; ++i) {
    text << (i > 0 ? " " : "");
    const double element = wide.data<double>()[i];
    if (IsFloating(tensor.dtype())) text << element;
    else text << static_cast<int64_t>(element);
  }
  return text.str();
}

struct Shown {
  bool name = true, type = true, shape = true, layout = true, lod = true;
  int64_t summarize = 20;
};

[[maybe_unused]] std::string Describe(const Tensor& t, const std::string& name, const std::string& message,
                                      const Shown& shown) {
  std::string text;
  if (shown.name) text += "Variable: " + name + "\n";
  if (!message.empty()) text += "  - message: " + message + "\n";
  if (shown.lod) {
    text += "  - lod: {";
    for (const auto& level : t.lod()) {
      text += "{";
      for (size_t i = 0; i < level.size(); ++i) text += StrCat(i > 0 ? ", " : "", level[i]);
      text += "}";
    }
    text += "}\n";
  }
  text += StrCat("  - place: Place(", t.place().is_cpu() ? "cpu" : StrCat("gpu:", t.place().id), ")\n");
  if (shown.shape) text += StrCat("  - shape: ", t.shape(), "\n");
  if (shown.layout) text += "  - layout: NCHW\n";
  if (shown.type) text += StrCat("  - dtype: ", t.dtype(), "\n");
  return text + "  - data: [" + Elements(t, shown.summarize, t.place()) + "]\n";
}

// How often each operator has printed. Operators of a compiled program stay where they are.
[[maybe_unused]] bool MayPrint(const Operator& op, int64_t first_n) {
  if (first_n < 0) return true;
  static std::mutex mutex;
  static std::unordered_map<const Operator*, int64_t> counts;
  std::lock_guard lock(mutex);
  return counts[&op]++ < first_n;
}

[[maybe_unused]] void RunPrint(DynamicContext& c) {
  const Value& in = c.Input("In");
  const bool forward = c.attrs().Get<bool>("is_forward");
  const std::string phase = c.attrs().Get<std::string>("print_phase");
  const bool silent = phase == (forward ? "BACKWARD" : "FORWARD");
  const auto* tensor = std::get_if<Tensor>(&in);
  if (!silent && tensor != nullptr && MayPrint(c.op(), c.attrs().Get<int32_t>("first_n"))) {
    const Shown shown{c.attrs().Get<bool>("print_tensor_name"), c.attrs().Get<bool>("print_tensor_type"),
                      c.attrs().Get<bool>("print_tensor_shape"), c.attrs().Get<bool>("print_tensor_layout"),
                      c.attrs().Get<bool>("print_tensor_lod"), c.attrs().Get<int32_t>("summarize")};
    std::cout << Describe(*tensor, c.op().inputs.One("In"), c.attrs().Get<std::string>("message"), shown) << std::flush;
  }
  if (c.NumOutputs("Out") == 0) return;
  Value out = in;
  if (auto* dense = std::get_if<Tensor>(&out)) *dense = dense->Clone();
  c.Output("Out") = std::move(out);
}

[[maybe_unused]] void RunAssert(DynamicContext& c) {
  if (control_flow::IsTrue(c.InputTensor("Cond"))) return;
  Shown shown;
  shown.summarize = c.attrs().Get<int64_t>("summarize");
  for (int i = 0; i < c.NumInputs("Data"); ++i) {
    std::cout << Describe(c.InputTensor("Data", i), c.op().inputs["Data"][i], "", shown) << std::flush;
  }
  throw InvalidArgument(StrCat("the condition \"", c.op().inputs.One("Cond"), "\" must be true, but it is false"));
}

SKIFF_OP(print)
    .Doc("Out = In, which is printed; so is the gradient on its way back.")
    .Source("names and defaults of Paddle's print")
    .Input("In", "any value; dense tensors are printed")
    .OptionalOutput("Out", "the same")
    .Attr("first_n", -1, "how often it is printed, -1: always")
    .Attr("message", "", "printed in front")
    .Attr("summarize", -1, "elements printed, -1: all")
    .Attr("print_tensor_name", true, "print the variable's name")
    .Attr("print_tensor_type", true, "print the dtype")
    .Attr("print_tensor_shape", true, "print the shape")
    .Attr("print_tensor_layout", true, "print the layout")
    .Attr("print_tensor_lod", true, "print the LoD")
    .Attr("print_phase", "BOTH", "FORWARD, BACKWARD or BOTH")
    .Attr("is_forward", true, "false for the gradient")
    .InferShape([](InferContext& c) { c.SetOutput("Out", c.Input("In")); })
    .Gradient([](const GradContext& g) -> std::vector<Operator> {
      Operator op{"print", {{"In", g.OutGrad("Out")}}, {{"Out", g.InGrad("In")}}, g.fwd.attrs};
      op.attrs.Set("is_forward", false);
      return {op};
    })
    .SideEffect()
    .Dynamic(RunPrint);

SKIFF_OP(assert)
    .Doc("Stops the run with an error, Data printed, unless Cond holds.")
    .Source("names and defaults of Paddle's assert")
    .Input("Cond", "bool, one element")
    .OptionalInputs("Data", "printed when Cond does not hold")
    .Attr("summarize", int64_t{-1}, "elements of each printed, -1: all")
    .InferShape([](InferContext&) {})
    .SideEffect()
    .Dynamic(RunAssert);

}  // namespace
}  // namespace skiff
