#include "executor/predictor.h"

#include <algorithm>

#include "executor/fed_shape.h"

namespace skiff {

namespace {

bool Fits(const TensorMeta& declared, const Tensor& given) {
  if (declared.dtype != DType::kUndefined && declared.dtype != given.dtype()) return false;
  return declared.shape.Takes(given.shape());
}

}  // namespace

Predictor::Predictor(PredictorModel model, PredictorOptions options)
    : feed_names_(std::move(model.feed_names)),
      fetch_names_(std::move(model.fetch_names)),
      options_(std::move(options)) {
  if (options_.num_threads <= 0) options_.num_threads = DefaultNumThreads();
  const Block& block = model.program->global_block();
  auto describe = [&](const std::string& name) {
    const Variable& v = block.Var(name);
    return metas_[name] = TensorMeta{v.shape, v.dtype, v.lod_level, v.kind};
  };
  for (const std::string& name : feed_names_) {
    describe(name);
    metas_[name].shape = FedShape(*model.program, block.Var(name));
    feed_metas_.push_back(metas_[name]);
  }
  for (const std::string& name : fetch_names_) describe(name);
  CompiledProgram::Options compile;
  compile.place = options_.place;
  compile.num_threads = options_.num_threads;
  compile.optimize = options_.optimize;
  compile.disabled_passes = options_.disabled_passes;
  compile.max_plans = options_.max_plans;
  compiled_ = std::make_unique<CompiledProgram>(*model.program, feed_names_, fetch_names_,
                                                std::move(model.parameters), /*frozen=*/true, compile);
}

Predictor::~Predictor() = default;
Predictor::Predictor(Predictor&&) noexcept = default;

TensorMeta Predictor::Describe(const std::string& name) const {
  const auto found = metas_.find(name);
  if (found != metas_.end()) return found->second;
  NotFound error(StrCat("the model has no input or output \"", name, "\""));
  std::vector<std::string> names;
  for (const auto& [known, meta] : metas_) names.push_back(known);
  error.AddContext(DidYouMean(name, names));
  throw error;
}

Feeds Predictor::Named(const std::vector<Tensor>& inputs) const {
  SKIFF_ENFORCE(inputs.size() == feed_names_.size(), InvalidArgument, "the model takes ",
                feed_names_.size(), " input(s), ", inputs.size(), " were given");
  Feeds feeds;
  feeds.reserve(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    SKIFF_ENFORCE(Fits(feed_metas_[i], inputs[i]), InvalidArgument, "input \"", feed_names_[i],
                  "\" is ", inputs[i].dtype(), " ", inputs[i].shape(), ", the model wants ",
                  feed_metas_[i].dtype, " ", feed_metas_[i].shape);
    feeds.emplace_back(feed_names_[i], inputs[i].To(options_.place));
  }
  return feeds;
}

std::vector<Tensor> Predictor::Run(const std::vector<Tensor>& inputs,
                                   std::vector<Tensor> outputs) const {
  const Feeds feeds = Named(inputs);
  // Streams are cheap to make on the CPU, and on a card one call's work must not wait for another's.
  const Stream stream(options_.place);
  std::vector<Value> values = compiled_->Run(feeds, nullptr, stream, 0, std::move(outputs));
  std::vector<Tensor> results;
  results.reserve(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    Tensor* tensor = std::get_if<Tensor>(&values[i]);
    SKIFF_ENFORCE(tensor != nullptr, InvalidType, "output \"", fetch_names_[i], "\" is no dense tensor");
    results.push_back(options_.place.is_cpu() ? std::move(*tensor) : tensor->To(CPUPlace{}));
  }
  return results;
}

std::vector<Tensor> Predictor::Run(const Feeds& inputs) const {
  std::vector<Tensor> ordered(feed_names_.size());
  for (const auto& [name, tensor] : inputs) {
    const auto found = std::find(feed_names_.begin(), feed_names_.end(), name);
    if (found == feed_names_.end()) {
      NotFound error(StrCat("the model has no input \"", name, "\""));
      error.AddContext(DidYouMean(name, feed_names_));
      throw error;
    }
    ordered[found - feed_names_.begin()] = tensor;
  }
  for (size_t i = 0; i < ordered.size(); ++i) {
    SKIFF_ENFORCE(ordered[i].is_initialized(), InvalidArgument, "input \"", feed_names_[i],
                  "\" was not given");
  }
  return Run(ordered);
}

void Predictor::Prepare(const std::vector<Tensor>& inputs) const { PlanText(inputs); }

std::string Predictor::PlanText(const std::vector<Tensor>& inputs) const {
  return compiled_->PlanText(Named(inputs), nullptr);
}

}  // namespace skiff
