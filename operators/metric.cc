// accuracy and auc.
#include "framework/op/op_schema.h"
#include "operators/kernel/decided_ints.h"
#include "operators/kernel/for_each.h"
#include "operators/kernel/rows.h"

namespace skiff {

namespace {

// One thread: the batch is small beside what gave the predictions.
struct CountCorrect {
  const void *indices, *labels;
  bool wide_indices, wide_labels;
  int64_t samples, k;
  float* accuracy;
  int32_t *correct, *total;
  SKIFF_HD void operator()(int64_t) const {
    int64_t hits = 0;
    for (int64_t i = 0; i < samples; ++i) {
      const int64_t label = IdAt(labels, wide_labels, i);
      bool hit = false;
      for (int64_t j = 0; j < k; ++j) hit = hit || IdAt(indices, wide_indices, i * k + j) == label;
      hits += hit;
    }
    *accuracy = samples == 0 ? 0.0f : static_cast<float>(hits) / static_cast<float>(samples);
    if (correct != nullptr) *correct = static_cast<int32_t>(hits);
    if (total != nullptr) *total = static_cast<int32_t>(samples);
  }
};

struct Accuracy {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& indices = c.Input("Indices").shape;
    CountCorrect count{};
    count.samples = indices[0];
    count.k = indices.Product(1, indices.rank());
    count.wide_indices = WideIds(c.Input("Indices"), "Indices");
    count.wide_labels = WideIds(c.Input("Label"), "Label");
    SKIFF_ENFORCE(c.Input("Label").shape.NumElements() == count.samples, InvalidArgument, "Label is ",
                  c.Input("Label").shape, ", Indices is ", indices, "; expected [", count.samples, ", 1]");
    return MakeKernel([=, in = c.InputIndex("Indices"), label = c.InputIndex("Label"),
                       accuracy = c.OutputIndex("Accuracy"), correct = c.OutputIndex("Correct"),
                       total = c.OutputIndex("Total")](const KernelArgs& args) {
      CountCorrect one = count;
      one.indices = args.in[in];
      one.labels = args.in[label];
      one.accuracy = static_cast<float*>(args.out[accuracy]);
      one.correct = static_cast<int32_t*>(args.out[correct]);
      one.total = static_cast<int32_t*>(args.out[total]);
      ForEach(1, 1, args, one);
    });
  }
};

// Histograms of the predictions of either class; the area by trapezoids from the highest bucket down.
// With slide_steps > 0 a buffer holds one histogram a step, their sum, and the count of steps so far.
struct AucUpdate {
  int64_t samples, classes, buckets, steps;
  const void* predict;
  const void* labels;
  bool wide_labels;
  const int64_t *pos_in, *neg_in;
  int64_t *pos, *neg;
  int64_t state;  // elements of a buffer
  double* auc;

  SKIFF_HD int64_t* Slide(const int64_t* in, int64_t* out) const {
    for (int64_t i = 0; i < state; ++i) out[i] = in[i];
    if (steps == 0) return out;
    int64_t* counter = out + (steps + 1) * buckets;
    int64_t* oldest = out + (*counter % steps + steps) % steps * buckets;
    int64_t* sum = out + steps * buckets;
    for (int64_t b = 0; b < buckets; ++b) {
      sum[b] -= oldest[b];
      oldest[b] = 0;
    }
    ++*counter;
    return oldest;
  }

  SKIFF_HD void operator()(int64_t) const {
    int64_t* pos_now = Slide(pos_in, pos);
    int64_t* neg_now = Slide(neg_in, neg);
    for (int64_t i = 0; i < samples; ++i) {
      const float p = static_cast<const float*>(predict)[i * classes + classes - 1];
      const auto bucket = static_cast<int64_t>(p * static_cast<float>(buckets - 1));
      if (bucket < 0 || bucket >= buckets) continue;
      ++(IdAt(labels, wide_labels, i) != 0 ? pos_now : neg_now)[bucket];
    }
    const int64_t* pos_sum = pos;
    const int64_t* neg_sum = neg;
    if (steps > 0) {
      for (int64_t b = 0; b < buckets; ++b) {
        pos[steps * buckets + b] += pos_now[b];
        neg[steps * buckets + b] += neg_now[b];
      }
      pos_sum = pos + steps * buckets;
      neg_sum = neg + steps * buckets;
    }
    double area = 0, all_pos = 0, all_neg = 0;
    for (int64_t b = buckets - 1; b >= 0; --b) {
      const double pos_before = all_pos, neg_before = all_neg;
      all_pos += static_cast<double>(pos_sum[b]);
      all_neg += static_cast<double>(neg_sum[b]);
      area += (all_neg - neg_before) * (all_pos + pos_before) / 2.0;
    }
    *auc = all_pos > 0 && all_neg > 0 ? area / all_pos / all_neg : 0.0;
  }
};

struct Auc {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& predict = c.Input("Predict").shape;
    AucUpdate update{};
    SKIFF_ENFORCE(predict.rank() == 2 && c.Input("Label").shape.NumElements() == predict[0] && predict[1] > 0, InvalidArgument, "Predict is ",
                  predict, ", Label ", c.Input("Label").shape, "; expected [samples, classes] and [samples, 1]");
    update.samples = predict[0];
    update.classes = predict.Product(1, predict.rank());
    update.buckets = c.Attr<int64_t>("num_thresholds") + 1;
    update.steps = c.Attr<int64_t>("slide_steps");
    update.wide_labels = WideIds(c.Input("Label"), "Label");
    update.state = c.Input("StatPos").shape.NumElements();
    SKIFF_ENFORCE(update.buckets > 0 && update.steps >= 0 && update.steps < INT32_MAX / update.buckets, InvalidArgument, "num_thresholds is ",
                  update.buckets - 1, ", slide_steps ", update.steps, "; neither may be negative");
    const int64_t wanted = update.steps == 0 ? update.buckets : (update.steps + 1) * update.buckets + 1;
    SKIFF_ENFORCE(update.state >= wanted && c.Input("StatNeg").shape.NumElements() == update.state, InvalidArgument,
                  "StatPos is ", c.Input("StatPos").shape, ", StatNeg is ", c.Input("StatNeg").shape,
                  "; they must be alike and hold ", wanted, " elements");
    return MakeKernel([=, predicted = c.InputIndex("Predict"), label = c.InputIndex("Label"),
                       pos = c.InputIndex("StatPos"), neg = c.InputIndex("StatNeg"),
                       auc = c.OutputIndex("AUC"), pos_out = c.OutputIndex("StatPosOut"),
                       neg_out = c.OutputIndex("StatNegOut")](const KernelArgs& args) {
      AucUpdate one = update;
      one.predict = args.in[predicted];
      one.labels = args.in[label];
      one.pos_in = static_cast<const int64_t*>(args.in[pos]);
      one.neg_in = static_cast<const int64_t*>(args.in[neg]);
      one.pos = static_cast<int64_t*>(args.out[pos_out]);
      one.neg = static_cast<int64_t*>(args.out[neg_out]);
      one.auc = static_cast<double*>(args.out[auc]);
      ForEach(1, 1, args, one);
    });
  }
};

}  // namespace

SKIFF_OP(accuracy)
    .Doc("Accuracy is the share of samples whose Label is among their Indices.")
    .Source("paddle.static.accuracy")
    .Input("Out", "[samples, k], the top k scores; not read")
    .Input("Indices", "[samples, k], int64 or int32, the top k classes")
    .Input("Label", "[samples, 1], int64 or int32")
    .Output("Accuracy", "0-D float32, in [0, 1]")
    .Output("Correct", "0-D int32, samples that are right")
    .Output("Total", "0-D int32, samples")
    .InferShape([](InferContext& c) {
      c.SetOutput("Accuracy", Shape{}, DType::kFloat32);
      // Paddle declares the counts as float32 and computes int32; its files show the former.
      const DType counts = c.at_runtime() ? DType::kInt32 : DType::kFloat32;
      c.SetOutput("Correct", Shape{}, counts);
      c.SetOutput("Total", Shape{}, counts);
    })
    .Kernel<Accuracy, AnyDType>();

SKIFF_OP(auc)
    .Doc("AUC is the area under the receiver operating curve of all samples, or of the last slide_steps batches.")
    .Source("paddle.static.auc")
    .Input("Predict", "[samples, classes], float32 in [0, 1]; the last column is the positive class")
    .Input("Label", "[samples, 1], int64 or int32, 0 or 1")
    .Input("StatPos", "int64 histograms of positive samples")
    .Input("StatNeg", "int64 histograms of negative samples")
    .OptionalInput("InsTagWeight", "not read")
    .Output("AUC", "0-D float64")
    .Output("StatPosOut", "the variable of StatPos")
    .Output("StatNegOut", "the variable of StatNeg")
    .Attr("curve", "ROC", "ROC or PR; with either AUC is the area under the ROC curve, as Paddle computes it")
    .Attr("num_thresholds", 8191, "buckets less one")
    .Attr("slide_steps", 1, "batches that count; 0 for all")
    .InferShape([](InferContext& c) {
      const auto curve = c.Attr<std::string>("curve");
      SKIFF_ENFORCE(curve == "ROC" || curve == "PR", InvalidArgument, "curve is \"", curve, "\"; it must be \"ROC\" or \"PR\"");
      for (const char* slot : {"StatPos", "StatNeg"}) {
        SKIFF_ENFORCE(c.InputDType(slot) == DType::kInt64 || !c.at_runtime(), InvalidType, slot, " is ",
                      c.InputDType(slot), "; it must be int64");
      }
      c.SetOutput("AUC", Shape{}, DType::kFloat64);
      c.SetOutput("StatPosOut", TensorMeta(c.Input("StatPos")));
      c.SetOutput("StatNegOut", TensorMeta(c.Input("StatNeg")));
    })
    .Inplace("StatPos", "StatPosOut")
    .Inplace("StatNeg", "StatNegOut")
    .KeyedBy("Predict")
    .Kernel<Auc, float>();

}  // namespace skiff
