// lookup_table_v2 and its older form: rows of a table by index; one_hot_v2.
#include "framework/op/op_schema.h"
#include "operators/kernel/decided_ints.h"
#include "framework/op/run_op.h"
#include "operators/kernel/rows.h"
#include "operators/kernel/selected_rows.h"

namespace skiff {

namespace {

// Ids.shape + [width]; the older operator drops a trailing extent of 1 first.
Shape RowsShape(const InferContext& c, bool drops_last) {
  Shape out = c.InputShape("Ids");
  const Shape& table = c.InputShape("W");
  SKIFF_ENFORCE(table.rank() == 2, InvalidArgument, "W is ", table, "; expected [rows, width]");
  if (drops_last) {
    SKIFF_ENFORCE(out.rank() > 0 && (out[out.rank() - 1] == 1 || out[out.rank() - 1] == -1),
                  InvalidArgument, "Ids is ", out, "; its last extent must be 1");
    out.Erase(-1);
  }
  out.Append(table[1]);
  return out;
}

void InferLookup(InferContext& c, bool drops_last) {
  c.SetOutput("Out", TensorMeta{RowsShape(c, drops_last), c.InputDType("W"), c.Input("Ids").lod_level});
}

void InferLookupGrad(InferContext& c) {
  TensorMeta grad{c.InputShape("W"), c.InputDType("W")};
  if (c.Attr<bool>("is_sparse")) grad.kind = VarKind::kSelectedRows;
  c.SetOutput("W@GRAD", grad);
}

struct Lookup {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const TensorInfo& table = c.Input("W");
    RowGather gather;
    gather.rows = table.shape[0];
    gather.row_bytes = table.shape[1] * static_cast<int64_t>(SizeOf(table.dtype));
    gather.count = c.Input("Ids").shape.NumElements();
    gather.skipped = c.Attr<int64_t>("padding_idx");
    gather.wide_ids = WideIds(c.Input("Ids"), "Ids");
    return MakeKernel([gather, x = c.InputIndex("W"), ids = c.InputIndex("Ids"),
                       out = c.OutputIndex("Out")](const KernelArgs& args) {
      GatherRows(gather, args.in[x], args.in[ids], args.out[out], args);
    });
  }
};

struct LookupGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const TensorInfo& table = c.Input("W");
    RowGather scatter;
    scatter.rows = table.shape[0];
    scatter.count = c.Input("Ids").shape.NumElements();
    scatter.skipped = c.Attr<int64_t>("padding_idx");
    scatter.wide_ids = WideIds(c.Input("Ids"), "Ids");
    return MakeKernel([scatter, width = table.shape[1], grad = c.InputIndex("Out@GRAD"),
                       ids = c.InputIndex("Ids"), out = c.OutputIndex("W@GRAD")](const KernelArgs& args) {
      FillZero(args.out[out], scatter.rows * width * sizeof(T), args);
      ScatterAddRows<T>(scatter, width, args.in[grad], args.in[ids], static_cast<T*>(args.out[out]), args);
    });
  }
};

// is_sparse: the rows of Out@GRAD themselves, one for each index, without a pass over the table.
void SparseLookupGrad(DynamicContext& c) {
  const Tensor& table = c.InputTensor("W");
  const Tensor& out_grad = c.InputTensor("Out@GRAD");
  const int64_t padding = c.attrs().Get<int64_t>("padding_idx");
  const std::vector<int64_t> ids = IntElements(c.InputTensor("Ids"));
  SelectedRows rows;
  rows.height = table.shape()[0];
  for (int64_t id : ids) {
    SKIFF_ENFORCE(id >= 0 && id < rows.height, OutOfRange, "Ids holds ", id, ", W has ", rows.height, " rows");
    if (id != padding) rows.rows.push_back(id);
  }
  const int64_t width = table.shape()[1];
  Tensor values = Tensor(out_grad.Reshaped({static_cast<int64_t>(ids.size()), width}));
  if (rows.rows.size() == ids.size()) {
    rows.value = values.Clone();
  } else {
    rows.value = Tensor({static_cast<int64_t>(rows.rows.size()), width}, values.dtype(), values.place());
    const size_t row_bytes = width * SizeOf(values.dtype());
    char* to = static_cast<char*>(rows.value.raw_data());
    for (size_t i = 0; i < ids.size(); ++i) {
      if (ids[i] == padding) continue;
      CopyBytes(values.place(), to, values.place(), static_cast<const char*>(values.raw_data()) + i * row_bytes,
                row_bytes);
      to += row_bytes;
    }
  }
  c.Output("W@GRAD") = std::move(rows);
}

// A row of W is its smallest and its largest number, then bytes, four to a float, in 256ths of the way between the two.
struct DequantizedElement {
  const float* rows;
  float* out;
  int64_t columns;  // of W
  SKIFF_HD void operator()(int64_t i) const {
    const int64_t width = 4 * (columns - 2);
    const float* row = rows + i / width * columns;
    const auto* bytes = reinterpret_cast<const uint8_t*>(row + 2);
    out[i] = (row[1] - row[0]) / 256.0f * static_cast<float>(bytes[i % width]) + row[0];
  }
};

struct DequantizedLookup {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& table = c.Input("W").shape;
    RowGather gather;
    gather.rows = table[0];
    gather.row_bytes = table[1] * static_cast<int64_t>(sizeof(float));
    gather.count = c.Input("Ids").shape.NumElements();
    gather.skipped = c.Attr<int64_t>("padding_idx");
    gather.wide_ids = WideIds(c.Input("Ids"), "Ids");
    c.RequestWorkspace(gather.count * gather.row_bytes);
    return MakeKernel([gather, columns = table[1], x = c.InputIndex("W"), ids = c.InputIndex("Ids"),
                       out = c.OutputIndex("Out")](const KernelArgs& args) {
      GatherRows(gather, args.in[x], args.in[ids], args.workspace, args);
      ForEach(gather.count * 4 * (columns - 2), kElementGrain, args,
              DequantizedElement{static_cast<const float*>(args.workspace), static_cast<float*>(args.out[out]), columns});
    });
  }
};

void InferOneHot(InferContext& c) {
  const std::optional<int64_t> depth = DecidedInt(c, "depth_tensor", "depth");
  Shape out = c.InputShape("X");
  out.Append(depth.value_or(-1));
  c.SetOutput("Out", TensorMeta{out, static_cast<DType>(c.Attr<int>("dtype")), c.Input("X").lod_level});
}

template <typename T>
struct OneHotElement {
  const void* ids;
  bool wide_ids;
  void* out;
  int64_t depth;
  SKIFF_HD void operator()(int64_t i) const {
    const int64_t id = IdAt(ids, wide_ids, i / depth);
    static_cast<T*>(out)[i] = static_cast<T>(id == i % depth ? 1 : 0);
  }
};

template <typename T>
std::unique_ptr<Kernel> PrepareOneHot(PrepareContext& c) {
  const int64_t count = c.Input("X").shape.NumElements(), depth = DecidedInt(c, "depth_tensor", "depth");
  const bool wide = WideIds(c.Input("X"), "X"), anything = c.Attr<bool>("allow_out_of_range");
  return MakeKernel([=, x = c.InputIndex("X"), out = c.OutputIndex("Out")](const KernelArgs& args) {
    if (!anything) CheckIds(args.in[x], wide, count, depth, "X");
    ForEach(count * depth, kElementGrain, args, OneHotElement<T>{args.in[x], wide, args.out[out], depth});
  });
}

struct OneHot {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const DType out = c.Output("Out").dtype;
    switch (out) {
      case DType::kFloat32: return PrepareOneHot<float>(c);
      case DType::kFloat64: return PrepareOneHot<double>(c);
      case DType::kInt32: return PrepareOneHot<int32_t>(c);
      case DType::kInt64: return PrepareOneHot<int64_t>(c);
      case DType::kBool: return PrepareOneHot<bool>(c);
      default: throw Unimplemented(StrCat("attribute dtype asks for ", out));
    }
  }
};

}  // namespace

SKIFF_OP(lookup_table_v2)
    .Doc("Out[i..., :] = W[Ids[i...], :]; zero where an index is padding_idx.")
    .Source("paddle.nn.functional.embedding")
    .Input("Ids", "int64 or int32, any shape, in [0, rows)")
    .Input("W", "[rows, width]")
    .Output("Out", "Ids.shape + [width], dtype of W")
    .Attr("padding_idx", int64_t{-1}, "index that reads zero and gets no gradient; -1 for none")
    .Attr("is_sparse", false, "whether W@GRAD is SelectedRows")
    .Attr("is_distributed", false, "not read")
    .Attr("remote_prefetch", false, "not read")
    .InferShape([](InferContext& c) { InferLookup(c, false); })
    .Gradient(StandardGrad({"Ids", "W"}, {}, {"Out"}, {"W"}))
    .KeyedBy("W")
    .Kernel<Lookup, AnyDType>();

SKIFF_OP(lookup_table_v2_grad)
    .Doc("W@GRAD[r, :] is the sum of Out@GRAD's rows whose index is r.")
    .Input("Ids", "as in lookup_table_v2")
    .Input("W", "only its shape matters")
    .Input("Out@GRAD", "shape of Out")
    .Output("W@GRAD", "shape of W; SelectedRows with is_sparse")
    .Attr("padding_idx", int64_t{-1}, "as in lookup_table_v2")
    .Attr("is_sparse", false, "as in lookup_table_v2")
    .Attr("is_distributed", false, "not read")
    .Attr("remote_prefetch", false, "not read")
    .InferShape(InferLookupGrad)
    .KeyedBy("Out@GRAD")
    .Dynamic(SparseLookupGrad)
    .Kernel<LookupGrad, float, double, Float16, BFloat16>();

SKIFF_OP(lookup_table)
    .Doc("As lookup_table_v2 for Ids with a last extent of 1, which Out has not.")
    .Source("Paddle's older lookup_table")
    .Input("W", "[rows, width]")
    .Input("Ids", "int64 or int32, [..., 1], in [0, rows)")
    .Output("Out", "Ids.shape without the 1 + [width], dtype of W")
    .Attr("padding_idx", int64_t{-1}, "index that reads zero and gets no gradient; -1 for none")
    .Attr("is_sparse", false, "whether W@GRAD is SelectedRows")
    .Attr("is_distributed", false, "not read")
    .Attr("remote_prefetch", false, "not read")
    .InferShape([](InferContext& c) { InferLookup(c, true); })
    .Gradient(StandardGrad({"Ids", "W"}, {}, {"Out"}, {"W"}))
    .KeyedBy("W")
    .Kernel<Lookup, AnyDType>();

SKIFF_OP(lookup_table_grad)
    .Doc("W@GRAD[r, :] is the sum of Out@GRAD's rows whose index is r.")
    .Input("Ids", "as in lookup_table")
    .Input("W", "only its shape matters")
    .Input("Out@GRAD", "shape of Out")
    .Output("W@GRAD", "shape of W; SelectedRows with is_sparse")
    .Attr("padding_idx", int64_t{-1}, "as in lookup_table")
    .Attr("is_sparse", false, "as in lookup_table")
    .Attr("is_distributed", false, "not read")
    .Attr("remote_prefetch", false, "not read")
    .InferShape(InferLookupGrad)
    .KeyedBy("Out@GRAD")
    .Dynamic(SparseLookupGrad)
    .Kernel<LookupGrad, float, double, Float16, BFloat16>();

SKIFF_OP(lookup_table_dequant)
    .Doc("Out[i] is row Ids[i] of W, whose numbers are bytes between the two with which the row begins.")
    .Source("Paddle's lookup_table_dequant")
    .Input("W", "[rows, 2 + width / 4] float32: smallest number, largest number, four bytes in each float")
    .Input("Ids", "[..., 1] integers")
    .Output("Out", "[..., width]")
    .Attr("padding_idx", int64_t{-1}, "this row reads as zeros; -1 for none")
    .InferShape([](InferContext& c) {
      Shape out = RowsShape(c, true);
      int64_t& width = out[out.rank() - 1];
      SKIFF_ENFORCE(width < 0 || width >= 2, InvalidArgument, "W has ", width, " columns; the first two hold a row's range");
      if (width >= 0) width = 4 * (width - 2);
      c.SetOutput("Out", TensorMeta{out, c.InputDType("W"), c.Input("Ids").lod_level});
    })
    .KeyedBy("W")
    .Kernel<DequantizedLookup, float>();

SKIFF_OP(one_hot_v2)
    .Doc("Out[i..., k] is 1 where X[i...] is k, else 0.")
    .Source("paddle.nn.functional.one_hot")
    .Input("X", "int64 or int32, any shape, in [0, depth)")
    .HostInput("depth_tensor", "one integer; goes before the attribute")
    .Output("Out", "X.shape + [depth]")
    .Attr("depth", -1, "extent of the new last dimension")
    .Attr("dtype", 5, "of Out, a VarType code")
    .Attr("allow_out_of_range", false, "an index outside gives zeros instead of an error")
    .InferShape(InferOneHot)
    .Kernel<OneHot, int32_t, int64_t>();

SKIFF_OP(merge_selected_rows)
    .Doc("Each row of X once, in ascending order, its occurrences added.")
    .Source("Paddle's merge_selected_rows")
    .Input("X", "SelectedRows")
    .Output("Out", "SelectedRows of X's height")
    .InferShape([](InferContext& c) { c.SetOutput("Out", TensorMeta(c.Input("X"))); })
    .Dynamic([](DynamicContext& c) {
      const auto* rows = std::get_if<SelectedRows>(&c.Input("X"));
      SKIFF_ENFORCE(rows != nullptr, InvalidType, "input X is no SelectedRows");
      c.Output("Out") = MergeRows(*rows);
    });

SKIFF_OP(get_tensor_from_selected_rows)
    .Doc("The rows of X as a dense tensor, in the order they are kept.")
    .Source("Paddle's get_tensor_from_selected_rows")
    .Input("X", "SelectedRows")
    .Output("Out", "[rows kept, ...]")
    .InferShape([](InferContext& c) {
      TensorMeta out = c.Input("X");
      out.kind = VarKind::kLodTensor;
      c.SetOutput("Out", out);
    })
    .Dynamic([](DynamicContext& c) {
      const auto* rows = std::get_if<SelectedRows>(&c.Input("X"));
      SKIFF_ENFORCE(rows != nullptr, InvalidType, "input X is no SelectedRows");
      c.Output("Out") = rows->value.Clone();
    });

}  // namespace skiff
