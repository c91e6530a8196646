"""Complex numbers: their parts, arithmetic, Fourier transforms and frames. See __init__.py."""
from operator_cases import Drawn, U, case


def C(*shape, dtype="complex64"):
    """Complex numbers with parts of two decimals."""
    return Drawn(lambda random: (random.uniform(-2, 2, shape).round(2) + 1j * random.uniform(-2, 2, shape).round(2)).astype(dtype))


for dtype, real in (("complex64", "float32"), ("complex128", "float64")):
    case("complex", "complex_" + dtype, "complex", {"X": U(2, 3, dtype=real), "Y": U(2, 3, dtype=real)})
    for op in ("real", "imag", "conj", "angle", "abs", "as_real", "exp", "sin", "cos"):
        if (op, dtype) != ("exp", "complex128"):  # Paddle's has the digits of float32
            case("complex", f"{op}_{dtype}", op, {"X": C(3, 4, dtype=dtype)})
    case("complex", "as_complex_" + dtype, "as_complex", {"X": U(3, 4, 2, dtype=real)})
    for op in ("elementwise_add", "elementwise_sub", "elementwise_mul", "elementwise_div"):
        case("complex", f"{op}_{dtype}", op, {"X": C(2, 3, dtype=dtype), "Y": C(2, 3, dtype=dtype)}, {"axis": -1})
        case("complex", f"{op}_broadcast_{dtype}", op, {"X": C(2, 3, 4, dtype=dtype), "Y": C(3, 1, dtype=dtype)}, {"axis": -1})
    for name, x, y, tx, ty in (("plain", (2, 3), (3, 4), False, False), ("turned", (3, 2), (4, 3), True, True), ("batch", (2, 2, 3), (3, 4), False, False),
                               ("broadcast", (2, 1, 2, 3), (1, 3, 4, 3), False, True)):
        case("complex", f"matmul_v2_{name}_{dtype}", "matmul_v2", {"X": C(*x, dtype=dtype), "Y": C(*y, dtype=dtype)}, {"trans_x": tx, "trans_y": ty})
    for op in ("reduce_sum", "reduce_mean"):
        case("complex", f"{op}_{dtype}", op, {"X": C(2, 3, 4, dtype=dtype)}, {"dim": [1], "keep_dim": False, "reduce_all": False})
    case("complex", "scale_" + dtype, "scale", {"X": C(2, 3, dtype=dtype)}, {"scale": 0.5, "bias": 1.0})
    case("complex", "sum_" + dtype, "sum", {"X": [C(2, 3, dtype=dtype), C(2, 3, dtype=dtype)]})
    for name, target in (("float32", 5), ("complex64", 23), ("complex128", 24)):
        case("complex", f"cast_{dtype}_{name}", "cast", {"X": C(2, 3, dtype=dtype)}, {"in_dtype": 23 if dtype == "complex64" else 24, "out_dtype": target},
             gradient=False)
    case("complex", "transpose2_" + dtype, "transpose2", {"X": C(2, 3, dtype=dtype)}, {"axis": [1, 0]}, {"Out": 1, "XShape": None})
    for norm in ("backward", "forward", "ortho"):
        for forward in (True, False):
            attrs = {"normalization": norm, "forward": forward}
            tag = f"{norm}_{'forward' if forward else 'inverse'}_{dtype}"
            case("complex", "fft_c2c_" + tag, "fft_c2c", {"X": C(2, 6, dtype=dtype)}, {"axes": [1], **attrs})
            case("complex", "fft_r2c_" + tag, "fft_r2c", {"X": U(2, 6, dtype=real)}, {"axes": [1], "onesided": True, **attrs})
            case("complex", "fft_c2r_" + tag, "fft_c2r", {"X": C(2, 4, dtype=dtype)}, {"axes": [1], "last_dim_size": 0, **attrs})
case("complex", "complex_broadcast", "complex", {"X": U(2, 3), "Y": U(3)})
case("complex", "conj_real", "conj", {"X": U(2, 3)})
case("complex", "angle_real", "angle", {"X": U(2, 3)})
case("complex", "cast_to_complex", "cast", {"X": U(2, 3)}, {"in_dtype": 5, "out_dtype": 23}, gradient=False)
case("complex", "fill_complex", "fill_any_like", {"X": C(2, 3)}, {"value": 1.5, "dtype": 23}, gradient=False)
for name, shape, axes in (("odd", (2, 7), [1]), ("several", (2, 3, 4), [1, 2]), ("all", (4, 6), [0, 1]), ("first", (5, 2), [0]), ("prime", (13,), [0]), ("one", (3, 1), [1])):
    attrs = {"axes": axes, "normalization": "backward", "forward": True}
    case("complex", "fft_c2c_" + name, "fft_c2c", {"X": C(*shape)}, attrs)
    case("complex", "fft_r2c_" + name, "fft_r2c", {"X": U(*shape)}, {"onesided": True, **attrs})
    case("complex", "fft_r2c_twosided_" + name, "fft_r2c", {"X": U(*shape)}, {"onesided": False, **attrs})
    last = 2 * shape[axes[-1]] - 1
    case("complex", "fft_c2r_" + name, "fft_c2r", {"X": C(*shape)}, {"last_dim_size": last, **attrs, "forward": False})
for dtype in ("float32", "float64", "complex64"):
    draw = C if dtype == "complex64" else U
    for axis, shape in ((-1, (2, 9)), (0, (9, 2))):
        case("complex", f"frame_{axis}_{dtype}", "frame", {"X": draw(*shape, dtype=dtype)}, {"frame_length": 4, "hop_length": 2, "axis": axis})
    for axis, shape in ((-1, (2, 4, 3)), (0, (3, 4, 2))):
        case("complex", f"overlap_add_{axis}_{dtype}", "overlap_add", {"X": draw(*shape, dtype=dtype)}, {"hop_length": 2, "axis": axis})
case("complex", "frame_line", "frame", {"X": U(8)}, {"frame_length": 3, "hop_length": 3, "axis": 0})
case("complex", "frame_apart", "frame", {"X": U(3, 10)}, {"frame_length": 2, "hop_length": 4, "axis": -1})
