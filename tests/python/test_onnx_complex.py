"""Complex numbers inside ONNX files: spectra of signals, compared in ONNX Runtime with what skiff computes."""
import numpy as np
import pytest

import skiff as paddle

pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
from test_onnx_operators import OPSETS, check, numbers, serialized  # noqa: E402

static, fft, signal = paddle.static, paddle.fft, paddle.signal
NORMS = ("backward", "forward", "ortho")


def complex_of(x):
    """Half as many complex numbers along the last axis: its floats are real and imaginary parts in turn."""
    return paddle.as_complex(paddle.reshape(x, [*x.shape[:-1], -1, 2]))


# from x, [2, 3, 8] floats, through complex numbers, to floats
ROUTES = {
    "as_complex": lambda x: paddle.as_real(complex_of(x)),
    "parts": lambda x: [paddle.real(complex_of(x)), paddle.imag(complex_of(x))],
    "abs": lambda x: paddle.abs(complex_of(x)),
    "conj": lambda x: paddle.as_real(paddle.conj(complex_of(x))),
    "complex": lambda x: paddle.as_real(paddle.complex(x, x[:, :1] * 2.0)),
    "arithmetic": lambda x: [paddle.as_real(paddle.add(complex_of(x), complex_of(x)[1])), paddle.as_real(complex_of(x) - complex_of(x + 1.0)),
                             paddle.as_real(complex_of(x) * complex_of(x + 1.0))],
    "arithmetic with real numbers": lambda x: [paddle.as_real(complex_of(x) * x[:, :, :4]), paddle.as_real(complex_of(x) - x[0, :, :4])],
    "cast": lambda x: [paddle.as_real(paddle.cast(x, "complex128")), paddle.as_real(paddle.cast(complex_of(x), "complex64")),
                       paddle.cast(complex_of(x), "float64")],
    "transpose": lambda x: paddle.as_real(paddle.transpose(complex_of(x), [2, 0, 1])),
    "reshape": lambda x: paddle.as_real(paddle.reshape(complex_of(x), [0, -1])),
    "slice": lambda x: [paddle.as_real(complex_of(x)[:, 1:, -2:]), paddle.as_real(complex_of(x)[-1])],
    **{f"fft_{norm}": lambda x, norm=norm: paddle.as_real(fft.fft(complex_of(x), axis=1, norm=norm)) for norm in NORMS},
    **{f"ifftn_{norm}": lambda x, norm=norm: paddle.as_real(fft.ifftn(complex_of(x), axes=[0, 2], norm=norm)) for norm in NORMS},
    **{f"rfft_{norm}": lambda x, norm=norm: paddle.as_real(fft.rfft(x, norm=norm)) for norm in NORMS},
    **{f"ihfft_{norm}": lambda x, norm=norm: paddle.as_real(fft.ihfft(x, axis=1, norm=norm)) for norm in NORMS},
    **{f"irfft_{norm}": lambda x, norm=norm: fft.irfft(complex_of(x), norm=norm) for norm in NORMS},
    **{f"hfft_{norm}": lambda x, norm=norm: fft.hfft(complex_of(x), norm=norm) for norm in NORMS},
    "rfftn": lambda x: paddle.as_real(fft.rfftn(x, axes=[0, 1])),
    "fft of real numbers": lambda x: paddle.as_real(fft.fft(x, axis=1)),
    "irfftn": lambda x: fft.irfftn(complex_of(x), axes=[1, 2]),
    "irfft of an odd number": lambda x: fft.irfft(complex_of(x), n=5),
    "irfft of one": lambda x: fft.irfft(complex_of(x), n=1),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("opset", OPSETS)
@pytest.mark.parametrize("name", ROUTES)
def test_what_goes_through_complex_numbers_comes_out_the_same(name, opset, dtype):
    outputs = ROUTES[name](static.data("x", [2, 3, 8], dtype))
    check({"x": numbers(2, 3, 8, dtype=dtype)}, outputs if isinstance(outputs, list) else [outputs], opset, atol=1e-5)


def test_a_spectrogram_of_signals_of_any_length_computes_the_same():
    x = static.data("x", [None, None], "float32")
    window = paddle.assign(np.hanning(16).astype("float32"))
    power = paddle.abs(signal.stft(x, 16, hop_length=4, window=window)) ** 2.0
    for shape in ((1, 40), (3, 100)):
        found, = check({"x": numbers(*shape)}, [power], OPSETS[0], atol=1e-4)
        assert found.shape == (shape[0], 9, shape[1] // 4 + 1)


def test_a_signal_comes_back_from_its_transforms():
    x = static.data("x", [2, 64], "float32")
    back = signal.istft(signal.stft(x, 16), 16)
    signals = numbers(2, 64)
    found, = check({"x": signals}, [back], OPSETS[1])
    np.testing.assert_allclose(found, signals, atol=1e-5)


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_complex_numbers_have_no_form_outside_a_model(dtype):
    x, y = static.data("x", [2], dtype), static.data("y", [2, 2], "float32")
    with pytest.raises(NotImplementedError, match=r'no ONNX form for input "x" \(complex numbers\) at block 0\n'):
        serialized({"x": None, "y": None}, [paddle.real(x), y * 2.0])
    z = paddle.as_complex(y)
    with pytest.raises(NotImplementedError, match=rf'no ONNX form for output "{z.name}" \(complex numbers\) at block 0\n'):
        serialized({"y": None}, [z])
    w = static.default_main_program().global_block().create_var(name="w", shape=[2], dtype=dtype, persistable=True)
    static.global_scope().var("w").get_tensor().set(np.ones(2, dtype), paddle.CPUPlace())
    with pytest.raises(NotImplementedError, match=r'no ONNX form for parameter "w" \(complex numbers\) at block 0\n'):
        serialized({}, [paddle.real(w)])


def test_operators_without_a_form_for_complex_numbers_are_named():
    z = paddle.as_complex(static.data("x", [3, 2], "float32"))
    for op, out in (("exp", paddle.exp(z)), ("scale", z * 2.0)):
        with pytest.raises(NotImplementedError, match=rf"no ONNX form for {op} \(complex numbers\) at block 0 op"):
            serialized({"x": None}, [paddle.real(out)])


def complex_result(op, inputs, attrs):
    """The output of an operator as no function appends it."""
    block = static.default_main_program().global_block()
    out = block.create_var(name="result", dtype="complex64")
    block.append_op(type=op, inputs=inputs, outputs={"Out": [out]}, attrs=attrs)
    return out


def sum_of(x, y, axis=-1):
    return complex_result("elementwise_add", {"X": [x], "Y": [y]}, {"axis": axis})


def test_axes_from_the_end_are_those_of_the_complex_numbers():
    z = paddle.as_complex(static.data("x", [2, 3, 8, 2], "float32"))
    part = complex_result("slice", {"Input": [z]}, {"axes": [-1], "starts": [1], "ends": [3]})
    check({"x": numbers(2, 3, 8, 2)}, [paddle.as_real(part)], OPSETS[0])


@pytest.mark.parametrize("complex_first", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_sum_with_real_numbers_of_another_width_computes_the_same(complex_first, dtype):
    z, x = paddle.as_complex(static.data("z", [3, 4, 2], dtype)), static.data("x", [4], "float64")
    both = (z, x) if complex_first else (x, z)
    check({"z": numbers(3, 4, 2, dtype=dtype), "x": numbers(4, seed=1, dtype="float64")}, [paddle.as_real(sum_of(*both))], OPSETS[0])


def test_a_form_for_complex_numbers_alone_is_none_for_real_ones():
    x = static.data("x", [2], "float32")
    with pytest.raises(NotImplementedError, match=r"no ONNX form for conj \(real numbers\) at block 0 op 0"):
        serialized({"x": None}, [paddle.conj(x)])


def test_complex_operands_that_meet_along_an_axis_have_no_form():
    z = paddle.as_complex(static.data("x", [3, 4, 2], "float32"))
    row = paddle.as_complex(static.data("y", [3, 2], "float32"))
    with pytest.raises(NotImplementedError, match=r"elementwise_add \(complex numbers along an axis\)"):
        serialized({"x": None, "y": None}, [paddle.real(sum_of(z, row, axis=0))])
