// repeat_interleave: slices along an axis, each some times in a row. shard_index is here too: an index of
// all classes as one of a shard's.
#include "framework/op/op_schema.h"
#include "operators/kernel/decided_ints.h"
#include "operators/kernel/map.h"
#include "operators/kernel/rows.h"

namespace skiff {

namespace {

[[maybe_unused]] void CheckRepeats(int64_t count, int64_t extent, bool is_tensor) {
  SKIFF_ENFORCE(!is_tensor || extent < 0 || count == extent, InvalidArgument, "RepeatsTensor holds ", count,
                " elements, X has ", extent, " slices along the axis; they must be equal");
}

[[maybe_unused]] void InferRepeat(InferContext& c) {
  const TensorMeta x = c.Input("X");
  const int axis = NormalizeAxis(c.Attr<int64_t>("dim"), x.shape.rank(), "dim");
  Shape out = x.shape;
  if (!c.HasInput("RepeatsTensor")) {
    const int64_t repeats = c.Attr<int64_t>("Repeats");
    SKIFF_ENFORCE(repeats > 0, InvalidArgument, "attribute Repeats is ", repeats, "; it must be positive");
    if (out[axis] >= 0) out[axis] *= repeats;
  } else {
    const auto repeats = c.InputValues("RepeatsTensor");
    out[axis] = repeats ? 0 : -1;
    if (repeats) {
      CheckRepeats(static_cast<int64_t>(repeats->size()), x.shape[axis], true);
      for (int64_t r : *repeats) {
        SKIFF_ENFORCE(r >= 0, InvalidArgument, "RepeatsTensor holds ", r, "; it must not be negative");
        SKIFF_ENFORCE(!__builtin_add_overflow(out[axis], r, &out[axis]), InvalidArgument,
                      "RepeatsTensor asks for more slices than can be counted");
      }
    }
  }
  c.SetOutput("Out", out, x.dtype);
}

// Which slice of X each slice of Out is, as a tensor at the kernel's place.
struct PickedSlices {
  RowGather plan;
  int64_t width = 1;
  Tensor ids;
};

PickedSlices PickedSlicesOf(const PrepareContext& c, const Shape& x, const Shape& out) {
  const int axis = NormalizeAxis(c.Attr<int64_t>("dim"), x.rank(), "dim");
  PickedSlices s;
  s.plan.outer = x.Product(0, axis);
  s.plan.rows = x[axis];
  s.plan.count = out[axis];
  s.width = x.Product(axis + 1, x.rank());
  Tensor ids(Shape{out[axis]}, DType::kInt64);
  int64_t* to = ids.data<int64_t>();
  const int64_t* const end = to + out[axis];
  const std::vector<int64_t> repeats =
      c.HasInput("RepeatsTensor") ? c.HostValues("RepeatsTensor") : std::vector<int64_t>(x[axis], c.Attr<int64_t>("Repeats"));
  for (size_t i = 0; i < repeats.size(); ++i) {
    for (int64_t k = 0; k < repeats[i] && to < end; ++k) *to++ = static_cast<int64_t>(i);
  }
  SKIFF_ENFORCE(to == end, InvalidArgument, "Out is ", out, ", the repeats of X ", x, " ask for another extent");
  s.ids = ids.To(c.place());
  return s;
}

struct RepeatSlices {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    PickedSlices s = PickedSlicesOf(c, c.Input("X").shape, c.Output("Out").shape);
    s.plan.row_bytes = s.width * static_cast<int64_t>(SizeOf(c.Input("X").dtype));
    return MakeKernel([s, x = c.InputIndex("X"), out = c.OutputIndex("Out")](const KernelArgs& args) {
      GatherRows(s.plan, args.in[x], s.ids.raw_data(), args.out[out], args);
    });
  }
};

struct RepeatSlicesGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& x = c.Input("X").shape;
    return MakeKernel([s = PickedSlicesOf(c, x, c.Input("Out@GRAD").shape), bytes = x.NumElements() * sizeof(T),
                       grad = c.InputIndex("Out@GRAD"), out = c.OutputIndex("X@GRAD")](const KernelArgs& args) {
      FillZero(args.out[out], bytes, args);
      ScatterAddRows<T>(s.plan, s.width, args.in[grad], s.ids.raw_data(), static_cast<T*>(args.out[out]), args);
    });
  }
};

struct ShardIndex {
  explicit ShardIndex(const Attrs& attrs)
      : classes(attrs.Get<int32_t>("index_num")), shards(attrs.Get<int32_t>("nshards")),
        shard(attrs.Get<int32_t>("shard_id")), ignored(attrs.Get<int32_t>("ignore_value")) {
    SKIFF_ENFORCE(classes > 0 && shards > 0 && shard >= 0 && shard < shards, InvalidArgument, "index_num is ", classes,
                  ", nshards ", shards, ", shard_id ", shard, "; the first two must be positive, the third in [0, nshards)");
    size = (classes + shards - 1) / shards;
  }
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return math::Select(x >= V(0) && x / V(size) == V(shard), x - V(size) * V(shard), V(ignored));
  }
  int64_t classes, shards, shard, ignored, size = 1;
};

}  // namespace

SKIFF_OP(repeat_interleave)
    .Doc("Out holds each slice of X along `dim` Repeats times, or as often as RepeatsTensor says for it.")
    .Source("paddle.repeat_interleave")
    .Input("X", "at least one axis")
    .HostInput("RepeatsTensor", "[extent along dim], int32 or int64; goes before the attribute")
    .Output("Out", "X.shape with the sum of the repeats along dim")
    .Attr("Repeats", 0, "for all slices")
    .Attr("dim", 0, "from the end when negative")
    .InferShape(InferRepeat)
    .Gradient(StandardGrad({"X", "RepeatsTensor"}, {}, {"Out"}, {"X"}))
    .Kernel<RepeatSlices, AnyDType>();

SKIFF_OP(repeat_interleave_grad)
    .Doc("Each slice of X@GRAD is the sum of Out@GRAD's that were made from it.")
    .Input("X", "only its shape matters")
    .HostInput("RepeatsTensor", "as in repeat_interleave")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of X")
    .Attr("Repeats", 0, "as in repeat_interleave")
    .Attr("dim", 0, "as in repeat_interleave")
    .InferShape(GradsLikeInputs())
    .KeyedBy("Out@GRAD")
    .Kernel<RepeatSlicesGrad, float, double, Float16, BFloat16, int32_t, int64_t>();

SKIFF_OP(shard_index)
    .Doc("Out is X's position in shard `shard_id` of index_num classes in nshards equal shards, ignore_value elsewhere.")
    .Source("paddle.shard_index")
    .Input("X", "int32 or int64, in [0, index_num)")
    .Output("Out", "shape and dtype of X")
    .RequiredAttr<int32_t>("index_num", "number of classes")
    .RequiredAttr<int32_t>("nshards", "number of shards")
    .RequiredAttr<int32_t>("shard_id", "which one")
    .Attr("ignore_value", -1, "for classes of other shards")
    .InferShape(Like("Out", "X"))
    .Inplace("X", "Out")
    .Kernel<Map<ShardIndex>, int32_t, int64_t>();

}  // namespace skiff
