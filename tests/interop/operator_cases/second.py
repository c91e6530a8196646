"""Second and third gradients: a gradient operator, and the gradients of it, which the next one computes. See __init__.py."""
import numpy as np

from operator_cases import U, case


def drawn(shape, low, high, dtype):
    """Numbers as U draws them, for cases whose Out must be that of their X."""
    return np.round(np.random.RandomState(shape[0]).uniform(low, high, shape), 2).astype(dtype)


def grad(op, uses, attrs=None, name="", dtype="float64", low=-2.0, high=2.0, shape=(3, 4)):
    case("second", f"{op}_grad{name}_{dtype}", f"{op}_grad", {uses: U(*shape, low=low, high=high, dtype=dtype), "Out@GRAD": U(*shape, dtype=dtype)},
         attrs or {}, "X@GRAD")


for dtype in ("float32", "float64"):
    for op in ("square", "sin", "cos", "abs", "softplus", "celu", "leaky_relu"):
        attrs = {"softplus": {"beta": 1.5, "threshold": 2.0}, "celu": {"alpha": 0.7}, "leaky_relu": {"alpha": 0.1}}
        grad(op, "X", attrs.get(op), dtype=dtype)
    grad("log", "X", low=0.3, dtype=dtype)
    x = drawn((3, 4), -2.0, 2.0, dtype)
    case("second", "elu_grad_" + dtype, "elu_grad", {"X": x, "Out": np.where(x > 0, x, 0.7 * np.expm1(x)).astype(dtype), "Out@GRAD": U(3, 4, dtype=dtype)},
         {"alpha": 0.7}, "X@GRAD")
    for op in ("relu", "sqrt", "rsqrt", "sigmoid", "tanh"):
        grad(op, "Out", low=-0.9 if op == "tanh" else -1.5 if op == "relu" else 0.2, high=0.9, dtype=dtype)
    for factor in (2.0, 3.0, -1.0, 0.5, 1.0):
        grad("pow", "X", {"factor": factor}, f"_{factor}", low=0.3, dtype=dtype)
    grad("clip", "X", {"min": -0.7, "max": 1.1}, dtype=dtype)


def both(op, name="", x=(2, 3), y=(2, 3), out=(2, 3), attrs=None, dtype="float64"):
    inputs = {"X": U(*x, dtype=dtype), "Y": U(*y, low=0.5, dtype=dtype), "Out@GRAD": U(*out, dtype=dtype)}
    if op == "elementwise_div":
        inputs["X"], inputs["Y"] = drawn(x, -2.0, 2.0, dtype), drawn(y, 0.5, 2.0, dtype)
        inputs["Out"] = inputs["X"] / (inputs["Y"][:, None] if name == "_axis" else inputs["Y"])
    case("second", f"{op}_grad{name}_{dtype}", f"{op}_grad", inputs, attrs or {}, {"X@GRAD": 1, "Y@GRAD": 1})


for op in ("elementwise_add", "elementwise_sub", "elementwise_mul", "elementwise_div"):
    both(op, attrs={"axis": -1})
    both(op, "_broadcast", (2, 3, 4), (4,), (2, 3, 4), {"axis": -1})
    both(op, "_axis", (2, 3, 4), (3,), (2, 3, 4), {"axis": 1}, "float32")
for name, x, y, out, attrs in (("", (2, 3), (3, 4), (2, 4), {}), ("_batch", (2, 2, 3), (2, 3, 4), (2, 2, 4), {}), ("_shared", (2, 2, 3), (3, 4), (2, 2, 4), {}),
                               ("_trans_x", (3, 2), (3, 4), (2, 4), {"trans_x": True}), ("_trans_y", (2, 3), (4, 3), (2, 4), {"trans_y": True}),
                               ("_trans_both", (2, 3, 2), (2, 4, 3), (2, 2, 4), {"trans_x": True, "trans_y": True}), ("_vectors", (3,), (3,), (), {}),
                               ("_broadcast", (2, 1, 2, 3), (1, 2, 3, 4), (2, 2, 2, 4), {})):
    for dtype in ("float32", "float64"):
        both("matmul_v2", name, x, y, out, {"trans_x": False, "trans_y": False, **attrs}, dtype)
for name, x, y, attrs in (("", (2, 3), (3, 4), {}), ("_scaled", (3, 2), (4, 3), {"transpose_X": True, "transpose_Y": True, "alpha": 0.5})):
    both("matmul", name, x, y, (2, 4), {"transpose_X": False, "transpose_Y": False, "alpha": 1.0, "head_number": 1, **attrs})
both("mul", "", (2, 3), (3, 4), (2, 4), {"x_num_col_dims": 1, "y_num_col_dims": 1})
both("mul", "_flattened", (2, 2, 3), (3, 2, 2), (2, 2, 2, 2), {"x_num_col_dims": 2, "y_num_col_dims": 1})


def third(op, slots, outputs, attrs=None, low=-2.0, high=2.0, dtype="float64", name=""):
    case("second", f"{op}{name}_{dtype}", op, {slot: U(3, 4, low=low, high=high, dtype=dtype) for slot in slots}, attrs or {}, {slot: 1 for slot in outputs})


for dtype in ("float32", "float64"):
    for op in ("sin", "cos"):
        third(f"{op}_double_grad", ("X", "grad_out", "grad_x@GRAD"), ("X@GRAD", "grad_out@GRAD"), dtype=dtype)
    for factor in (2.0, 3.0, 0.5):
        third("pow_double_grad", ("X", "grad_out", "grad_x@GRAD"), ("X@GRAD", "grad_out@GRAD"), {"factor": factor}, 0.3, 2.0, dtype, f"_{factor}")
    third("sigmoid_grad_grad", ("Out", "fwd_grad_out", "grad_x@GRAD"), ("Out@GRAD", "fwd_grad_out@GRAD"), low=0.1, high=0.9, dtype=dtype)
    third("tanh_grad_grad", ("Out", "grad_out", "grad_x@GRAD"), ("Out@GRAD", "grad_out@GRAD"), low=-0.9, high=0.9, dtype=dtype)
    third("elementwise_add_grad_grad", ("Y", "DOut", "DDX", "DDY"), ("DDOut",), {"axis": -1}, dtype=dtype)
    third("elementwise_mul_grad_grad", ("X", "Y", "DOut", "DDX", "DDY"), ("X@GRAD", "Y@GRAD", "DDOut"), {"axis": -1}, dtype=dtype)


def moved(op, x, out, attrs, name="", slot="X", uses_x=True, **more):
    """Of an operator that moves or copies elements, whose gradient reads X or the shape of it that XShape keeps."""
    inputs = {slot: U(*x)} if uses_x else {"XShape": np.zeros((0, *x), "float32")}
    case("second", f"{op}_grad{name}", f"{op}_grad", {**inputs, **more, "Out@GRAD": U(*out)}, attrs, f"{slot}@GRAD")


moved("reshape2", (3, 4), (2, 6), {"shape": [2, -1]}, uses_x=False)
moved("transpose2", (2, 3, 4), (4, 2, 3), {"axis": [2, 0, 1]}, uses_x=False)
moved("squeeze2", (2, 1, 3, 1), (2, 3, 1), {"axes": [1]}, uses_x=False)
moved("unsqueeze2", (2, 3), (2, 1, 3, 1), {"axes": [1, 3]}, uses_x=False)
moved("slice", (3, 4), (2,), {"axes": [0, 1], "starts": [1, 2], "ends": [3, 3], "decrease_axis": [1], "infer_flags": [1, 1]}, slot="Input")
moved("expand_v2", (3, 1), (2, 3, 4), {"shape": [2, -1, 4]})
moved("tile", (2, 3), (4, 3), {"repeat_times": [2, 1]})
moved("expand", (2, 3), (4, 3), {"expand_times": [2, 1]})
case("second", "concat_grad", "concat_grad", {"X": [U(2, 3), U(2, 1), U(2, 2)], "Out@GRAD": U(2, 6)}, {"axis": 1}, {"X@GRAD": 3})


def normalized(name, op, slots, shape, axes, attrs=None, dtype="float64", leave=(), running=False):
    """The second gradient of a normalisation; `slots` are Paddle's for x, dy, scale, mean, spread and the three gradients."""
    x = drawn(shape, -2.0, 2.0, dtype)
    mean, channels = x.mean(axes, keepdims=True), shape[-1 if (attrs or {}).get("data_layout") == "NHWC" else 1]
    spread = 1 / np.sqrt(((x - mean) ** 2).mean(axes) + 1e-5)
    mean = mean.reshape(spread.shape)
    if running:  # what was saved has to be there, and is not read
        saved = {"SavedMean": mean.reshape(-1), "SavedVariance": spread.reshape(-1)}
        mean, spread = drawn(mean.shape, -1.0, 1.0, dtype), drawn(mean.shape, 0.5, 1.5, dtype)
    values = [x, U(*shape, dtype=dtype), U(channels, low=0.5, dtype=dtype), mean.reshape(-1), spread.reshape(-1),
              U(*shape, dtype=dtype), U(channels, dtype=dtype), U(channels, dtype=dtype)]
    inputs = {slot: value for slot, value in zip(slots[:8], values) if slot not in leave} | (saved if running else {})
    case("second", f"{op}{name}_{dtype}", op, inputs, {**(attrs or {}), "epsilon": 1e-5}, {slot: 1 for slot in slots[8:]}, gradient=False)


PLAIN = {"data_layout": "NCHW", "momentum": 0.9, "is_test": False, "use_global_stats": False, "trainable_statistics": False}
BATCH = ("X", "DY", "Scale", "SavedMean", "SavedVariance", "DDX", "DDScale", "DDBias", "DX", "DScale", "DDY")
RUNNING = ("X", "DY", "Scale", "Mean", "Variance", *BATCH[5:])
INSTANCE = ("x", "grad_y", "fwd_scale", "saved_mean", "saved_variance", "grad_x@GRAD", "grad_scale@GRAD", "grad_bias@GRAD",
            "x@GRAD", "fwd_scale@GRAD", "grad_y@GRAD")
for dtype in ("float32", "float64"):
    normalized("", "batch_norm_grad_grad", BATCH, (3, 4, 2, 2), (0, 2, 3), PLAIN, dtype)
    normalized("_last", "batch_norm_grad_grad", BATCH, (3, 2, 2, 4), (0, 1, 2), {**PLAIN, "data_layout": "NHWC"}, dtype)
    normalized("", "instance_norm_double_grad", INSTANCE, (2, 3, 4, 2), (2, 3), dtype=dtype)
normalized("_rows", "batch_norm_grad_grad", BATCH, (5, 3), (0,), PLAIN)
normalized("_part", "batch_norm_grad_grad", BATCH, (3, 4, 2, 2), (0, 2, 3), PLAIN, leave=("DDScale", "DDBias"))
normalized("_running", "batch_norm_grad_grad", RUNNING, (3, 4, 2, 2), (0, 2, 3),
           {**PLAIN, "use_global_stats": True}, running=True)
