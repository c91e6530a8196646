#include "io/edit.h"

#include <algorithm>
#include <map>
#include <set>

#include "framework/op/append_op.h"
#include "io/parameter_info.h"
#include "io/reader.h"
#include "io/sink.h"

namespace skiff::io {

namespace {

constexpr const char* kCallstackAttr = "op_callstack";
// Attributes whose texts are names of variables.
constexpr const char* kNameAttrs[] = {kOpRoleVarAttr, "original_output_grad", "ex_states", "states", "skip_eager_deletion_vars"};

// "train.py" of `  File "train.py", line 3, in <module>`, Python's way to name a place.
std::string FileOf(const std::string& line) {
  constexpr std::string_view kBefore = "File \"";
  const size_t begin = line.find(kBefore);
  if (begin == std::string::npos) return "";
  const size_t end = line.find('"', begin + kBefore.size());
  return end == std::string::npos ? "" : line.substr(begin + kBefore.size(), end - begin - kBefore.size());
}

Attribute Renamed(const std::string& attr, Attribute value, const std::string& from, const std::string& to) {
  if (auto* one = std::get_if<VarRef>(&value); one != nullptr && one->name == from) one->name = to;
  if (auto* many = std::get_if<std::vector<VarRef>>(&value)) {
    for (VarRef& ref : *many) ref.name = ref.name == from ? to : ref.name;
  }
  const bool names = std::find(std::begin(kNameAttrs), std::end(kNameAttrs), attr) != std::end(kNameAttrs);
  if (auto* texts = std::get_if<std::vector<std::string>>(&value); texts != nullptr && names) {
    std::replace(texts->begin(), texts->end(), from, to);
  }
  return value;
}

void RenameEverywhere(Program* program, const std::string& from, const std::string& to) {
  for (int i = 0; i < program->num_blocks(); ++i) {
    Block& block = program->block(i);
    if (block.FindLocalVar(from) != nullptr) block.RenameVar(from, to);
    for (const auto& op : block.ops()) {
      op->inputs.Rename(from, to);
      op->outputs.Rename(from, to);
      for (const auto& [name, value] : Attrs(op->attrs)) {
        Attribute renamed = Renamed(name, value, from, to);
        if (renamed != value) op->attrs.Set(name, std::move(renamed));
      }
    }
  }
  program->Touch();
}

std::vector<std::string> NamesOf(const Program& program) {
  std::set<std::string> names;
  for (const Variable* v : program.ListVars()) names.insert(v->name);
  return {names.begin(), names.end()};
}

// Names that the operators of any block read.
std::set<std::string> ReadNames(const Program& program) {
  std::set<std::string> names;
  for (int i = 0; i < program.num_blocks(); ++i) {
    for (const auto& op : program.block(i).ops()) {
      for (const std::string& name : op->inputs.AllNames()) names.insert(name);
      for (const auto& [attr, value] : op->attrs) {
        if (const auto* one = std::get_if<VarRef>(&value)) names.insert(one->name);
        if (const auto* many = std::get_if<std::vector<VarRef>>(&value)) {
          for (const VarRef& ref : *many) names.insert(ref.name);
        }
      }
    }
  }
  return names;
}

bool IsFeedOrFetch(const Operator& op) { return op.type == "feed" || op.type == "fetch"; }

// Inner blocks come before the operator that owns them. `inputs` keep their shapes: a loop may overwrite one by a value of
// another shape, which is no matter of what is fed.
void InferBlock(const Program& program, Block& block, const std::map<std::string, Shape>& inputs, std::set<int>* done) {
  if (!done->insert(block.idx()).second) return;
  for (const auto& op : block.ops()) {
    if (IsFeedOrFetch(*op)) continue;
    for (int owned : OwnedBlocks(*op)) InferBlock(program, program.block(owned), inputs, done);
    InferOutputs(block, *op);
    for (const auto& [name, shape] : inputs) program.global_block().Var(name).shape = shape;
  }
}

}  // namespace

StrippedPaths StripCallstacks(Program* program) {
  StrippedPaths stripped;
  std::set<std::string> files;
  for (int i = 0; i < program->num_blocks(); ++i) {
    for (const auto& op : program->block(i).ops()) {
      const Attribute* found = op->attrs.Find(kCallstackAttr);
      if (found == nullptr) continue;
      if (const auto* lines = std::get_if<std::vector<std::string>>(found)) {
        stripped.lines += lines->size();
        for (const std::string& line : *lines) files.insert(FileOf(line));
      }
      op->attrs.Erase(kCallstackAttr);
      ++stripped.operators;
    }
  }
  files.erase("");
  stripped.files.assign(files.begin(), files.end());
  program->Touch();
  return stripped;
}

void RenameVariable(Program* program, const std::string& from, const std::string& to) {
  if (from == to) return;
  const std::vector<std::string> names = NamesOf(*program);
  if (!std::binary_search(names.begin(), names.end(), from)) {
    NotFound error(StrCat("the program has no variable \"", from, "\" to rename"));
    error.AddContext(DidYouMean(from, names));
    throw error;
  }
  SKIFF_ENFORCE(IsUtf8(AsBytes(to)) && to != kEmptyVarName, InvalidArgument, "\"", from, "\" cannot be called \"", to, "\"");
  VariablePath("the model's folder", to);
  std::map<std::string, std::string> renamings = {{from, to}};
  for (const std::string& name : names) {
    if (name.starts_with(GradName(from))) renamings[name] = to + name.substr(from.size());
  }
  for (const auto& [old, renamed] : renamings) {
    SKIFF_ENFORCE(!std::binary_search(names.begin(), names.end(), renamed), AlreadyExists, "\"", old, "\" cannot be called \"",
                  renamed, "\": the program has a variable of that name already");
  }
  for (const auto& [old, renamed] : renamings) RenameEverywhere(program, old, renamed);
}

void RenameVariable(InferenceModel* model, const std::string& from, const std::string& to) {
  RenameVariable(model->program.get(), from, to);
  std::replace(model->feed_names.begin(), model->feed_names.end(), from, to);
  std::replace(model->fetch_names.begin(), model->fetch_names.end(), from, to);
  std::map<std::string, Tensor> sorted;
  for (const StateDict::Entry& entry : model->parameters) sorted.emplace(entry.name == from ? to : entry.name, entry.tensor);
  model->parameter_info = WithRenamed(model->parameter_info, from, to);
  model->parameters = StateDict();
  for (auto& [name, tensor] : sorted) model->parameters.Set(name, std::move(tensor));
}

InferenceModel CutModel(const InferenceModel& model, const std::vector<std::string>& starts, const std::vector<std::string>& ends) {
  const Program& program = *model.program;
  for (const auto* names : {&starts, &ends}) {
    for (const std::string& name : *names) {
      SKIFF_ENFORCE(!program.global_block().Var(name).persistable, InvalidArgument, "a model cannot be cut at \"", name,
                    "\": it is a parameter");
    }
  }
  const std::vector<std::string>& fetches = ends.empty() ? model.fetch_names : ends;
  std::vector<std::string> feeds = starts;
  for (const std::string& name : model.feed_names) {
    if (std::find(starts.begin(), starts.end(), name) == starts.end()) feeds.push_back(name);
  }
  const std::set<std::string> read = ReadNames(*program.Prune(feeds, fetches));
  std::erase_if(feeds, [&](const std::string& name) {
    const bool chosen = std::find(starts.begin(), starts.end(), name) != starts.end();
    const bool fetched = std::find(fetches.begin(), fetches.end(), name) != fetches.end();
    return !chosen && !fetched && !read.contains(name);
  });
  InferenceModel cut;
  cut.program = NormalizeProgram(program, feeds, fetches, /*scale_fetches=*/false);
  cut.feed_names = feeds;
  cut.parameter_info = model.parameter_info;
  cut.fetch_names = FetchNames(*cut.program);
  for (const Variable* v : SavedVariables(*cut.program)) {
    if (const Tensor* value = model.parameters.Find(v->name)) cut.parameters.Set(v->name, *value);
  }
  return cut;
}

std::unique_ptr<Program> WithInputShapes(const Program& program, const std::vector<std::pair<std::string, Shape>>& shapes) {
  std::unique_ptr<Program> copy = program.Clone();
  Block& block = copy->global_block();
  for (const auto& [name, shape] : shapes) {
    Variable& input = block.Var(name);
    SKIFF_ENFORCE(!input.persistable, InvalidArgument, "\"", name, "\" is a parameter, its shape is that of its value");
    // A loop may overwrite what it was fed; whoever writes a variable without reading it computes it.
    for (const auto& op : block.ops()) {
      const bool computes = !IsFeedOrFetch(*op) && op->outputs.Mentions(name) && !op->inputs.Mentions(name);
      SKIFF_ENFORCE(!computes, InvalidArgument, "\"", name, "\" is computed by ", op->type,
                    ", so its shape is inferred; set that of an input");
    }
    input.shape = shape;
  }
  std::map<std::string, Shape> inputs;
  for (const auto& [name, shape] : shapes) inputs[name] = shape;
  for (const auto& op : block.ops()) {
    if (op->type != "feed") continue;
    for (const std::string& name : op->outputs.AllNames()) inputs[name] = block.Var(name).shape;
  }
  std::set<int> done;
  InferBlock(*copy, block, inputs, &done);
  copy->Touch();
  return copy;
}

}  // namespace skiff::io
