// skiff diff: what differs between two models or two files of tensors.
#include <gflags/gflags.h>

#include <algorithm>
#include <cstdio>

#include "framework/base/printable.h"
#include "io/checksums.h"
#include "io/diff.h"
#include "tools/skiff/command.h"
#include "tools/skiff/model_files.h"
#include "tools/skiff/output.h"

DECLARE_bool(json);
DECLARE_bool(run);
DECLARE_double(rtol);
DECLARE_double(atol);
DECLARE_int32(seed);
DECLARE_int32(threads);
DECLARE_string(input);
DECLARE_string(program);

namespace skiff::tool {
namespace {

constexpr size_t kMostShown = 20;  // lines of one kind; --json has all of them

// Runs round differently, files do not.
constexpr io::Tolerance kRunTolerance = {.rtol = 1e-5, .atol = 1e-6};

bool IsGiven(const char* flag) {
  GFLAGS_NAMESPACE::CommandLineFlagInfo info;
  return GFLAGS_NAMESPACE::GetCommandLineFlagInfo(flag, &info) && !info.is_default;
}

io::Tolerance ToleranceFlags(io::Tolerance otherwise) {
  if (FLAGS_rtol < 0 || FLAGS_atol < 0) throw UsageError("--rtol and --atol are 0 or more");
  return IsGiven("rtol") || IsGiven("atol") ? io::Tolerance{FLAGS_rtol, FLAGS_atol} : otherwise;
}

std::string Number(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.3g", value);
  return text;
}

std::string NameText(const std::string& a, const std::string& b) { return PrintableLine(a == b ? a : a + " -> " + b); }

std::string Text(const io::TensorDifference& tensor) {
  std::string text = NameText(tensor.name_a, tensor.name_b) + ": " + tensor.problem;
  if (tensor.outside == 0) return text;
  return text + StrCat(tensor.problem.empty() ? "" : "; ", "max |a - b| ", Number(tensor.max_abs), ", ", Number(tensor.relative),
                       " of the largest |a|, mean ", Number(tensor.mean_abs), "; ", tensor.outside, " of ", tensor.elements, " differ");
}

Json ToJson(const io::TensorDifference& tensor) {
  // Infinity is no number of JSON's: it becomes null.
  return {{"name", tensor.name_a}, {"name_b", tensor.name_b}, {"equal", tensor.equal()}, {"problem", tensor.problem},
          {"elements", tensor.elements}, {"outside", tensor.outside}, {"max_abs", tensor.max_abs}, {"mean_abs", tensor.mean_abs},
          {"relative", tensor.relative}, {"norm_ratio", tensor.norm_ratio}};
}

Json ToJson(const std::vector<io::TensorDifference>& tensors) {
  Json list = Json::array();
  for (const auto& tensor : tensors) list.push_back(ToJson(tensor));
  return list;
}

// Lines, but not too many.
void PrintLines(const std::vector<std::string>& lines, const char* start) {
  for (size_t i = 0; i < std::min(lines.size(), kMostShown); ++i) std::cout << start << PrintableLine(lines[i]) << '\n';
  if (lines.size() > kMostShown) std::cout << start << "... " << lines.size() - kMostShown << " more, see --json\n";
}

std::string Where(const io::OperatorDifference& op) {
  std::string text = op.kind == io::OperatorDifference::kRemoved ? "- " : op.kind == io::OperatorDifference::kAdded ? "+ " : "~ ";
  if (op.op_a >= 0) text += StrCat("block ", op.block_a, " op ", op.op_a);
  if (op.op_b >= 0 && op.op_a < 0) text += StrCat("block ", op.block_b, " op ", op.op_b);
  if (op.op_a >= 0 && op.op_b >= 0 && op.op_a != op.op_b) text += StrCat(" -> op ", op.op_b);
  return text + ": " + op.type;
}

Json ToJson(const io::ProgramDifferences& programs) {
  constexpr const char* kKinds[] = {"removed", "added", "changed"};
  Json json = {{"equal", programs.equal()}, {"operators", Json::array()}, {"variables", programs.variables}, {"renamed", Json::object()}};
  for (const auto& op : programs.operators) {
    json["operators"].push_back({{"kind", kKinds[op.kind]}, {"type", op.type}, {"block_a", op.block_a}, {"op_a", op.op_a},
                                 {"block_b", op.block_b}, {"op_b", op.op_b}, {"changes", op.changes}});
  }
  for (const auto& [a, b] : programs.Renamed()) json["renamed"][a] = b;
  return json;
}

void Print(const io::ProgramDifferences& programs) {
  const auto renamed = programs.Renamed();
  if (programs.equal()) {
    std::cout << "programs: equal" << (renamed.empty() ? "" : " but for names") << '\n';
  } else {
    std::cout << "programs: " << Count(programs.operators.size(), "operator") << " and " << Count(programs.variables.size(), "variable")
              << " differ\n";
  }
  size_t shown = 0;
  for (const auto& op : programs.operators) {
    if (shown++ == kMostShown) {
      std::cout << "  ... " << programs.operators.size() - kMostShown << " more, see --json\n";
      break;
    }
    std::cout << "  " << Where(op) << '\n';
    PrintLines(op.changes, "      ");
  }
  PrintLines(programs.variables, "  ");
  std::vector<std::string> names;
  for (const auto& [a, b] : renamed) names.push_back(a + " -> " + b);
  if (!names.empty()) std::cout << "  called otherwise: " << Count(names.size(), "variable") << '\n';
  PrintLines(names, "    ");
}

void Print(const io::StateDifferences& weights) {
  std::vector<std::string> lines;
  for (const auto& tensor : weights.tensors) {
    if (!tensor.equal()) lines.push_back(Text(tensor));
  }
  const size_t alone = weights.missing.size() + weights.extra.size();
  std::cout << "weights: " << weights.tensors.size() << " compared, " << (lines.empty() ? "all equal" : StrCat(lines.size(), " differ"))
            << (alone == 0 ? "" : StrCat("; ", alone, " in one file alone")) << '\n';
  PrintLines(lines, "  ");
  std::vector<std::string> others;
  for (const std::string& name : weights.missing) others.push_back("- " + name);
  for (const std::string& name : weights.extra) others.push_back("+ " + name);
  for (const std::string& text : weights.objects) others.push_back("~ " + text);
  PrintLines(others, "  ");
}

Json ToJson(const io::StateDifferences& weights) {
  return {{"equal", weights.equal()}, {"tensors", ToJson(weights.tensors)}, {"missing", weights.missing}, {"extra", weights.extra},
          {"objects", weights.objects}};
}

Json ToJson(const io::RunDifferences& run) {
  Json json = {{"equal", run.equal()}, {"compared", run.compared}, {"first", nullptr}, {"outputs", ToJson(run.outputs)}};
  if (run.first) {
    json["first"] = {{"op_a", run.first->op_a}, {"op_b", run.first->op_b}, {"type", run.first->type}, {"values", ToJson(run.first->values)}};
  }
  return json;
}

void Print(const io::RunDifferences& run, const std::string& inputs) {
  std::cout << "run on " << inputs << ": " << Count(run.compared, "variable") << " compared, ";
  if (run.first) {
    std::cout << "the first difference is at block 0 op " << run.first->op_a << ": " << run.first->type << "\n  "
              << Text(run.first->values) << '\n';
  } else {
    std::cout << "no difference\n";
  }
  for (const auto& output : run.outputs) {
    std::cout << "  output " << (output.equal() ? NameText(output.name_a, output.name_b) + ": equal" : Text(output)) << '\n';
  }
}

// By their place in what the pickle holds, unless that is a state dict.
void AddTensors(const io::PickleValue& value, const std::string& name, io::StateDict* state) {
  if (value.IsTensorLike()) {
    state->Set(name, value.Is(io::PickleKind::kTuple) ? value.items()[1].tensor() : value.tensor());
  } else if (value.IsDict()) {
    state->objects.emplace_back(name, value);
  } else if (value.Is(io::PickleKind::kList) || value.Is(io::PickleKind::kTuple)) {
    for (size_t i = 0; i < value.items().size(); ++i) AddTensors(value.items()[i], StrCat(name, "[", i, "]"), state);
  } else {
    state->objects.emplace_back(name, value);
  }
}
io::StateDict TensorsOfPickle(const std::string& path) {
  const io::PickleValue value = io::LoadPickle(io::OpenVerified(path));
  if (value.IsDict()) return io::ToStateDict(value, path);
  io::StateDict state;
  AddTensors(value, "(the object)", &state);
  return state;
}

// Tensors that belong to a program: of an inference model, or the state that static.save writes. Absent where no file is.
// @param other  The other side: where it is a model, it names the tensors of a file that has no names.
std::optional<io::StateDict> WeightsOf(const std::string& argument, const Found& found, const std::string& other, const Found& other_found) {
  if (found.kind == io::FileKind::kPickle) return TensorsOfPickle(found.path);
  if (!found.IsProgram()) {
    const bool beside = io::IsFolder(found.path) || !ProgramBeside(found.path).empty();
    return OpenTensors(argument, FLAGS_program.empty() && !beside && other_found.IsProgram() ? other : FLAGS_program);
  }
  if (HasParameters(argument)) return OpenModel(argument).parameters;
  const std::string prefix = WithoutSuffix(argument);
  if (!io::IsFile(prefix + ".pdparams")) return std::nullopt;
  io::StateDict state = io::LoadStateDict(prefix + ".pdparams");
  if (io::IsFile(prefix + ".pdopt")) {
    for (const auto& entry : io::LoadStateDict(prefix + ".pdopt")) state.Set(entry.name, entry.tensor);
  }
  return state;
}

Feeds InputsFor(const io::InferenceModel& model, std::string* what) {
  Feeds feeds;
  for (const std::string& text : Several(FLAGS_input)) {
    const auto [name, array] = SplitAtEquals(text, "input", "NAME=FILE.npy");
    feeds.emplace_back(name, LoadArray(array));
  }
  *what = feeds.empty() ? StrCat("random inputs of seed ", FLAGS_seed) : "the inputs given";
  if (!feeds.empty()) return feeds;
  std::vector<TensorMeta> metas;
  for (const std::string& name : model.feed_names) {
    const Variable& input = model.program->global_block().Var(name);
    metas.push_back({input.shape, input.dtype, input.lod_level, input.kind});
  }
  const std::vector<Tensor> drawn = RandomInputs(model.feed_names, metas, static_cast<uint32_t>(FLAGS_seed));
  for (size_t i = 0; i < drawn.size(); ++i) feeds.emplace_back(model.feed_names[i], drawn[i]);
  return feeds;
}

io::RunDifferences RunBoth(const io::InferenceModel& a, const io::InferenceModel& b, const Feeds& inputs,
                           const io::ProgramDifferences& programs) {
  try {
    return io::DiffRuns(a, b, inputs, programs, ToleranceFlags(kRunTolerance), FLAGS_threads);
  } catch (Error& error) {
    if (FLAGS_input.empty()) error.AddContext("inputs were drawn, -1 taken as 1: --shape gives other extents, --input other values");
    throw;
  }
}

ExitCode Diff(const std::vector<std::string>& arguments) {
  const auto [a, b] = TwoArguments(arguments, "two files or prefixes");
  const Found found_a = FindFile(a), found_b = FindFile(b);
  const bool programs = found_a.IsProgram() && found_b.IsProgram();
  if (FLAGS_run && !programs) throw UsageError("--run needs two models");
  Json json = {{"a", a}, {"b", b}};
  bool equal = true;
  io::ProgramDifferences differences;
  if (programs) {
    differences = io::DiffPrograms(*OpenProgram(found_a.path), *OpenProgram(found_b.path));
    equal = equal && differences.equal();
    json["programs"] = ToJson(differences);
    if (!FLAGS_json) Print(differences);
  }
  const auto weights_a = WeightsOf(a, found_a, b, found_b), weights_b = WeightsOf(b, found_b, a, found_a);
  if (weights_a && weights_b) {
    const io::StateDifferences weights = io::DiffStates(*weights_a, *weights_b, ToleranceFlags({}), differences.names);
    equal = equal && weights.equal();
    json["weights"] = ToJson(weights);
    if (!FLAGS_json && (!weights.equal() || !weights.tensors.empty() || !programs)) Print(weights);
  } else if (!FLAGS_json) {
    std::cout << "weights: not compared, there are none beside " << (weights_a ? b : a) << '\n';
  }
  if (FLAGS_run) {
    const io::InferenceModel model_a = OpenModel(a), model_b = OpenModel(b);
    std::string what;
    const Feeds inputs = InputsFor(model_a, &what);
    const io::RunDifferences run = RunBoth(model_a, model_b, inputs, differences);
    equal = equal && run.equal();
    json["run"] = ToJson(run);
    if (!FLAGS_json) Print(run, what);
  }
  json["equal"] = equal;
  if (FLAGS_json) PrintJson(json);
  return equal ? kOk : kNo;
}

}  // namespace

const Command kDiff = {
    "diff", "A B", "what differs between two models or files of tensors",
    "Compares two models (prefixes, .pdmodel files, folders of Paddle 1.x), or the tensors of any two files that have some\n"
    "(.pdparams, .npz, .safetensors, .pdiparams, a model), whatever their formats.\n\n"
    "Programs are compared operator by operator. Variables are the same when the same slots of the same operators name\n"
    "them: a net that was built again, with other generated numbers, is equal. Lines begin with - (A alone has it), + (B\n"
    "alone has it) or ~ (changed).\n\n"
    "  --run                   also run both and find the first operator whose output differs\n"
    "  --input NAME=FILE.npy   an input of A for --run; repeat for each; random numbers otherwise\n"
    "  --shape NAME=1,3,8,8    extents of a random input; -1 is taken as 1 otherwise\n"
    "  --seed N                of random inputs, by default 1\n"
    "  --rtol R, --atol T      numbers are equal when |a - b| <= T + R |a|; by default 0 and 0 for weights, 1e-5 and 1e-6\n"
    "                          for --run\n"
    "  --program MODEL         the program that names the tensors of a .pdiparams file\n"
    "  --threads N             CPU threads of --run, by default one a core\n"
    "  --json                  the same as JSON, whole\n\n"
    "exit codes: 0 equal (up to names), 1 different, 2 something cannot be read\n"
    "example: skiff diff lenet_before lenet_after --run\n",
    Diff};

}  // namespace skiff::tool
