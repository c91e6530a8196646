// dropout. Which elements fall out is a function of the seed and the element's index alone, so that any
// count of threads, and the CPU and a card, drop the same ones.
#include "framework/op/op_schema.h"
#include "operators/kernel/for_each.h"
#include "operators/kernel/random.h"

namespace skiff {

namespace {

// Philox calls that go together: on the CPU as many as make loops worth vectorising (5.0 to 2.7 ns an
// element under AVX2), on a card one a thread.
#if defined(__CUDACC__)
constexpr int64_t kCalls = 1;
#else
constexpr int64_t kCalls = 128;
#endif

// Kept elements are multiplied by `kept`, dropped ones become 0. Call j gives four words: for the
// elements j, j + quarter, j + 2 quarter and j + 3 quarter, so that each word's elements are a run.
template <typename T>
struct DropoutTrain {
  const T* x;
  T* out;
  uint8_t* mask;  // may be null
  uint64_t key;
  float probability;
  Compute<T> kept;
  int64_t quarter;

  SKIFF_HD void Apply(const uint32_t* words, int64_t begin, int64_t n) const {
    const T* from = x + begin;
    T* to = out + begin;
#pragma GCC ivdep
    for (int64_t k = 0; k < n; ++k) {
      const Compute<T> factor = UniformFloat(words[k]) >= probability ? kept : Compute<T>(0);
      to[k] = StoreElement<T>(math::Select(factor != Compute<T>(0), LoadElement(from[k]) * factor, Compute<T>(0)));
    }
    if (mask == nullptr) return;
    uint8_t* keep = mask + begin;
    for (int64_t k = 0; k < n; ++k) keep[k] = UniformFloat(words[k]) >= probability;
  }
  // Calls [group kCalls, (group + 1) kCalls), as far as there are any.
  SKIFF_HD void operator()(int64_t group) const {
    const int64_t begin = group * kCalls;
    const int64_t n = quarter - begin < kCalls ? quarter - begin : kCalls;
    uint32_t words[4][kCalls];
    for (int64_t k = 0; k < n; ++k) {
      const RandomWords r = Philox(key, static_cast<uint64_t>(begin + k));
      for (int lane = 0; lane < 4; ++lane) words[lane][k] = r.word[lane];
    }
    for (int lane = 0; lane < 4; ++lane) Apply(words[lane], begin + lane * quarter, n);
  }
};

// The up to three elements behind the four quarters.
template <typename T>
struct DropoutTail {
  DropoutTrain<T> train;
  SKIFF_HD void operator()(int64_t i) const {
    const int64_t at = 4 * train.quarter + i;
    const uint32_t word = Philox(train.key, static_cast<uint64_t>(at)).word[0];
    train.Apply(&word, at, 1);
  }
};

// Two dropouts of one program draw differently: each mixes in the name of its output.
uint64_t NameSeed(const std::string& name) {
  uint64_t hash = 0xcbf29ce484222325ull;  // FNV-1a
  for (unsigned char c : name) hash = (hash ^ c) * 0x100000001b3ull;
  return hash;
}

template <typename T>
struct ScaleElements {
  const T* x;
  T* out;
  Compute<T> factor;
  SKIFF_HD void operator()(int64_t i) const { out[i] = StoreElement<T>(LoadElement(x[i]) * factor); }
};

struct FillOnes {
  uint8_t* mask;
  SKIFF_HD void operator()(int64_t i) const { mask[i] = 1; }
};

template <typename T>
struct MaskElements {
  const T* out_grad;
  const uint8_t* mask;
  T* x_grad;
  Compute<T> kept;
  SKIFF_HD void operator()(int64_t i) const {
    x_grad[i] = StoreElement<T>(LoadElement(out_grad[i]) * static_cast<Compute<T>>(mask[i]) * kept);
  }
};

bool Upscales(const Attrs& attrs) {
  const auto how = attrs.Get<std::string>("dropout_implementation");
  SKIFF_ENFORCE(how == "upscale_in_train" || how == "downgrade_in_infer", InvalidArgument,
                "dropout_implementation is \"", how,
                "\"; it may be upscale_in_train or downgrade_in_infer");
  return how == "upscale_in_train";
}

float Probability(const Attrs& attrs) {
  const auto p = attrs.Get<float>("dropout_prob");
  SKIFF_ENFORCE(p >= 0 && p <= 1, InvalidArgument, "dropout_prob is ", p, "; it must be in [0, 1]");
  return p;
}

// What a kept element is multiplied by while training.
template <typename C>
C KeptFactor(const Attrs& attrs) {
  const float p = Probability(attrs);
  if (!Upscales(attrs)) return C(1);
  return p == 1.0f ? C(0) : C(1) / static_cast<C>(1.0f - p);
}

struct Dropout {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    using C = Compute<T>;
    const int64_t n = c.Input("X").shape.NumElements();
    const int x = c.InputIndex("X"), out = c.OutputIndex("Out");
    const int mask = c.HasOutput("Mask") ? c.OutputIndex("Mask") : -1;
    const float p = Probability(c.attrs());
    if (c.Attr<bool>("is_test")) {
      const C factor = Upscales(c.attrs()) ? C(1) : C(1) - C(p);
      return MakeKernel([=](const KernelArgs& args) {
        ForEach(n, kElementGrain, args,
                ScaleElements<T>{static_cast<const T*>(args.in[x]), static_cast<T*>(args.out[out]), factor});
        if (mask >= 0 && args.out[mask] != nullptr) {
          ForEach(n, kElementGrain, args, FillOnes{static_cast<uint8_t*>(args.out[mask])});
        }
      });
    }
    const C kept = KeptFactor<C>(c.attrs());
    const std::vector<int64_t> seed_input = c.HostValues("Seed");
    const bool fixed = c.Attr<bool>("fix_seed") || !seed_input.empty();
    const int64_t seed = seed_input.empty() ? c.Attr<int64_t>("seed") : seed_input[0];
    const uint64_t own = fixed ? static_cast<uint64_t>(seed) : NameSeed(c.op().outputs.One("Out")) + seed;
    return MakeKernel([=](const KernelArgs& args) {
      const DropoutTrain<T> train{static_cast<const T*>(args.in[x]), static_cast<T*>(args.out[out]),
                                  mask < 0 ? nullptr : static_cast<uint8_t*>(args.out[mask]),
                                  MixSeeds(fixed ? 0 : args.seed, own), p, kept, n / 4};
      ForEach((n / 4 + kCalls - 1) / kCalls, kElementGrain / 8 / kCalls, args, train);
      ForEach(n % 4, kElementGrain, args, DropoutTail<T>{train});
    });
  }
};

struct DropoutGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    using C = Compute<T>;
    const int64_t n = c.Input("Out@GRAD").shape.NumElements();
    const int out_grad = c.InputIndex("Out@GRAD"), x_grad = c.OutputIndex("X@GRAD");
    if (c.Attr<bool>("is_test")) {
      const C factor = Upscales(c.attrs()) ? C(1) : C(1) - C(Probability(c.attrs()));
      return MakeKernel([=](const KernelArgs& args) {
        ForEach(n, kElementGrain, args,
                ScaleElements<T>{static_cast<const T*>(args.in[out_grad]),
                                 static_cast<T*>(args.out[x_grad]), factor});
      });
    }
    SKIFF_ENFORCE(c.HasInput("Mask"), InvalidArgument, "input Mask is missing");
    const int mask = c.InputIndex("Mask");
    const C kept = KeptFactor<C>(c.attrs());
    return MakeKernel([=](const KernelArgs& args) {
      ForEach(n, kElementGrain, args,
              MaskElements<T>{static_cast<const T*>(args.in[out_grad]),
                              static_cast<const uint8_t*>(args.in[mask]),
                              static_cast<T*>(args.out[x_grad]), kept});
    });
  }
};

void InferDropout(InferContext& c) {
  const TensorMeta x = c.Input("X");
  c.SetOutput("Mask", TensorMeta{x.shape, DType::kUInt8});
  c.SetOutput("Out", TensorMeta{x.shape, x.dtype, x.lod_level});
}

}  // namespace

SKIFF_OP(dropout)
    .Doc("Training: an element is 0 with probability dropout_prob, else X (over 1 - dropout_prob with "
         "upscale_in_train). Testing: X (times 1 - dropout_prob with downgrade_in_infer).")
    .Source("Srivastava et al. 2014; paddle.nn.functional.dropout")
    .Input("X", "any shape, floating")
    .HostInput("Seed", "one integer; goes before the attribute")
    .Output("Out", "shape and dtype of X")
    .OptionalOutput("Mask", "uint8, 1 where an element is kept")
    .Attr("dropout_prob", 0.5f, "in [0, 1]")
    .Attr("is_test", false, "whether the network is being used, not trained")
    .Attr("dropout_implementation", "downgrade_in_infer", "or upscale_in_train: where the scale is made up for")
    .Attr("fix_seed", false, "whether `seed` alone decides, the same in each run")
    .Attr("seed", 0, "of this operator")
    .InferShape(InferDropout)
    .Random()
    .Gradient(StandardGrad({}, {"Mask"}, {"Out"}, {"X"}))
    .Kernel<Dropout, float, double, Float16, BFloat16>();

SKIFF_OP(dropout_grad)
    .Doc("X@GRAD is Out@GRAD where Mask keeps, times what dropout multiplied by; 0 elsewhere.")
    .OptionalInput("Mask", "of dropout; not needed with is_test")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of X")
    .Attr("dropout_prob", 0.5f, "as in dropout")
    .Attr("is_test", false, "as in dropout")
    .Attr("dropout_implementation", "downgrade_in_infer", "as in dropout")
    .Attr("fix_seed", false, "as in dropout")
    .Attr("seed", 0, "as in dropout")
    .OfDType(DType::kUInt8, {"Mask"})
    .InferShape([](InferContext& c) {
      const TensorMeta dout = c.Input("Out@GRAD");
      if (c.HasInput("Mask")) {
        const Shape& mask = c.InputShape("Mask");
        SKIFF_ENFORCE(!mask.IsKnown() || !dout.shape.IsKnown() || mask.NumElements() == dout.shape.NumElements(), InvalidArgument, "Mask is ",
                      mask, ", Out@GRAD ", dout.shape, "; they must be equal");
      }
      c.SetOutput("X@GRAD", TensorMeta{dout.shape, dout.dtype, dout.lod_level});
    })
    .KeyedBy("Out@GRAD")
    .Inplace("Out@GRAD", "X@GRAD")
    .Kernel<DropoutGrad, float, double, Float16, BFloat16>();

}  // namespace skiff
