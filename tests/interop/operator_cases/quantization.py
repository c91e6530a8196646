"""Quantisation and back. See __init__.py."""
import numpy as np

from operator_cases import A, I, U, case

for round_type in (0, 1):
    R = {"bit_length": 8, "round_type": round_type}
    for op in ("fake_quantize_abs_max", "fake_quantize_dequantize_abs_max"):
        case("quantization", f"{op}_{round_type}", op, {"X": U(3, 5)}, R, {"Out": 1, "OutScale": 1}, gradient="dequantize" in op, targets=["Out"])
    for op in ("fake_channel_wise_quantize_abs_max", "fake_channel_wise_quantize_dequantize_abs_max"):
        for axis in (0, 1):
            case("quantization", f"{op}_{round_type}_{axis}", op, {"X": U(3, 4, 2)}, {**R, "quant_axis": axis}, {"Out": 1, "OutScale": 1}, gradient="dequantize" in op,
                 targets=["Out"])
    for op in ("fake_quantize_moving_average_abs_max", "fake_quantize_dequantize_moving_average_abs_max"):
        for test in (False, True):
            case("quantization", f"{op}_{round_type}_{test}", op, {"X": U(3, 5), "InScale": A([1.2]), "InAccum": A([2.5]), "InState": A([1.9])},
                 {**R, "moving_rate": 0.9, "is_test": test}, {"Out": 1, "OutScale": "InScale", "OutState": "InState", "OutAccum": "InAccum"}, gradient=False)
case("quantization", "fake_quantize_abs_max_4_bits", "fake_quantize_abs_max", {"X": U(4, 6)}, {"bit_length": 4, "round_type": 1}, {"Out": 1, "OutScale": 1}, gradient=False)
case("quantization", "fake_quantize_range_abs_max_test", "fake_quantize_range_abs_max", {"X": U(3, 4), "InScale": A([1.5])},
     {"window_size": 4, "bit_length": 8, "is_test": True, "round_type": 1}, {"Out": 1, "OutScale": "InScale"}, gradient=False)
case("quantization", "moving_average_abs_max_scale", "moving_average_abs_max_scale", {"X": U(3, 5), "InAccum": A([2.5]), "InState": A([1.9])},
     {"moving_rate": 0.9, "is_test": False}, {"Out": 1, "OutScale": 1, "OutState": "InState", "OutAccum": "InAccum"}, gradient=False)
case("quantization", "moving_average_abs_max_scale_test", "moving_average_abs_max_scale", {"X": U(3, 5), "InAccum": A([2.5]), "InState": A([1.9])},
     {"moving_rate": 0.9, "is_test": True}, {"Out": 1, "OutScale": None, "OutState": "InState", "OutAccum": "InAccum"}, gradient=False)
for name, axis, scale in (("one", -1, [1.5]), ("rows", 0, [1.5, 0.7, 2.0]), ("columns", 1, [1.5, 0.7, 2.0, 1.1])):
    L = {"quant_axis": axis, "bit_length": 8, "round_type": 0, "is_test": True, "only_observer": False}
    zero = np.zeros(len(scale), "float32")
    case("quantization", "quantize_linear_" + name, "quantize_linear", {"X": U(3, 4), "Scale": A(scale), "ZeroPoint": zero}, L, "Y", gradient=False)
    case("quantization", "dequantize_linear_" + name, "dequantize_linear", {"X": I(3, 4, low=-127, high=128, dtype="float32"), "Scale": A(scale), "ZeroPoint": zero}, L, "Y",
         gradient=False)
case("quantization", "dequantize_linear_int8", "dequantize_linear", {"X": I(3, 4, low=-127, high=128, dtype="int8"), "Scale": A([1.5]), "ZeroPoint": A([0])},
     {"quant_axis": -1, "bit_length": 8, "round_type": 0, "is_test": True, "only_observer": False}, "Y", gradient=False)
case("quantization", "fake_dequantize_max_abs", "fake_dequantize_max_abs", {"X": I(3, 4, low=-127, high=128, dtype="float32"), "Scale": A([1.5])}, {"max_range": 127.0},
     gradient=False)
for axis in (0, 1):
    case("quantization", f"fake_channel_wise_dequantize_max_abs_{axis}", "fake_channel_wise_dequantize_max_abs",
         {"X": I(3, 3, 2, low=-127, high=128, dtype="float32"), "Scales": [A([1.5, 0.5, 2.0])]}, {"quant_bits": [8], "quant_axis": axis, "x_num_col_dims": 1}, gradient=False)
case("quantization", "fake_channel_wise_dequantize_max_abs_two", "fake_channel_wise_dequantize_max_abs",
     {"X": I(2, 3, 2, 2, low=-127, high=128, dtype="float32"), "Scales": [A([1.5, 0.5, 2.0]), A([0.8])]}, {"quant_bits": [8, 8], "quant_axis": 0, "x_num_col_dims": 1},
     gradient=False)
case("quantization", "dequantize_abs_max", "dequantize_abs_max", {"X": I(3, 4, low=-127, high=128, dtype="int8"), "Scale": A([1.5])}, {"max_range": 127.0}, gradient=False)
case("quantization", "dequantize_log", "dequantize_log", {"X": I(3, 4, low=-127, high=128, dtype="int8"), "Dict": U(128)}, gradient=False)

for name, padding in (("", -1), ("_padding", 1)):
    table = np.zeros((3, 4), "float32")
    table[:, :2] = [[-1, 1], [0, 0.5], [2, 2]]
    table[:, 2:] = np.frombuffer((10 * np.arange(24, dtype="uint8")).tobytes(), "float32").reshape(3, 2)
    case("quantization", "lookup_table_dequant" + name, "lookup_table_dequant", {"W": table, "Ids": A([[[2], [1]], [[0], [1]]], "int64")},
         {"padding_idx": padding}, gradient=False)

NUMBERS, ONEDNN = A([[-1.5, -0.3, 0.24, 0.26], [2.5, 3.49, 100, -100]]), {"use_mkldnn": True}
for name, attrs in (("signed", {"is_negative_input": True}), ("unsigned", {}), ("shifted", {"Shift": 128.0, "is_negative_input": True}), ("to_even", {"Scale": 1.0})):
    case("quantization", "quantize_" + name, "quantize", {"Input": NUMBERS}, {"Scale": 2.0, **attrs, **ONEDNN}, "Output", gradient=False)
signed, unsigned = A([[-128, -3, 0], [5, 100, 127]], "int8"), A([[0, 3, 5], [127, 128, 255]], "uint8")
for name, byte in (("signed", signed), ("unsigned", unsigned)):
    for shift in (0.0, 128.0):
        case("quantization", f"dequantize_{name}_{shift}", "dequantize", {"Input": byte}, {"Scale": 2.0, "Shift": shift, **ONEDNN}, "Output", gradient=False)
    for given in ((4.0, 1.0, 0.0, 0.0), (4.0, 1.0, 0.0, 128.0), (2.0, 3.0, 0.0, 0.0)):
        case("quantization", f"requantize_{name}_{given}", "requantize", {"Input": byte},
             {**dict(zip(("Scale_in", "Scale_out", "Shift_in", "Shift_out"), given)), **ONEDNN}, "Output", gradient=False)
case("quantization", "requantize_shifted", "requantize", {"Input": unsigned}, {"Scale_in": 2.0, "Scale_out": 3.0, "Shift_in": 10.0, "Shift_out": 128.0, **ONEDNN}, "Output", gradient=False)
