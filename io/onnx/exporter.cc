#include "io/onnx/exporter.h"

#include <algorithm>

#include "framework/op/append_op.h"
#include "framework/op/op_def.h"
#include "framework/op/op_library.h"
#include "framework/op/resolve_attrs.h"
#include "framework/op/run_dynamic.h"
#include "framework/op/run_op.h"
#include "framework/op/verify.h"
#include "io/atomic_file.h"

namespace skiff::io {

namespace {

constexpr const char* kNoForm = "@NO ONNX FORM@";  // the value of what a refused operator would have written

std::map<std::string, OnnxEmitter>& OnnxEmitters(bool complex) {
  static auto* emitters = new std::map<std::string, OnnxEmitter>[2];
  return emitters[complex];
}

// Names that an operator reads, as attributes too, and writes, those of its blocks included.
void AddNames(const Program& program, const Operator& op, std::set<std::string>* reads, std::set<std::string>* writes) {
  for (const std::string& name : op.inputs.AllNames()) reads->insert(name);
  for (const std::string& name : op.outputs.AllNames()) writes->insert(name);
  for (const auto& [attr, value] : op.attrs) {
    for (const std::string& name : VariableNames(value)) reads->insert(name);
  }
  for (int b : OwnedBlocks(op)) {
    for (const auto& inner : program.block(b).ops()) AddNames(program, *inner, reads, writes);
  }
}

// Drops operators of block 0 that no fetched value needs. A feed that is written over is needed like any other variable.
// @return all names that what is left reads.
std::set<std::string> KeepNeeded(Program* program, const std::vector<std::string>& fetches) {
  std::set<std::string> needed(fetches.begin(), fetches.end());
  std::vector<std::shared_ptr<Operator>> kept;
  Block& block = program->global_block();
  for (auto op = block.ops().rbegin(); op != block.ops().rend(); ++op) {
    std::set<std::string> reads, writes;
    AddNames(*program, **op, &reads, &writes);
    const bool wanted = std::any_of(writes.begin(), writes.end(), [&](const std::string& name) { return needed.count(name) > 0; });
    if (!wanted || (*op)->type == "feed" || (*op)->type == "fetch") continue;
    needed.insert(reads.begin(), reads.end());
    kept.push_back(*op);
  }
  std::reverse(kept.begin(), kept.end());
  block.SetOps(std::move(kept));
  return needed;
}

// Whatever is wrong but operators that skiff does not know, which are refused with the others that have no form.
void CheckGraph(const Program& program, const std::vector<std::string>& feeds) {
  for (const Defect& defect : FindDefects(program, {.feeds = feeds})) {
    if (defect.kind != Defect::kUnknownOp) throw InvalidArgument(defect.text);
  }
}
// Before anything walks through blocks inside blocks.
void CheckBlocks(const Program& program) {
  for (const Defect& defect : FindDefects(program)) {
    if (defect.kind == Defect::kBlock) throw InvalidArgument(defect.text);
  }
}

}  // namespace

OnnxRegistration::OnnxRegistration(const char* type, OnnxEmitter emitter, bool complex) { OnnxEmitters(complex)[type] = emitter; }

OnnxEmitter FindOnnxEmitter(const std::string& type, bool complex) {
  const auto found = OnnxEmitters(complex).find(type);
  return found == OnnxEmitters(complex).end() ? nullptr : found->second;
}

std::vector<std::string> OnnxOperators() {
  std::set<std::string> types;
  for (bool complex : {false, true}) {
    for (const auto& [type, emitter] : OnnxEmitters(complex)) types.insert(type);
  }
  return {types.begin(), types.end()};
}

OnnxExporter::OnnxExporter(const InferenceModel& model, const OnnxOptions& options)
    : model_(model), options_(options), program_(model.program->Clone()) {
  SKIFF_ENFORCE(options.opset >= kMinOnnxOpset && options.opset <= kMaxOnnxOpset, InvalidArgument, "opset ", options.opset,
                " is not written; there are ", kMinOnnxOpset, " to ", kMaxOnnxOpset);
  SKIFF_ENFORCE(!model.fetch_names.empty(), InvalidArgument, "the model has no outputs; name the variables that are to be fetched");
  for (const Variable* v : program_->ListVars()) taken_.insert(v->name);
  for (const std::string& name : model.fetch_names) program_->global_block().Var(name);  // says where there is none
  CheckBlocks(*program_);
  read_ = KeepNeeded(program_.get(), model.fetch_names);
  CheckGraph(*program_, model.feed_names);
  for (const auto& op : program_->global_block().ops()) {
    for (const std::string& name : model.fetch_names) {
      if (op->outputs.Mentions(name)) last_writer_[name] = op.get();
    }
  }
}

std::string OnnxExporter::Fresh(const std::string& base) {
  std::string name = base;
  for (int& k = counts_[base]; !taken_.insert(name).second;) name = StrCat(base, ".", ++k);
  return name;
}

std::string OnnxExporter::NameFor(const std::string& variable, const Block& block, const Operator& op) {
  const auto last = last_writer_.find(variable);
  const bool later = last != last_writer_.end() && (block.idx() != 0 || last->second != &op);
  if (later || !assigned_.insert(variable).second) return Fresh(variable + ".1");
  return variable;
}

std::string OnnxExporter::Current(const std::string& variable) {
  for (auto frame = frames_.rbegin(); frame != frames_.rend(); ++frame) {
    const auto found = frame->values.find(variable);
    if (found != frame->values.end()) return found->second;
  }
  const Tensor* parameter = model_.parameters.Find(variable);
  if (parameter == nullptr) return "";
  if (IsComplex(parameter->dtype())) return RefuseComplex("parameter", variable);
  Tensor here = parameter->To(CPUPlace{});
  const std::shared_ptr<Variable> v = program_->global_block().FindLocalVar(variable);
  if (v != nullptr && v->shape.IsKnown() && v->shape.NumElements() == here.num_elements()) here = here.Reshaped(v->shape);  // [1] and []
  frames_.front().graph->initializers.emplace_back(variable, here);
  frames_.front().values[variable] = variable;
  assigned_.insert(variable);
  known_[variable] = here;
  return variable;
}

std::string OnnxExporter::Constant(const Tensor& tensor) {
  const std::string key = StrCat(tensor.dtype(), tensor.shape(), ":") +
                          std::string(static_cast<const char*>(tensor.raw_data()), tensor.bytes());
  const auto [entry, added] = constants_.try_emplace(key);
  if (added) {
    entry->second = Fresh(StrCat("constant.", constants_.size()));
    frames_.front().graph->initializers.emplace_back(entry->second, tensor);
    known_[entry->second] = tensor;
  }
  return entry->second;
}

const Tensor* OnnxExporter::Known(const std::string& value) const {
  const auto found = known_.find(value);
  return found == known_.end() ? nullptr : &found->second;
}

std::string OnnxExporter::Append(OnnxNode node) {
  const std::string first = node.outputs.front();
  node.name = Fresh(node.type);
  while (!node.inputs.empty() && node.inputs.back().empty()) node.inputs.pop_back();  // left out at the end: not there
  graph().nodes.push_back(std::move(node));
  return first;
}

bool OnnxExporter::Rename(const std::string& from, const std::string& to) {
  std::vector<OnnxNode>& nodes = graph().nodes;
  bool made = false;
  for (size_t i = frames_.back().op_start; i < nodes.size(); ++i) {
    made |= std::count(nodes[i].outputs.begin(), nodes[i].outputs.end(), from) > 0;
    for (const auto& [name, value] : nodes[i].attrs) {
      if (std::holds_alternative<std::shared_ptr<OnnxGraph>>(value)) return false;
    }
  }
  if (!made || remembered.count(from) > 0) return false;
  for (auto& [variable, value] : frames_.back().values) {
    if (value == from) return false;
  }
  for (size_t i = frames_.back().op_start; i < nodes.size(); ++i) {
    std::replace(nodes[i].inputs.begin(), nodes[i].inputs.end(), from, to);
    std::replace(nodes[i].outputs.begin(), nodes[i].outputs.end(), from, to);
  }
  return true;
}

OnnxGraph& OnnxExporter::BeginGraph(const std::string& name) {
  frames_.push_back({std::make_shared<OnnxGraph>(), {}, 0});
  graph().name = name;
  return graph();
}

std::shared_ptr<OnnxGraph> OnnxExporter::EndGraph() {
  std::shared_ptr<OnnxGraph> graph = std::move(frames_.back().graph);
  frames_.pop_back();
  return graph;
}

void OnnxExporter::Refuse(const Block& block, int position, const Operator& op, const std::string& reason) {
  const std::string what = reason.empty() ? op.type : StrCat(op.type, " (", reason, ")");
  auto entry = std::find_if(refused_.begin(), refused_.end(), [&](const auto& one) { return one.first == what; });
  if (entry == refused_.end()) entry = refused_.insert(refused_.end(), {what, {}});
  entry->second.push_back(StrCat("block ", block.idx(), " op ", position));
  for (const std::string& name : op.outputs.AllNames()) Bind(name, kNoForm);
}

std::string OnnxExporter::RefuseComplex(const char* what, const std::string& variable) {
  refused_.push_back({StrCat(what, " \"", variable, "\" (complex numbers)"), {"block 0"}});
  frames_.front().values[variable] = kNoForm;
  return kNoForm;
}

std::optional<std::vector<int64_t>> OnnxExporter::IntsOf(const std::string& variable) {
  const Tensor* known = Known(Current(variable));
  return known != nullptr && IsInteger(known->dtype()) ? std::optional(IntElements(*known)) : std::nullopt;
}

void OnnxExporter::KeepKnownAttrs(Operator* op) {
  const OpDef& def = GetOp(op->type);
  const auto attrs = ResolveAttrs(def, *op, [this](const std::string& name) {
    const Tensor* known = Known(Current(name));
    return known != nullptr ? std::optional(*known) : std::nullopt;
  });
  if (!attrs) return;
  for (const auto& [name, value] : *attrs) op->attrs.Set(name, value);
  for (const AttrDef& attr : def.attrs) {
    for (const std::string& slot : attr.from) op->inputs.Erase(slot);
  }
}

void OnnxExporter::EmitOp(Block& block, int position) {
  Operator& op = *block.ops()[position];
  bool complex = false;
  for (const std::vector<std::string>& names : {op.inputs.AllNames(), op.outputs.AllNames()}) {
    for (const std::string& name : names) {
      const std::shared_ptr<Variable> v = block.FindVar(name);
      complex |= v != nullptr && IsComplex(v->dtype);
    }
  }
  const OnnxEmitter emitter = FindOnnxEmitter(op.type, complex);
  if (emitter == nullptr) {
    const bool other = FindOnnxEmitter(op.type, !complex) != nullptr;
    return Refuse(block, position, op, !other ? "" : complex ? "complex numbers" : "real numbers");
  }
  if (OwnedBlocks(op).empty()) {  // what comes of a refused operator is no mistake of its own
    for (const std::string& name : op.inputs.AllNames()) {
      if (Current(name) != kNoForm) continue;
      for (const std::string& output : op.outputs.AllNames()) Bind(output, kNoForm);
      return;
    }
  }
  const size_t depth = frames_.size();
  frames_.back().op_start = graph().nodes.size();
  try {
    KeepKnownAttrs(&op);
    OnnxOp one(this, &block, op);
    WithErrorsOfSkiff([&] {
      InferOutputs(block, op, [this](const std::string& name) { return IntsOf(name); });
      emitter(one);
    });
    for (const auto& [slot, names] : op.outputs) {
      for (const std::string& name : names) {
        if (IsRead(name) && Current(name).empty()) return Refuse(block, position, op, StrCat("output ", slot));
      }
    }
  } catch (Unimplemented& error) {
    frames_.resize(depth);
    Refuse(block, position, op, error.headline());
  } catch (Error& error) {
    error.AddContext(StrCat("block ", block.idx(), " op ", position, " (", op.type, ")"));
    throw;
  }
}

void OnnxExporter::Emit(Block& block) {
  for (int i = 0; i < static_cast<int>(block.ops().size()); ++i) EmitOp(block, i);
}

void OnnxExporter::AddOutputs() {
  std::set<std::string> given;
  for (const std::string& name : model_.fetch_names) {
    std::string value = Current(name);
    SKIFF_ENFORCE(!value.empty(), InvalidArgument, "output \"", name, "\" is never computed");
    if (!given.insert(value).second) {
      value = Append({"Identity", {value}, {Fresh(name + ".again")}, {}, ""});
    }
    const Variable& v = program_->global_block().Var(name);
    if (value != kNoForm && IsComplex(v.dtype)) value = RefuseComplex("output", name);
    if (value != kNoForm) graph().outputs.push_back({value, v.dtype, v.shape, v.kind == VarKind::kLodTensorArray});
  }
}

OnnxGraph OnnxExporter::Run() {
  BeginGraph("skiff");
  std::set<std::string> reads, written;  // what is written over later is declared as it is then
  for (const auto& op : program_->global_block().ops()) AddNames(*program_, *op, &reads, &written);
  for (const std::string& name : model_.feed_names) {
    Variable& v = program_->global_block().Var(name);
    if (written.count(name) > 0) v.shape = Shape(std::vector<int64_t>(v.shape.rank(), -1));
    if (IsComplex(v.dtype)) {
      RefuseComplex("input", name);
      continue;
    }
    graph().inputs.push_back({name, v.dtype, v.shape, false});
    assigned_.insert(name);
    Bind(name, name);
  }
  Emit(program_->global_block());
  AddOutputs();
  if (!refused_.empty()) {
    std::string text;
    for (const auto& [what, places] : refused_) {
      text += StrCat(text.empty() ? "" : "; ", what, " at ");
      for (size_t i = 0; i < places.size(); ++i) text += StrCat(i > 0 ? ", " : "", places[i]);
    }
    Unimplemented error("no ONNX form for " + text);
    error.AddContext("docs/onnx_operators.md lists the operators that have one");
    throw error;
  }
  graph().RemoveUnused();
  return std::move(*frames_.front().graph);
}

namespace {

constexpr uint64_t kMaxOnnxBytes = 0x7FFFFFFF;  // protobuf's limit

WireMessage MakeOnnx(const InferenceModel& model, const OnnxOptions& options, OnnxDataFile* data, bool only_if_needed) {
  const OnnxGraph graph = OnnxExporter(model, options).Run();
  const OnnxHeader header{options.opset, options.producer, SKIFF_OP_LIBRARY_VERSION};
  if (only_if_needed) {
    WireMessage whole = ToMessage(graph, header);
    if (whole.size() <= kMaxOnnxBytes) return whole;
  }
  return ToMessage(graph, header, data);
}

}  // namespace

std::string SerializeOnnx(const InferenceModel& model, const OnnxOptions& options) {
  SKIFF_ENFORCE(!options.external_data, InvalidArgument, "a model in memory has no file beside it; external_data is for ExportOnnx");
  const WireMessage message = MakeOnnx(model, options, nullptr, false);
  SKIFF_ENFORCE(message.size() <= kMaxOnnxBytes, InvalidArgument, "the model has ", message.size(),
                " bytes; protobuf holds less than 2 GiB. ExportOnnx writes it as two files");
  StringSink sink;
  message.WriteTo(&sink);
  return sink.Take();
}

void ExportOnnx(const InferenceModel& model, const std::string& path, const OnnxOptions& options) {
  OnnxDataFile data;
  data.location = path.substr(path.find_last_of('/') + 1) + ".data";
  const WireMessage message = MakeOnnx(model, options, &data, !options.external_data);
  AtomicFiles files;
  message.WriteTo(&files.Add(path));
  if (data.tensors.empty()) {
    files.Remove(path + ".data");
  } else {
    Sink& sink = files.Add(path + ".data");
    uint64_t written = 0;
    for (const Tensor& tensor : data.tensors) {
      const std::string gap((kExternalAlignment - written % kExternalAlignment) % kExternalAlignment, '\0');
      sink.Write(gap);
      sink.Write(tensor.raw_data(), tensor.bytes());
      written += gap.size() + tensor.bytes();
    }
  }
  files.Commit();
}

InferenceModel InferenceModelOf(const Program& program, const std::vector<std::string>& feeds, const std::vector<std::string>& fetches,
                                const Scope& scope) {
  InferenceModel model{program.Clone(/*for_test=*/true), feeds, fetches, {}};
  for (const auto* names : {&feeds, &fetches}) {
    for (const std::string& name : *names) model.program->global_block().Var(name);
  }
  CheckBlocks(*model.program);
  const std::set<std::string> read = KeepNeeded(model.program.get(), fetches);
  std::string missing;
  for (const Variable* v : SavedVariables(*model.program)) {
    if (read.count(v->name) == 0) continue;
    const Value* value = scope.FindVar(v->name);
    const Tensor* tensor = value == nullptr ? nullptr : std::get_if<Tensor>(value);
    if (tensor == nullptr || !tensor->is_initialized()) {
      missing += StrCat(missing.empty() ? "" : ", ", "\"", v->name, "\"");
    } else {
      model.parameters.Set(v->name, *tensor);
    }
  }
  SKIFF_ENFORCE(missing.empty(), NotFound, "parameters without a value in the scope: ", missing, "; run the startup program first");
  return model;
}

void ExportOnnx(const std::string& model_path, const std::string& path, const OnnxOptions& options, const LoadInferenceOptions& load) {
  LoadInferenceOptions shared = load;
  shared.memory = TensorMemory::kShared;
  ExportOnnx(LoadInferenceModel(model_path, shared), path, options);
}

}  // namespace skiff::io
