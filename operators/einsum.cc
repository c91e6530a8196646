// einsum: sums of products over any axes, for one or two operands; paddle.einsum makes pairs of more.
//
// Every axis has a letter. A product of two operands, and likewise of a gradient and the other operand, becomes
// batches of matrix products: letters that both have and the target too count batches, letters of one side are
// rows or columns, letters that the target lacks are summed.
#include <algorithm>
#include <map>

#include "framework/op/op_schema.h"
#include "operators/kernel/gemm.h"
#include "operators/kernel/reduce.h"
#include "operators/kernel/strided.h"

namespace skiff {

namespace {

/// The letters of every operand and of the result, one for each axis; an ellipsis has become letters of its own.
struct Equation {
  std::vector<std::string> operands;
  std::string result;
  std::map<char, int64_t> extents;  // -1 while unknown
};

/// @throws InvalidArgument where the equation and the shapes do not go together.
Equation ParseEquation(std::string text, const std::vector<Shape>& shapes) {
  const std::string given = text;
  text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
  const size_t arrow = text.find("->");
  SKIFF_ENFORCE(arrow != std::string::npos, InvalidArgument, "equation is \"", given, "\"; expected operands -> result, such as ij,jk->ik");
  Equation e;
  std::string left = text.substr(0, arrow);
  for (size_t begin = 0; begin <= left.size();) {
    const size_t comma = std::min(left.find(',', begin), left.size());
    e.operands.push_back(left.substr(begin, comma - begin));
    begin = comma + 1;
  }
  e.result = text.substr(arrow + 2);
  SKIFF_ENFORCE(e.operands.size() == shapes.size(), InvalidArgument, "equation \"", given, "\" has ", e.operands.size(), " operands, there are ",
                shapes.size());
  size_t most = 0;  // axes under an ellipsis
  const auto expand = [&](std::string& letters, size_t count) {
    const size_t dots = letters.find("...");
    if (dots == std::string::npos) return;
    std::string numbered;  // aligned at the last axis
    for (size_t k = 0; k < count; ++k) numbered += static_cast<char>('0' + (count - 1 - k));
    letters.replace(dots, 3, numbered);
  };
  for (size_t i = 0; i < e.operands.size(); ++i) {
    const size_t dots = e.operands[i].find("...");
    const size_t named = e.operands[i].size() - (dots == std::string::npos ? 0 : 3), rank = shapes[i].rank();
    SKIFF_ENFORCE(dots == std::string::npos ? named == rank : named <= rank, InvalidArgument, "equation \"", given, "\": operand ", i, " is ",
                  shapes[i], " and has ", named, " letters");
    if (dots == std::string::npos) continue;
    SKIFF_ENFORCE(rank - named <= 10, Unimplemented, "an ellipsis of ", rank - named, " axes; up to 10");
    most = std::max(most, rank - named);
    expand(e.operands[i], rank - named);
  }
  expand(e.result, most);
  for (size_t i = 0; i < e.operands.size(); ++i) {
    for (size_t d = 0; d < e.operands[i].size(); ++d) {
      const char letter = e.operands[i][d];
      SKIFF_ENFORCE(std::isalnum(static_cast<unsigned char>(letter)), InvalidArgument, "equation \"", given, "\" has '", std::string(1, letter),
                    "'; expected letters, commas, an ellipsis and ->");
      const auto [at, fresh] = e.extents.insert({letter, shapes[i][static_cast<int>(d)]});
      const int64_t extent = shapes[i][static_cast<int>(d)];
      if (fresh || at->second == extent || extent == 1) continue;
      SKIFF_ENFORCE(at->second == 1 || at->second < 0 || extent < 0, InvalidArgument, "equation \"", given, "\": '", std::string(1, letter),
                    "' is ", at->second, " and ", extent, " in operand ", i, ", which is ", shapes[i]);
      if (at->second == 1 || at->second < 0) at->second = extent;
    }
  }
  for (size_t d = 0; d < e.result.size(); ++d) {
    SKIFF_ENFORCE(e.extents.count(e.result[d]) == 1 && e.result.find(e.result[d], d + 1) == std::string::npos, InvalidArgument, "equation \"",
                  given, "\": '", std::string(1, e.result[d]), "' of the result must be a letter of the operands, once");
  }
  return e;
}

Shape ResultShape(const Equation& e) {
  Shape out;
  for (char letter : e.result) out.Append(e.extents.at(letter));
  return out;
}

/// A tensor with letters: the distinct ones and their steps; a letter that occurs twice is a diagonal. Axes of
/// extent 1 are left out.
struct Lettered {
  std::string letters;
  std::vector<int64_t> steps;
  int64_t elements = 0;

  Lettered() = default;
  Lettered(const std::string& axes, const Shape& shape, const std::map<char, int64_t>& extents) : elements(shape.NumElements()) {
    const std::vector<int64_t> contiguous = ContiguousSteps(shape);
    for (size_t d = 0; d < axes.size(); ++d) {
      if (shape[static_cast<int>(d)] == 1 && extents.at(axes[d]) != 1) continue;
      const size_t at = letters.find(axes[d]);
      if (at == std::string::npos) {
        letters += axes[d];
        steps.push_back(contiguous[d]);
      } else {
        steps[at] += contiguous[d];
      }
    }
  }
  bool Has(char letter) const { return letters.find(letter) != std::string::npos; }
  int64_t StepOf(char letter) const {
    const size_t at = letters.find(letter);
    return at == std::string::npos ? 0 : steps[at];
  }
};

/// target = the sum of x (y) over the letters that the target lacks. Letters that only the target has repeat.
template <typename T>
class Contraction {
 public:
  Contraction(const std::map<char, int64_t>& extents, const Lettered& x, const Lettered* y, const Lettered& target)
      : extents_(extents), target_elements_(target.elements) {
    std::string batch, rows, columns, summed;
    const auto meets = [&](char letter) { return y != nullptr && y->Has(letter); };
    for (char letter : x.letters) {
      if (meets(letter)) (target.Has(letter) ? batch : summed) += letter;
      else if (target.Has(letter)) rows += letter;
    }
    if (y != nullptr) {
      for (char letter : y->letters) {
        if (!x.Has(letter) && target.Has(letter)) columns += letter;
      }
    }
    batches_ = Count(batch), m_ = Count(rows), n_ = Count(columns), k_ = Count(summed);
    left_ = Arrange(x, batch + rows + summed);
    if (y != nullptr) right_ = Arrange(*y, batch + summed + columns);
    has_right_ = y != nullptr;
    // The product, or the one operand, goes to the target's places.
    const std::string have = batch + rows + columns;
    const std::vector<int64_t> product_steps = ContiguousSteps(Shape(Extents(have)));
    BoxStrides from, to;
    std::vector<int64_t> box;
    for (char letter : target.letters) {
      const size_t at = have.find(letter);
      box.push_back(extents_.at(letter));
      from.steps.push_back(at == std::string::npos ? 0 : product_steps[at]);
      to.steps.push_back(target.StepOf(letter));
    }
    spread_ = StridedCopy(box, from, to, sizeof(T));
  }

  size_t workspace_bytes() const { return left_.bytes + right_.bytes + (has_right_ ? Aligned(batches_ * m_ * n_) : 0); }

  void Run(const void* x, const void* y, void* target, char* work, const KernelArgs& args) const {
    const T* left = left_.Run(x, work, args);
    const T* product = left;
    if (has_right_) {
      const T* right = right_.Run(y, work + left_.bytes, args);
      T* out = reinterpret_cast<T*>(work + left_.bytes + right_.bytes);
      for (int64_t b = 0; b < batches_; ++b) {
        Gemm(args, false, false, m_, n_, k_, left + b * m_ * k_, right + b * k_ * n_, T(0), out + b * m_ * n_);
      }
      product = out;
    }
    FillZero(target, target_elements_ * sizeof(T), args);
    spread_.Run(product, target, args);
  }

 private:
  /// An operand copied to a wanted order of letters, and summed over those that are not wanted.
  struct Arranged {
    StridedCopy copy{{}, {}, {}, sizeof(T)};
    ReduceOp sum;
    bool sums = false;
    size_t copied = 0, bytes = 0;
    const T* Run(const void* from, char* work, const KernelArgs& args) const {
      copy.Run(from, work, args);
      if (!sums) return reinterpret_cast<const T*>(work);
      sum.Run(work, work + copied, work + bytes - sum.workspace_bytes(), args);
      return reinterpret_cast<const T*>(work + copied);
    }
  };

  static size_t Aligned(int64_t elements) { return (elements * sizeof(T) + 63) / 64 * 64; }
  std::vector<int64_t> Extents(const std::string& letters) const {
    std::vector<int64_t> extents;
    for (char letter : letters) extents.push_back(extents_.at(letter));
    return extents;
  }
  int64_t Count(const std::string& letters) const {
    int64_t count = 1;
    for (char letter : letters) count *= extents_.at(letter);
    return count;
  }
  Arranged Arrange(const Lettered& x, const std::string& wanted) const {
    std::string order = wanted, rest;
    for (char letter : x.letters) {
      if (wanted.find(letter) == std::string::npos) rest += letter;
    }
    order += rest;
    BoxStrides from;
    for (char letter : order) from.steps.push_back(x.StepOf(letter));
    const Shape shape(Extents(order));
    Arranged a;
    a.copy = StridedCopy({shape.begin(), shape.end()}, from, Contiguous(shape), sizeof(T));
    a.copied = Aligned(shape.NumElements());
    a.bytes = a.copied;
    if (rest.empty()) return a;
    const Shape two{Count(wanted), Count(rest)};
    a.sum = MakeReduceOp<T>(SumReducer{}, MakeReducePlan(kDTypeOf<T>, two, {false, true}, kDTypeOf<T>, kDTypeOf<T>));
    a.sums = true;
    a.bytes += Aligned(two[0]) + (a.sum.workspace_bytes() + 63) / 64 * 64;
    return a;
  }

  std::map<char, int64_t> extents_;
  int64_t target_elements_, batches_ = 1, m_ = 1, n_ = 1, k_ = 1;
  Arranged left_, right_;
  bool has_right_ = false;
  StridedCopy spread_{{}, {}, {}, sizeof(T)};
};

std::vector<Shape> ShapesOf(const PrepareContext& c, const char* slot) {
  std::vector<Shape> shapes;
  for (int i = 0; i < c.NumInputs(slot); ++i) shapes.push_back(c.Input(slot, i).shape);
  return shapes;
}

struct Einsum {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const std::vector<Shape> shapes = ShapesOf(c, "Operands");
    const Equation e = ParseEquation(c.Attr<std::string>("equation"), shapes);
    std::vector<Lettered> operands;
    for (size_t i = 0; i < shapes.size(); ++i) operands.emplace_back(e.operands[i], shapes[i], e.extents);
    const Lettered target(e.result, c.Output("Out").shape, e.extents);
    const Contraction<T> contraction(e.extents, operands[0], operands.size() > 1 ? &operands[1] : nullptr, target);
    c.RequestWorkspace(contraction.workspace_bytes());
    std::vector<StridedCopy> kept;
    for (const Shape& shape : shapes) kept.emplace_back(std::vector<int64_t>{shape.NumElements()}, BoxStrides{0, {1}}, BoxStrides{0, {1}}, sizeof(T));
    const int caches = c.NumOutputs("InnerCache");
    return MakeKernel([=, in = c.InputIndex("Operands"), out = c.OutputIndex("Out"),
                       cache = caches > 0 ? c.OutputIndex("InnerCache") : -1](const KernelArgs& args) {
      contraction.Run(args.in[in], kept.size() > 1 ? args.in[in + 1] : nullptr, args.out[out], static_cast<char*>(args.workspace), args);
      for (int i = 0; i < caches && i < static_cast<int>(kept.size()); ++i) {
        if (args.out[cache + i] != nullptr) kept[i].Run(args.in[in + i], args.out[cache + i], args);
      }
    });
  }
};

// The gradient of each operand is the einsum of Out@GRAD and the other one.
struct EinsumGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const std::vector<Shape> shapes = ShapesOf(c, "InnerCache");
    const Equation e = ParseEquation(c.Attr<std::string>("equation"), shapes);
    const Lettered gradient(e.result, c.Input("Out@GRAD").shape, e.extents);
    std::vector<Lettered> operands;
    for (size_t i = 0; i < shapes.size(); ++i) operands.emplace_back(e.operands[i], shapes[i], e.extents);
    struct Part {
      Contraction<T> contraction;
      int other, out;
    };
    std::vector<Part> parts;
    size_t bytes = 0;
    for (int i = 0; i < c.NumOutputs("Operands@GRAD"); ++i) {
      if (c.Output("Operands@GRAD", i).dtype == DType::kUndefined) continue;
      const bool two = shapes.size() > 1;
      parts.push_back({Contraction<T>(e.extents, gradient, two ? &operands[1 - i] : nullptr, operands[i]),
                       two ? c.InputIndex("InnerCache", 1 - i) : -1, c.OutputIndex("Operands@GRAD", i)});
      bytes = std::max(bytes, parts.back().contraction.workspace_bytes());
    }
    c.RequestWorkspace(bytes);
    return MakeKernel([parts, dout = c.InputIndex("Out@GRAD")](const KernelArgs& args) {
      for (const Part& part : parts) {
        if (args.out[part.out] == nullptr) continue;
        part.contraction.Run(args.in[dout], part.other < 0 ? nullptr : args.in[part.other], args.out[part.out],
                             static_cast<char*>(args.workspace), args);
      }
    });
  }
};

}  // namespace

SKIFF_OP(einsum)
    .Doc("Out = the sum of products of the Operands that the equation names.")
    .Source("paddle.einsum")
    .Inputs("Operands", "one or two tensors of one dtype")
    .Output("Out", "the axes of the result")
    .OptionalOutputs("InnerCache", "the Operands, for the gradient")
    .OptionalOutputs("XShape", "the Operands' shapes, not written")
    .RequiredAttr<std::string>("equation", "letters for axes: ij,jk->ik; ... stands for axes that broadcast")
    .SameDType({"Operands"})
    .InferShape([](InferContext& c) {
      SKIFF_ENFORCE(c.NumInputs("Operands") <= 2, Unimplemented, "einsum of ", c.NumInputs("Operands"),
                    " operands; the operator takes two, paddle.einsum more");
      std::vector<Shape> shapes;
      for (int i = 0; i < c.NumInputs("Operands"); ++i) shapes.push_back(c.InputShape("Operands", i));
      c.SetOutput("Out", ResultShape(ParseEquation(c.Attr<std::string>("equation"), shapes)), c.InputDType("Operands"));
      for (int i = 0; i < c.NumInputs("Operands"); ++i) {
        if (i < c.NumOutputs("InnerCache")) c.SetOutput("InnerCache", shapes[i], c.InputDType("Operands"), i);
        if (i < c.NumOutputs("XShape")) c.SetOutput("XShape", shapes[i], c.InputDType("Operands"), i);
      }
    })
    .Gradient([](const GradContext& g) -> std::vector<Operator> {
      return {{"einsum_grad",
               {{"InnerCache", g.Out("InnerCache")}, {"Out@GRAD", g.OutGrad("Out")}, {"x_shape", g.Out("XShape")}},
               {{"Operands@GRAD", g.InGrad("Operands", false)}},
               g.fwd.attrs}};
    })
    .Kernel<Einsum, float, double>();

SKIFF_OP(einsum_grad)
    .Doc("Operands@GRAD[i] = the einsum of Out@GRAD and the other operand.")
    .Inputs("InnerCache", "of einsum: the operands")
    .OptionalInputs("x_shape", "of einsum, not read")
    .Input("Out@GRAD", "shape of Out")
    .OptionalOutputs("Operands@GRAD", "shape of each operand")
    .RequiredAttr<std::string>("equation", "as in einsum")
    .SameDType({"InnerCache", "Out@GRAD"})
    .InferShape([](InferContext& c) {
      std::vector<Shape> shapes;
      for (int i = 0; i < c.NumInputs("InnerCache"); ++i) shapes.push_back(c.InputShape("InnerCache", i));
      const Shape out = ResultShape(ParseEquation(c.Attr<std::string>("equation"), shapes));
      const Shape& dout = c.InputShape("Out@GRAD");
      SKIFF_ENFORCE(!out.IsKnown() || !dout.IsKnown() || out == dout, InvalidArgument, "Out@GRAD is ", dout, "; the equation gives ", out);
      for (int i = 0; i < c.NumOutputs("Operands@GRAD"); ++i) c.SetOutput("Operands@GRAD", c.InputShape("InnerCache", i), c.InputDType("InnerCache", i), i);
    })
    .KeyedBy("Out@GRAD")
    .Kernel<EinsumGrad, float, double>();

}  // namespace skiff
