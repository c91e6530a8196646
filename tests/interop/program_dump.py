"""A program as plain Python data: what a fixture keeps and what a test compares.

Only documented calls of `paddle.static` are used, so that the same code reads a program of real
Paddle and one of skiff.
"""

import itertools

# Where an operator was made, and on which device: these say nothing about what a program means.
NOT_KEPT = {"op_callstack", "op_namescope", "op_device", "with_quant_attr"}
# Paddle lists what these read and write in the order of a hash set, which differs from run to run.
UNORDERED = {"while", "conditional_block", "while_grad", "conditional_block_grad"}
# Of these, gradients stand in the order of what they are gradients of.
PAIRED = {"while_grad": "X", "conditional_block_grad": "Input"}


def dtype_name(dtype):
    """"float32" for whatever spelling of a dtype the framework prints."""
    name = str(dtype).rsplit(".", 1)[-1].lower()
    short = {"fp16": "float16", "fp32": "float32", "fp64": "float64", "bf16": "bfloat16"}
    return short.get(name, name)


def plain(value):
    """An attribute as JSON keeps it: a sub-block becomes {"block": its number}, a variable its name."""
    if isinstance(value, (bool, int, float, str)):
        return value
    if hasattr(value, "persistable"):
        return value.name
    if hasattr(value, "idx"):
        return {"block": value.idx}
    if hasattr(value, "id"):
        return {"block": value.id if isinstance(value.id, int) else value.id()}
    return [plain(element) for element in value]


def dump_operator(op):
    def attribute(name):
        if name == "sub_block" and hasattr(op, "_block_attr_id"):
            return {"block": op._block_attr_id(name)}
        try:
            return plain(op.attr(name))
        except RuntimeError:  # Paddle's attr, of one that is given as variables
            return plain(op.all_attrs()[name])

    order = sorted if op.type in UNORDERED else list
    record = {
        "type": op.type,
        "inputs": {slot: order(op.input(slot)) for slot in sorted(op.input_names)},
        "outputs": {slot: order(op.output(slot)) for slot in sorted(op.output_names)},
        "attrs": {name: attribute(name) for name in sorted(op.attr_names) if name not in NOT_KEPT},
    }
    if op.type in PAIRED:
        slot = PAIRED[op.type]
        pairs = sorted(zip(op.input(slot), op.output(slot + "@GRAD")))
        record["outputs"][slot + "@GRAD"] = [gradient for _, gradient in pairs]
    if "original_output_grad" in record["attrs"]:
        record["attrs"]["original_output_grad"].sort()
    return record


def dump_variable(paddle, var):
    record = {"name": var.name}
    try:
        record["shape"] = [int(extent) for extent in var.shape]
        record["dtype"] = dtype_name(var.dtype)
    except Exception:  # step scopes and the like have neither
        record.pop("shape", None)
    if record.get("dtype") == "undefined":
        del record["shape"], record["dtype"]
    record["persistable"] = bool(var.persistable)
    record["stop_gradient"] = bool(var.stop_gradient)
    record["is_parameter"] = bool(is_parameter(paddle, var))
    return record


def is_parameter(paddle, var):
    own = getattr(var, "is_parameter", None)
    if isinstance(own, bool):
        return own
    return type(var).__name__.endswith("Parameter")


def adds_up_gradients(record):
    return record["type"] == "sum" and all("@RENAME@" in name for name in record["inputs"]["X"])


def ordered(records):
    """The records; Paddle appends neighbouring sums of gradients in the order of a hash set too."""
    for alike, run in itertools.groupby(records, adds_up_gradients):
        yield from sorted(run, key=lambda record: record["outputs"]["Out"]) if alike else run


def dump_program(paddle, program):
    """[{"ops": [...], "vars": [...]}], one entry per block; variables sorted by name."""
    return [{"ops": list(ordered(dump_operator(op) for op in block.ops)),
             "vars": [dump_variable(paddle, block.vars[name]) for name in sorted(block.vars) if name != "@EMPTY@"]}
            for block in program.blocks]


def build(paddle, source):
    """Runs a snippet in fresh programs with fresh names: {"main", "startup", "result"}."""
    import numpy as np
    main, startup = paddle.static.Program(), paddle.static.Program()
    names = {"paddle": paddle, "static": paddle.static, "np": np}
    with paddle.utils.unique_name.guard(), paddle.static.program_guard(main, startup):
        exec(compile(source, "snippet", "exec"), names)
    return {"main": dump_program(paddle, main), "startup": dump_program(paddle, startup),
            "result": names.get("result")}
