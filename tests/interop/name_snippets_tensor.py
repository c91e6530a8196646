"""More snippets: functions of tensors, paddle.linalg, fft and signal, and methods of variables. See name_snippets.py."""
from name_snippets import snippet

VARIABLES = """
kept = []
def data(shape, dtype="float32", name=None):
    return static.data(name or paddle.utils.unique_name.generate("x"), shape, dtype)
def keep(*outputs):
    for out in outputs:
        if isinstance(out, (list, tuple)):
            keep(*out)
        else:
            kept.append([out.name, list(out.shape)] if hasattr(out, "stop_gradient") else str(out))
x, a, b, v, s = data([2, 4, 6]), data([3, 4]), data([3, 4]), data([4]), data([4, 4])
i, j, h = data([3, 4], "int64"), data([3, 4], "int64"), data([3, 4], "bool")
n, c, u = data([], "int32"), data([3, 4], "complex64"), data([None, 4, 6])
"""


def tensor(name, about, source):
    """A snippet over the variables above, whose `result` is what `keep` was given."""
    snippet("tensor_" + name, about, VARIABLES + source.strip("\n") + "\nresult = kept\n")


# ---------------------------------------------------------------- linear algebra, transforms, statistics, special functions
tensor("det", "inverses and powers of matrices", """
keep(paddle.linalg.inv(s), paddle.linalg.matrix_power(s, 3), s.inverse())
""")
tensor("svd", "singular values, QR", """
keep(paddle.linalg.svd(a), paddle.linalg.svd(a, True), paddle.linalg.qr(a), paddle.linalg.qr(a, "complete"))
""")
tensor("eig", "eigenvalues", """
keep(paddle.linalg.eig(s), paddle.linalg.eigvals(s), paddle.linalg.eigh(s), paddle.linalg.eigh(s, "U"), paddle.linalg.eigvalsh(s))
""")
tensor("multi_dot", "chains of products, ranks", """
keep(paddle.linalg.multi_dot([a, s, s]), paddle.linalg.matrix_rank(a), paddle.linalg.matrix_rank(s, 0.1, True))
""")
tensor("solve", "systems of equations", """
keep(paddle.linalg.solve(s, data([4, 2])), paddle.linalg.triangular_solve(s, data([4, 2])))
keep(paddle.linalg.triangular_solve(s, data([4, 2]), False, True, True), paddle.linalg.cholesky_solve(data([4, 2]), s))
""")
tensor("cond", "condition numbers of every norm", """
keep(paddle.linalg.cond(s), paddle.linalg.cond(s, "fro"), paddle.linalg.cond(s, "nuc"), paddle.linalg.cond(s, 1))
keep(paddle.linalg.cond(s, -1), paddle.linalg.cond(s, -2), paddle.linalg.cond(s, float("inf")))
keep(paddle.linalg.cond(s, -float("inf")), paddle.linalg.cond(a))
""")
tensor("pinv", "pseudo-inverses", """
keep(paddle.linalg.pinv(a), paddle.linalg.pinv(s, 0.1, True))
""")
tensor("pca", "low-rank decompositions", """
keep(paddle.linalg.pca_lowrank(data([5, 4]), 2), paddle.linalg.pca_lowrank(data([4, 6]), 2, False, 1))
keep(paddle.linalg.pca_lowrank(data([2, 4, 4])))
""")
tensor("cdist", "distances of rows, with and without a product", """
keep(paddle.cdist(a, data([5, 4])), paddle.cdist(a, data([30, 4])), paddle.cdist(a, b, 1.0))
""")
tensor("fft", "transforms along an axis", """
keep(paddle.fft.fft(a), paddle.fft.fft(c, 6), paddle.fft.ifft(a, 3, 0, "ortho"), paddle.fft.rfft(a), paddle.fft.irfft(c))
keep(paddle.fft.irfft(c, 5), paddle.fft.hfft(c, 8), paddle.fft.ihfft(a, 4), paddle.fft.rfft(i), paddle.fft.rfft(i, name="nm"))
""")
tensor("fftn", "transforms over several axes", """
keep(paddle.fft.fftn(x), paddle.fft.fftn(c, [2, 5]), paddle.fft.ifftn(x, None, [1, 0]), paddle.fft.rfftn(x, [4, 4], [2, 0]))
keep(paddle.fft.irfftn(c), paddle.fft.irfftn(c, [3, 6]), paddle.fft.hfftn(c, None, [1, 0]), paddle.fft.ihfftn(x))
keep(paddle.fft.rfftn(x, [4, 4]))
""")
tensor("fft2", "transforms over two axes", """
keep(paddle.fft.fft2(x), paddle.fft.ifft2(c, [2, 2]), paddle.fft.rfft2(x, axes=(0, 1)), paddle.fft.irfft2(c, [2, 4]))
keep(paddle.fft.hfft2(c), paddle.fft.ihfft2(x))
""")
tensor("fftfreq", "frequencies, shifts", """
keep(paddle.fft.fftfreq(5, 0.5), paddle.fft.rfftfreq(6), paddle.fft.fftshift(v), paddle.fft.fftshift(a, 1))
keep(paddle.fft.fftshift(a, [0, 1]), paddle.fft.ifftshift(a), paddle.fft.ifftshift(a, 0), paddle.fft.ifftshift(a, (1,)))
""")
tensor("stft", "short-time transforms", """
y = data([2, 32])
keep(paddle.signal.stft(y, 8), paddle.signal.stft(y, 8, 4, 6, None, False))
keep(paddle.signal.stft(data([32]), 8, normalized=True, onesided=False))
""")
tensor("istft", "signals from short-time transforms", """
y = data([2, 5, 9], "complex64")
keep(paddle.signal.istft(y, 8), paddle.signal.istft(y, 8, 4, 6, None, False, True, True, 20))
keep(paddle.signal.istft(data([5, 9], "complex64"), 8))
""")
tensor("complex", "parts of complex numbers", """
keep(paddle.real(c), paddle.imag(c), paddle.conj(c), paddle.angle(c), paddle.as_real(c), paddle.as_complex(data([3, 2])))
keep(paddle.complex(a, b), paddle.polar(a, b), c.real(), c.imag(), paddle.sgn(c), paddle.sgn(a), paddle.angle(a))
""")
tensor("is", "questions about dtypes and shapes", """
keep(paddle.is_complex(c), paddle.is_integer(i), paddle.is_floating_point(a), paddle.is_tensor(a), paddle.is_tensor(3))
keep(paddle.broadcast_shape([2, 1, 3], [4, 1]), a.is_complex(), paddle.broadcast_shape([-1, 3], [1]))
keep(paddle.broadcast_shape([-1, 3], [2, 1]))
""")
tensor("stat", "histograms, sums and means without NaN, counts", """
keep(paddle.amin(a, 1), paddle.histogram(a), paddle.histogram(a, 5, -1, 1), paddle.bucketize(a, v), paddle.nansum(a))
keep(paddle.nansum(a, 0, "float64", True), paddle.nanmean(a), paddle.nanmean(a, 1), paddle.count_nonzero(a))
keep(paddle.count_nonzero(a, 0, True))
""")
tensor("median", "medians of even and odd extents", """
keep(paddle.median(a), paddle.median(a, 1), paddle.median(a, 0, True), paddle.median(i, -1), paddle.median(a, keepdim=True))
""")
tensor("quantile", "quantiles over axes", """
keep(paddle.quantile(a, 0.5), paddle.quantile(a, [0.1, 0.5], 1), paddle.nanquantile(a, 0.3, 0, True), paddle.quantile(x, 0.5, [0, 2]))
""")
tensor("special", "special functions", """
keep(paddle.i0(a), paddle.i0e(a), paddle.i1(a), paddle.i1e(a), paddle.polygamma(a, 2), paddle.polygamma(a, 0))
keep(paddle.multigammaln(a, 3), paddle.nextafter(a, b), paddle.logaddexp(a, b), paddle.hypot(a, b), paddle.frac(a))
keep(paddle.rad2deg(a), paddle.deg2rad(i))
""")
tensor("ldexp", "mantissas, exponents, replaced NaN", """
keep(paddle.ldexp(a, i), paddle.frexp(a), paddle.nan_to_num(a), paddle.nan_to_num(a, 1.0, 2.0, 3.0))
""")
tensor("gcd", "Euclid's algorithm as a loop", """
keep(paddle.gcd(i, j), paddle.lcm(i, j))
""")
tensor("inner", "inner products, norms held down", """
keep(paddle.inner(a, b), paddle.inner(v, a), paddle.renorm(a, 2.0, 0, 1.0), paddle.renorm(a, 1.0, -1, 5.0))
""")
tensor("cum", "running extremes", """
keep(paddle.cummax(a), paddle.cummin(a, 1, "int32"), paddle.logcumsumexp(a), paddle.logcumsumexp(a, 0, "float64"))
""")
tensor("diff", "differences of neighbours", """
keep(paddle.diff(a), paddle.diff(a, 2, 0), paddle.diff(a, 1, 1, data([3, 1]), data([3, 2])), paddle.diff(h))
""")
tensor("trapezoid", "integrals", """
keep(paddle.trapezoid(a), paddle.trapezoid(a, v), paddle.trapezoid(a, None, 2.0, 0), paddle.cumulative_trapezoid(a, b))
""")
tensor("vander", "powers as columns", """
keep(paddle.vander(v), paddle.vander(v, 3, True), paddle.vander(v, 0))
""")
tensor("take", "elements by flat position", """
keep(paddle.take(a, i), paddle.take(a, i, "wrap"), paddle.take(a, i, "clip"))
""")
tensor("combinations", "choices of r elements", """
keep(paddle.combinations(v), paddle.combinations(v, 3, True), paddle.combinations(v, 1), paddle.combinations(v, 0))
keep(paddle.combinations(v, 9))
""")
tensor("shaping", "broadcasting, reversing, splitting", """
keep(paddle.broadcast_tensors([a, v]), paddle.reverse(a, 0), paddle.vsplit(s, 2), paddle.vsplit(s, [1, 3]))
""")
tensor("rot90", "turns", """
keep(paddle.rot90(a), paddle.rot90(a, 2), paddle.rot90(a, 3), paddle.rot90(x, 1, [1, 2]), paddle.rot90(a, 4), paddle.rot90(x, -1, [0, -1]))
""")
tensor("tensordot", "sums over several axes", """
keep(paddle.tensordot(x, data([4, 6, 5])), paddle.tensordot(a, s, 1), paddle.tensordot(x, data([6, 2]), [[2, 0], [0, 1]]))
keep(paddle.tensordot(a, v, [1]) if False else a, paddle.tensordot(a, b, 0))
keep(paddle.tensordot(data([1, 3]), data([3, 5]), [0]))
""")
tensor("atleast", "axes in front", """
keep(paddle.atleast_1d(n, v), paddle.atleast_2d(n, v, a), paddle.atleast_3d(n, v, a), paddle.atleast_1d(3.0), n.atleast_2d())
""")
tensor("unflatten", "an axis cut into several", """
keep(paddle.unflatten(a, 1, [2, 2]), paddle.unflatten(a, -1, data([2], "int64")), paddle.unflatten(a, 0, (-1, 3)))
""")
tensor("diag", "matrices with a diagonal", """
keep(paddle.diag_embed(a) , paddle.diag_embed(a, 0, 0, 2), paddle.diagflat(v), paddle.diagflat(a, 1))
""")
tensor("tri_indices", "positions of triangles", """
keep(paddle.tril_indices(3, 4), paddle.triu_indices(3), paddle.triu_indices(3, 4, 1, "int32"))
""")
tensor("tril_none", "a square triangle", """
keep(paddle.tril_indices(3, None, -1))
""")
tensor("index_fill", "a value in entries of an axis", """
keep(paddle.index_fill(a, data([2], "int64"), 1, 2.0), paddle.index_fill(a, data([2], "int64"), 0, data([])))
keep(a.index_fill(data([2], "int64"), -1, 3))
""")
tensor("scatter", "entries and diagonals replaced", """
keep(paddle.select_scatter(a, v, 0, 1), paddle.select_scatter(a, data([3]), 1, -1), paddle.diagonal_scatter(a, data([3])))
keep(paddle.diagonal_scatter(s, data([3]), 1))
""")
tensor("to_tensor", "constants from Python's values", """
keep(paddle.to_tensor(3), paddle.to_tensor(2.5), paddle.to_tensor([1.0, 2.0]), paddle.to_tensor([1, 2], "float32"))
keep(paddle.to_tensor(a), paddle.to_tensor(a, "int64"), paddle.to_tensor(np.array([1.5])), paddle.to_tensor(True))
keep(paddle.to_tensor([n, n]), paddle.to_tensor(np.array([1], "int32")), paddle.to_tensor(1.0, stop_gradient=False))
keep(paddle.to_tensor([1.0], "float64"))
""")
tensor("logspace", "powers", """
keep(paddle.logspace(0, 3, 5), paddle.logspace(0, data([1]), 5, 2.0), paddle.logspace(1, 3, 4, 2, "int32"))
""")
tensor("inplace", "names with a final _: the same operators", """
keep(a.add_(b), a.exp_(), paddle.tanh_(a), a.clip_(0.0, 1.0), a.reshape_([-1]), paddle.squeeze_(data([1, 3])), a.scale_(2.0))
keep(a.put_along_axis_(i, b, 1), paddle.where_(h, a, b), a.cast_("int64"), a.t_(), a.sigmoid_(), i.bitwise_not_())
keep(a.multiply_(b), a.lerp_(b, 0.5), a.pow_(2), a.remainder_(b), a.mod_(b), a.zero_() if False else a)
""")
tensor("finfo", "limits of dtypes", """
keep(str(paddle.finfo(paddle.float32)), str(paddle.iinfo(paddle.int8)), paddle.finfo(paddle.float64).max, str(paddle.finfo(paddle.float16)))
""")
tensor("no_grad", "contexts without effect", """
with paddle.no_grad():
    y = a + b
@paddle.no_grad()
def f(x): return x * 2
keep(y, f(a), paddle.is_grad_enabled())
""")
tensor("methods", "methods of a variable", """
keep(a.inner(b), a.median(), a.rot90(), a.nansum(), s.eigvals(), a.qr(), s.solve(a.T), a.diag_embed(), c.real(), a.sgn())
keep(a.cdist(b), s.pinv(), a.quantile(0.5))
""")

# ---------------------------------------------------------------- creation, shapes, search, reductions, operators
tensor("var", "variance, deviation", """
keep(paddle.var(a), paddle.var(a, 1, False, True), paddle.std(x, [1, 2]), a.var(0), a.std())
""")
tensor("where", "choices with numbers and with broadcasting", """
keep(paddle.where(h, a, b), paddle.where(h, a, 1.0), paddle.where(h, 2.0, b), paddle.where(data([4], "bool"), a, b))
""")
tensor("where_none", "positions as a tuple", """
keep(paddle.where(h), paddle.where(data([5], "bool")))
""")
tensor("masked_fill", "a value where a mask holds", """
keep(paddle.masked_fill(a, h, 1.0), paddle.masked_fill(a, h, data([])), a.masked_fill(h, 2))
""")
tensor("outer", "outer products", """
keep(paddle.outer(v, a), v.outer(v))
""")
tensor("t", "transposes, also of vectors", """
keep(paddle.t(a), paddle.t(v))
""")
tensor("tf", "transposes as methods", """
keep(a.t(), a.T, x.T, v.T)
""")
tensor("take_along", "elements by position along an axis", """
keep(paddle.take_along_axis(a, i, 1), paddle.take_along_axis(a, data([3, 1], "int64"), 1))
keep(paddle.take_along_axis(a, data([2, 4], "int64"), -2))
""")
tensor("put_along", "elements replaced by position along an axis", """
keep(paddle.put_along_axis(a, i, b, 1), paddle.put_along_axis(a, data([3, 1], "int64"), data([3,1]), 1, "add"))
""")
tensor("put_along2", "without what was there", """
keep(paddle.put_along_axis(a, i, b, 1, "mul", include_self=False))
""")
tensor("clone", "copies", """
keep(paddle.clone(a), a.clone())
""")
tensor("full", "constants", """
keep(paddle.full([2], 1), paddle.full([2, n], 3.5, "float64"), paddle.full([], True, "bool"))
keep(paddle.full(data([2], "int32"), 2, "int32"), paddle.full([2], data([1])))
""")
tensor("assign", "copies and constants", """
keep(paddle.assign([1.0, 2.0]), paddle.assign(3), paddle.assign(2.5), paddle.assign([1, 2]), paddle.assign(np.array([True])))
keep(paddle.assign(np.array([1.0])), paddle.assign(a), paddle.assign(a, b), paddle.assign(np.array([1, 2], "int32")))
""")
tensor("meshgrid", "grids", """
keep(paddle.meshgrid(v, data([5])), paddle.meshgrid([v, v]))
""")
tensor("tile", "repetition", """
keep(paddle.tile(v, [3, 2]), paddle.tile(v, data([2], "int32")), paddle.tile(v, [data([1], "int32"), 2]))
""")
tensor("flip", "reversed axes", """
keep(paddle.flip(a, 0), paddle.flip(a, [0, 1]), paddle.flip(a, 0, name="nn"), a.flip([1]))
""")
tensor("roll", "rolled axes, by a variable too", """
keep(paddle.roll(a, 1), paddle.roll(a, [1, 2], [0, 1]), paddle.roll(a, 1, 0), paddle.roll(a, data([1], "int32"), 0))
""")
tensor("repeat_interleave", "repeated entries", """
keep(paddle.repeat_interleave(a, 2), paddle.repeat_interleave(a, 2, 0), paddle.repeat_interleave(a, data([3], "int32"), 0))
""")
tensor("moveaxis", "moved axes", """
keep(paddle.moveaxis(x, 0, 2), paddle.moveaxis(x, [0, 1], [-1, -2]))
""")
tensor("slice", "pieces", """
keep(paddle.slice(a, [0, 1], [0, 1], [2, 3]), paddle.slice(a, [-1], [0], [n]), paddle.slice(a, [0], data([1], "int32"), data([1], "int32")))
""")
tensor("sum", "sums of dtypes", """
keep(paddle.sum(a), paddle.sum(a, 1), paddle.sum(i), paddle.sum(a, [0, 1], "float64", True), paddle.sum(h), paddle.sum(a, -1, keepdim=True))
""")
tensor("mean", "other reductions", """
keep(paddle.mean(a), paddle.max(a, 1), paddle.min(a, [0]), paddle.prod(a), paddle.prod(i, 1, dtype="float32"))
keep(paddle.amax(a, 1, True), paddle.all(h), paddle.any(h, 1), paddle.logsumexp(a), paddle.logsumexp(a, 1))
keep(paddle.logsumexp(a, [0, 1]))
""")
tensor("norm", "norms of vectors", """
keep(paddle.norm(a), paddle.norm(a, 2), paddle.norm(a, 1, 1), paddle.norm(a, "fro", [0, 1]), paddle.norm(a, "fro", 1))
keep(paddle.norm(a, float("inf"), 0, True))
""")
tensor("norm2", "norms of matrices", """
keep(paddle.norm(a, 1, [0, 1]), paddle.norm(a, float("inf"), [0, 1]), paddle.norm(a, 2.5, (0, 1), True))
keep(paddle.norm(a, -float("inf"), [0, 1]))
""")
tensor("dist", "distances and products", """
keep(paddle.dist(a, b), paddle.dist(a, b, 1), paddle.dot(v, v), paddle.cross(data([3, 3]), data([3, 3])))
keep(paddle.cross(data([3, 3]), data([3, 3]), 1), paddle.kron(a, b))
""")
tensor("dot_named", "a named product", """
keep(paddle.dot(v, v, name="dd"))
""")
tensor("clip", "bounds of dtypes", """
keep(paddle.clip(a), paddle.clip(a, 0.0, 1.0), paddle.clip(i, 0, 5), paddle.clip(i), paddle.clip(a, data([1]), 1.0))
keep(paddle.clip(a, 0), a.clip(0.5))
""")
tensor("pow", "powers", """
keep(paddle.pow(a, 2), paddle.pow(a, 2.5), paddle.pow(a, b), a.pow(2), a ** 2, a ** b, 2 ** a, paddle.pow(i, 2))
""")
tensor("scale", "scaling with an activation", """
keep(paddle.scale(a, 2.0, 1.0), paddle.scale(a, data([1])), paddle.scale(a, 2, 1, False, "relu"), paddle.neg(a))
keep(paddle.stanh(a), paddle.stanh(a, 1, 2))
""")
tensor("lerp", "interpolation", """
keep(paddle.lerp(a, b, 0.5), paddle.lerp(a, b, data([3, 4])), paddle.logit(a), paddle.logit(a, 0.1), paddle.atan2(a, b))
""")
tensor("cumsum", "running sums", """
keep(paddle.cumsum(a), paddle.cumsum(a, 1), paddle.cumsum(i, 0, "float64"), paddle.cumprod(a, 0), paddle.cumprod(i, 1, "float32"))
""")
tensor("logic", "logic on bits", """
keep(paddle.logical_and(h, h), paddle.logical_or(h, h), paddle.logical_xor(h, h), paddle.logical_not(h))
keep(paddle.bitwise_and(i, j), paddle.bitwise_or(h, h), paddle.bitwise_xor(i, j), paddle.bitwise_not(i), ~h, h & h, h | h)
keep(h ^ h)
""")
tensor("logic_out", "given outputs", """
o = paddle.zeros([3, 4], "bool")
keep(paddle.logical_and(h, h, o), paddle.logical_not(h, o), paddle.bitwise_not(h, o))
""")
tensor("normal_both", "normal numbers of variable mean and deviation", """
keep(paddle.normal(a, b))
""")
tensor("random2", "random integers", """
keep(paddle.randint(0, 5, [2]), paddle.randint(5), paddle.randint(1, 9, data([2], "int32"), "int32"), paddle.randperm(5))
keep(paddle.bernoulli(a), paddle.multinomial(a, 2), paddle.poisson(a), paddle.randint_like(a, 5))
keep(paddle.randint_like(i, 1, 5, "float32"))
""")
tensor("ops_scalar", "arithmetic with numbers", """
keep(a + 1, 1 - a, a * 2.5, a / 2, 2 / a, i + 1, i / 2, i * 1.5, a // 2, a % 2, -a, -i, i // 2, i - 1.5, i ** 2, i < 3)
keep(a >= 0.5, a == 1, 1.0 / i, i / j)
""")
tensor("ops_types", "arithmetic of two dtypes", """
keep(i + a, a * i, a / data([3, 4], "float64"), data([3, 4], "float16") + a, a - i, a // i, a < i)
""")
tensor("ops_unknown", "numbers on the left of unknown extents", """
keep(1 - u, 2 / u, 2 ** u, u + 1, u // 2, 3 - data([None, None]), 3 ** data([None, None]))
""")
tensor("arange", "ranges", """
keep(paddle.arange(5), paddle.arange(1, 2, 0.5), paddle.arange(0, n, 1), paddle.arange(3.0), paddle.arange(1, 5, dtype="float64"))
""")
tensor("linspace", "even spaces", """
keep(paddle.linspace(0, 1, 5), paddle.linspace(0, 10, 5, "int32"), paddle.linspace(data([1]), 10, 5))
""")
tensor("pieces", "pieces and sections given by variables", """
m = data([1], "int32")
keep(paddle.strided_slice(a, [0], [0], [3], [2]), paddle.strided_slice(a, [1], [m], [3], [2]), paddle.slice(a, [-1], [0], [m]))
keep(paddle.crop(a, data([2], "int32"), data([2], "int32")), paddle.crop(a, [2, 2], [0, 1]), paddle.crop(a, [2, 2], [m, 1]))
keep(paddle.tile(v, data([2], "int32")), paddle.broadcast_to(v, [3, 4]))
""")
tensor("variable", "what variables can do besides", """
y = a.cpu()
keep(y, y.cuda(), n.item(), a.size(), u.size(), a.dim(), ~h, h & h, h | h, h ^ h, a.ndim)
""")
tensor("inplace_unary", "names with a final _: functions of one variable", """
names = "abs_ acos_ acosh_ asin_ asinh_ atan_ atanh_ ceil_ cos_ cosh_ digamma_ erfinv_ exp_ floor_ frac_ i0_ lgamma_ log_ log10_ log1p_"
keep([getattr(a, name)() for name in names.split()])
keep([getattr(a, name)() for name in "log2_ neg_ reciprocal_ round_ rsqrt_ sigmoid_ sin_ sinh_ sqrt_ tan_ tanh_ trunc_ logit_ nan_to_num_".split()])
keep([getattr(paddle, name)(a) for name in "abs_ acos_ expm1_ sinh_ erf_ square_ atan_ i0_ trunc_ digamma_".split()])
""")
tensor("inplace_binary", "names with a final _: functions of two variables", """
names = "add_ divide_ equal_ floor_mod_ greater_equal_ hypot_ less_than_ mod_ multiply_ not_equal_ remainder_ subtract_ floor_divide_"
keep([getattr(a, name)(b) for name in names.split()])
keep([getattr(i, name)(j) for name in "bitwise_and_ bitwise_or_ bitwise_xor_ less_equal_ greater_than_ lcm_ ldexp_".split()])
keep(h.logical_and_(h), h.logical_xor_(h), h.logical_not_(), h.logical_or_(h), i.bitwise_not_())
""")
tensor("inplace_others", "names with a final _: pieces, bounds, sums", """
k, rows = data([2], "int64"), data([2, 4])
keep(a.clip_(0, 1), a.cumsum_(0), a.cumprod_(1), a.flatten_(), a.multigammaln_(2), a.polygamma_(2), a.renorm_(2.0, 0, 1.0), a.scale_(2.0))
keep(a.transpose_([1, 0]), a.tril_(), a.triu_(), a.unsqueeze_(0), a.masked_fill_(h, 1.0), a.index_fill_(k, 0, 1.0), a.index_put_((k,), rows))
keep(a.index_add_(k, 0, rows), a.scatter_(k, rows), a.addmm_(data([3, 2]), rows), a.put_along_axis_(i, b, 1))
""")
