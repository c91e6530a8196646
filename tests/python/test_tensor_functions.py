"""Values of tensor functions, of linalg, fft and signal, against numpy's definitions of them."""
import math

import numpy as np
import pytest
import skiff as paddle

RANDOM = np.random.default_rng(7)
A = RANDOM.standard_normal((3, 4)).astype("float32")
B = RANDOM.standard_normal((3, 4)).astype("float32")
V = RANDOM.standard_normal(4).astype("float32")
CUBE = RANDOM.standard_normal((2, 3, 4)).astype("float32")
SQUARE = (RANDOM.standard_normal((4, 4)) + 4 * np.eye(4)).astype("float32")
SYMMETRIC = (SQUARE + SQUARE.T) / 2
POSITIVE = (SQUARE @ SQUARE.T).astype("float32")
COMPLEX = (A + 1j * B).astype("complex64")
HOLED = np.where(A > 0.5, np.float32("nan"), A)
I = np.array([[12, 18, 0], [7, 35, 9]], "int64")  # noqa: E741
J = np.array([[8, 27, 5], [21, 14, 0]], "int64")
SIGNAL = RANDOM.standard_normal((2, 32)).astype("float32")


def short_time(x, n, hop):
    x = np.pad(x, [(0, 0), (n // 2, n // 2)], mode="reflect")
    frames = np.stack([x[:, i:i + n] for i in range(0, x.shape[1] - n + 1, hop)], -1)
    return np.fft.rfft(frames, axis=1)


def put(a, index, values, axis):
    out = a.copy()
    np.put_along_axis(out, index, values, axis)
    return out


INDEX = np.array([[0, 3], [1, 1], [2, 0]], "int64")
# What is computed from the variables of some arrays, and what it must be.
CASES = {
    "det": (lambda x: paddle.linalg.det(x), [SQUARE], np.linalg.det),
    "slogdet": (lambda x: paddle.linalg.slogdet(x), [SQUARE], lambda x: np.array(np.linalg.slogdet(x))),
    "inv": (lambda x: paddle.linalg.inv(x), [SQUARE], np.linalg.inv),
    "pinv": (lambda x: paddle.linalg.pinv(x), [A], np.linalg.pinv),
    "pinv_hermitian": (lambda x: paddle.linalg.pinv(x, hermitian=True), [SYMMETRIC], np.linalg.pinv),
    "matrix_power": (lambda x: paddle.linalg.matrix_power(x, 3), [SQUARE], lambda x: np.linalg.matrix_power(x, 3)),
    "matrix_rank": (lambda x: paddle.linalg.matrix_rank(x), [A], np.linalg.matrix_rank),
    "multi_dot": (lambda x, y, z: paddle.linalg.multi_dot([x, y, z]), [A, SQUARE, V], lambda x, y, z: x @ y @ z),
    "solve": (lambda x, y: paddle.linalg.solve(x, y), [SQUARE, A.T], np.linalg.solve),
    "triangular_solve": (lambda x, y: paddle.linalg.triangular_solve(x, y), [SQUARE, A.T], lambda x, y: np.linalg.solve(np.triu(x), y)),
    "cholesky_solve": (lambda x, y: paddle.linalg.cholesky_solve(x, y.cholesky()), [A.T, POSITIVE], lambda x, y: np.linalg.solve(y, x)),
    "lstsq": (lambda x, y: paddle.linalg.lstsq(x, y)[0], [A.T, V[:, None]], lambda x, y: np.linalg.lstsq(x, y, rcond=None)[0]),
    "svd": (lambda x: paddle.linalg.svd(x)[1], [A], lambda x: np.linalg.svd(x)[1]),
    "qr": (lambda x: paddle.matmul(*paddle.linalg.qr(x)), [A], lambda x: x),
    "eigh": (lambda x: paddle.linalg.eigh(x)[0], [SYMMETRIC], np.linalg.eigvalsh),
    "eigvalsh": (lambda x: paddle.linalg.eigvalsh(x), [SYMMETRIC], np.linalg.eigvalsh),
    "eig": (lambda x: paddle.abs(paddle.linalg.eig(x)[0]).sort(), [SQUARE], lambda x: np.sort(np.abs(np.linalg.eigvals(x)))),
    "lu": (lambda x: (lambda p, l, u: p @ l @ u)(*paddle.linalg.lu_unpack(*paddle.linalg.lu(x))), [SQUARE], lambda x: x),
    "cov": (lambda x: paddle.linalg.cov(x), [A], np.cov),
    "corrcoef": (lambda x: paddle.linalg.corrcoef(x), [A], np.corrcoef),
    "cdist": (lambda x, y: paddle.cdist(x, y), [A, B], lambda x, y: np.linalg.norm(x[:, None] - y[None], axis=-1)),
    "householder": (lambda x, t: paddle.linalg.householder_product(x, t), [A.T[:, :1], np.array([0.5], "float32")],
                    lambda x, t: (np.eye(4) - 0.5 * np.outer(np.r_[1, x[1:, 0]], np.r_[1, x[1:, 0]]))[:, :1]),
    "pca_lowrank": (lambda x: paddle.linalg.pca_lowrank(x, 3, center=False)[1], [A], lambda x: np.linalg.svd(x)[1]),
    "cond": (lambda x: paddle.linalg.cond(x, "fro"), [SQUARE], lambda x: np.linalg.cond(x, "fro")),
    "cond_2": (lambda x: paddle.linalg.cond(x), [A], np.linalg.cond),
    "cond_inf": (lambda x: paddle.linalg.cond(x, math.inf), [SQUARE], lambda x: np.linalg.cond(x, math.inf)),
    "norm": (lambda x: paddle.norm(x, 3, [0, 1]), [A], lambda x: (np.abs(x) ** 3).sum() ** (1 / 3)),
    "norm_inf": (lambda x: paddle.norm(x, -math.inf, [0, 1]), [A], lambda x: np.abs(x).min()),
    "fft": (lambda x: paddle.fft.fft(x), [A], np.fft.fft),
    "ifft": (lambda x: paddle.fft.ifft(x, 2, 0, "ortho"), [COMPLEX], lambda x: np.fft.ifft(x, 2, 0, "ortho")),
    "rfft": (lambda x: paddle.fft.rfft(x, 3), [A], lambda x: np.fft.rfft(x, 3)),
    "irfft": (lambda x: paddle.fft.irfft(x, 5), [COMPLEX], lambda x: np.fft.irfft(x, 5)),
    "hfft": (lambda x: paddle.fft.hfft(x), [COMPLEX], np.fft.hfft),
    "ihfft": (lambda x: paddle.fft.ihfft(x), [A], np.fft.ihfft),
    "fftn": (lambda x: paddle.fft.fftn(x), [CUBE], np.fft.fftn),
    "rfftn": (lambda x: paddle.fft.rfftn(x, axes=[2, 0]), [CUBE], lambda x: np.fft.rfftn(x, axes=[2, 0])),
    "irfft2": (lambda x: paddle.fft.irfft2(x), [COMPLEX], np.fft.irfft2),
    "ifft2": (lambda x: paddle.fft.ifft2(x), [CUBE], np.fft.ifft2),
    "fftshift": (lambda x: paddle.fft.fftshift(x), [A], np.fft.fftshift),
    "ifftshift": (lambda x: paddle.fft.ifftshift(x, [0]), [A], lambda x: np.fft.ifftshift(x, [0])),
    "stft": (lambda x: paddle.signal.stft(x, 8, 2), [SIGNAL], lambda x: short_time(x, 8, 2)),
    "istft": (lambda x: paddle.signal.istft(paddle.signal.stft(x, 8, 2), 8, 2, length=30), [SIGNAL], lambda x: x[:, :30]),
    "sgn": (lambda x: paddle.sgn(x), [COMPLEX], lambda x: x / np.abs(x)),
    "polar": (lambda x, y: paddle.polar(x, y), [np.abs(A), B], lambda x, y: x * np.exp(1j * y)),
    "conj": (lambda x: x.conj(), [COMPLEX], np.conj),
    "median": (lambda x: paddle.median(x), [A], np.median),
    "median_nan": (lambda x: paddle.median(x, 1), [HOLED], lambda x: np.median(x, 1)),
    "quantile": (lambda x: paddle.quantile(x, [0.3, 0.5], 1), [A], lambda x: np.quantile(x.astype("float64"), [0.3, 0.5], 1)),
    "quantile_axes": (lambda x: paddle.quantile(x, 0.3, [0, 2], True), [CUBE], lambda x: np.quantile(x, 0.3, (0, 2), keepdims=True)),
    "nanquantile": (lambda x: paddle.nanquantile(x, 0.4, 1), [HOLED], lambda x: np.nanquantile(x, 0.4, 1)),
    "nansum": (lambda x: paddle.nansum(x, 0), [HOLED], lambda x: np.nansum(x, 0)),
    "nanmean": (lambda x: paddle.nanmean(x), [HOLED], np.nanmean),
    "count_nonzero": (lambda x: paddle.count_nonzero(x, 0), [I], lambda x: np.count_nonzero(x, 0)),
    "histogram": (lambda x: paddle.histogram(x, 5, -2, 2), [A], lambda x: np.histogram(x, 5, (-2, 2))[0]),
    "bucketize": (lambda x, y: paddle.bucketize(x, y), [A, np.sort(V)], lambda x, y: np.searchsorted(y, x)),
    "var": (lambda x: paddle.var(x, 1), [A], lambda x: x.var(1, ddof=1)),
    "std": (lambda x: paddle.std(x, unbiased=False), [A], np.std),
    "gcd": (lambda x, y: paddle.gcd(x, y), [I, J], np.gcd),
    "lcm": (lambda x, y: paddle.lcm(x, y), [I, J], np.lcm),
    "logaddexp": (lambda x, y: paddle.logaddexp(x, y), [A, B], np.logaddexp),
    "hypot": (lambda x, y: x.hypot(y), [A, B], np.hypot),
    "ldexp": (lambda x, y: paddle.ldexp(x, y), [A[:2, :3], np.array([[1, 2, 3], [0, -1, -2]], "int64")], np.ldexp),
    "frexp": (lambda x: paddle.frexp(x)[0], [A], lambda x: np.frexp(x)[0]),
    "trunc": (lambda x: paddle.trunc(input=x).trunc(), [A], np.trunc),
    "frac": (lambda x: paddle.frac(x), [A], lambda x: x - np.trunc(x)),
    "nan_to_num": (lambda x: paddle.nan_to_num(x, 1.0), [np.array([math.nan, math.inf, -math.inf, 2], "float32")],
                   lambda x: np.nan_to_num(x, nan=1.0)),
    "rad2deg": (lambda x: paddle.rad2deg(x), [A], np.rad2deg),
    "deg2rad": (lambda x: paddle.deg2rad(x), [I], np.deg2rad),
    "multigammaln": (lambda x: paddle.multigammaln(x, 2), [np.abs(V) + 2], lambda x: np.vectorize(
        lambda e: 0.5 * math.log(math.pi) + math.lgamma(e) + math.lgamma(e - 0.5))(x)),
    "inner": (lambda x, y: paddle.inner(x, y), [A, B], np.inner),
    "diff": (lambda x: paddle.diff(x, 2), [A], lambda x: np.diff(x, 2)),
    "trapezoid": (lambda y, x: paddle.trapezoid(y, x), [A, np.sort(V)], lambda y, x: ((y[:, 1:] + y[:, :-1]) * np.diff(x) / 2).sum(1)),
    "vander": (lambda x: paddle.vander(x, 3), [V], lambda x: np.vander(x, 3)),
    "take": (lambda x, y: paddle.take(x, y, "wrap"), [A, I - 20], lambda x, y: np.take(x, y, mode="wrap")),
    "combinations": (lambda x: paddle.combinations(x), [V], lambda x: np.array([[x[i], x[j]] for i in range(4) for j in range(i + 1, 4)])),
    "cummax": (lambda x: paddle.cummax(x, 1)[0], [A], lambda x: np.maximum.accumulate(x, 1)),
    "logcumsumexp": (lambda x: paddle.logcumsumexp(x, 0), [A], lambda x: np.logaddexp.accumulate(x, 0)),
    "tensordot": (lambda x, y: paddle.tensordot(x, y, [[1, 2], [0, 1]]), [CUBE, A], lambda x, y: np.tensordot(x, y, [[1, 2], [0, 1]])),
    "rot90": (lambda x: paddle.rot90(x, 3), [A], lambda x: np.rot90(x, 3)),
    "unflatten": (lambda x: paddle.unflatten(x, 1, [2, -1]), [A], lambda x: x.reshape(3, 2, 2)),
    "diagflat": (lambda x: paddle.diagflat(x, 1), [V], lambda x: np.diagflat(x, 1)),
    "diag_embed": (lambda x: paddle.diag_embed(x), [A], lambda x: np.stack([np.diag(row) for row in x])),
    "diagonal_scatter": (lambda x, y: paddle.diagonal_scatter(x, y), [SQUARE, V], lambda x, y: x - np.diag(np.diag(x)) + np.diag(y)),
    "select_scatter": (lambda x, y: paddle.select_scatter(x, y, 0, 1), [A, V], lambda x, y: np.stack([x[0], y, x[2]])),
    "index_fill": (lambda x: paddle.index_fill(x, paddle.to_tensor([1, 3]), 1, 5.0), [A], lambda x: np.where([0, 1, 0, 1], np.float32(5), x)),
    "take_along_axis": (lambda x, i: paddle.take_along_axis(x, i, 1), [A, INDEX], lambda x, i: np.take_along_axis(x, i, 1)),
    "put_along_axis": (lambda x, i: paddle.put_along_axis(x, i, 2.0, 1), [A, INDEX], lambda x, i: put(x, i, 2.0, 1)),
    "put_along_axis_broadcast": (lambda x, i: paddle.put_along_axis(x, i, 2.0, 1), [A, INDEX[:1]],
                                 lambda x, i: put(x, np.tile(i, (3, 1)), 2.0, 1)),
    "put_without_self": (lambda x, i: paddle.put_along_axis(x, i, 2.0, 1, "add", include_self=False), [A, INDEX[:, :1]],
                         lambda x, i: put(x, i, 2.0, 1)),
    "einsum": (lambda x, y, z: paddle.einsum("ij,jk,k->i", x, y, z), [A, SQUARE, V], lambda x, y, z: x @ y @ z),
    "einsum_batch": (lambda x, y: paddle.einsum("bij,ij,bij->bj", x, y, x), [CUBE, A], lambda x, y: (x * y * x).sum(1)),
    "size": (lambda x: x.size() + 0, [A], np.size),
    "logspace": (lambda x: paddle.logspace(0, 3, 4, 2.0) + x, [V], lambda x: np.logspace(0, 3, 4, base=2.0) + x),
    "from_the_left": (lambda x: 2 ** x, [A], lambda x: 2 ** x),
    "to_tensor": (lambda x: x + paddle.to_tensor([1, 2, 3, 4], "float32"), [V], lambda x: x + np.arange(1, 5)),
}


@pytest.mark.parametrize("case", CASES)
def test_values_are_numpys(case, evaluate):
    build, arrays, wanted = CASES[case]
    variables = [paddle.static.data(f"x{n}", array.shape, str(array.dtype)) for n, array in enumerate(arrays)]
    got, = evaluate([build(*variables)], **{f"x{n}": array for n, array in enumerate(arrays)})
    wanted = wanted(*arrays)
    assert got.shape == np.shape(wanted)
    np.testing.assert_allclose(got, wanted, rtol=2e-4, atol=2e-5)


def test_names_with_a_final_underscore_change_nothing_in_place(evaluate):
    x = paddle.static.data("x", [4])
    with pytest.warns(UserWarning, match=r"exp_\(\) is the same as exp\(\)"):
        y = x.exp_()
    before, after = evaluate([x, y], x=V)
    np.testing.assert_array_equal(before, V)
    np.testing.assert_allclose(after, np.exp(V), rtol=1e-5)


@pytest.mark.parametrize("name", ["normal_", "uniform_", "view", "as_strided"])
def test_what_needs_imperative_mode_says_so(name):
    with pytest.raises(AssertionError, match="dynamic graph mode"):
        getattr(paddle.static.data("x", [4]), name)()


@pytest.mark.parametrize("call", [
    lambda x: paddle.fft.fft(x, norm="half"), lambda x: paddle.fft.fft(x, 0), lambda x: paddle.fft.fftn(x, [2, 2, 2]),
    lambda x: paddle.fft.fft2(paddle.reshape(x, [-1])), lambda x: paddle.linalg.det(x), lambda x: paddle.quantile(x, 1.5),
    lambda x: paddle.take(x, x, "other"), lambda x: paddle.polygamma(x, -1), lambda x: paddle.broadcast_shape([2], [3]),
    lambda x: paddle.iinfo("float32"), lambda x: paddle.rot90(x, 1, [0, 2])])
def test_wrong_arguments_are_value_errors(call):
    with pytest.raises(ValueError):
        call(paddle.static.data("x", [3, 4]))


def test_limits_of_dtypes_are_numpys():
    for name in ("float16", "float32", "float64"):
        ours, theirs = paddle.finfo(name), np.finfo(name)
        assert [ours.bits, ours.eps, ours.max, ours.min, ours.tiny] == [theirs.bits, theirs.eps, theirs.max, theirs.min, theirs.tiny]
    for name in ("uint8", "int8", "int16", "int32", "int64"):
        assert [paddle.iinfo(name).min, paddle.iinfo(name).max] == [np.iinfo(name).min, np.iinfo(name).max]


def test_methods_are_paddles():
    for name in "cov inner stft pinv lu_unpack put_along_axis_ where_ atleast_2d is_complex".split():
        assert callable(getattr(paddle.static.Variable, name))


def test_contexts_of_imperative_mode_change_nothing():
    x = paddle.static.data("x", [4])

    @paddle.no_grad()
    def twice(value):
        return value * 2
    with paddle.no_grad(), paddle.set_grad_enabled(False), paddle.LazyGuard():
        assert twice(x).shape == (4,)


def test_batches_of_a_reader():
    assert list(paddle.batch(lambda: iter(range(5)), 2)()) == [[0, 1], [2, 3], [4]]
    assert list(paddle.batch(lambda: iter(range(5)), 2, drop_last=True)()) == [[0, 1], [2, 3]]
