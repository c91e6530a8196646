"""Runs one operator case in a program of its own, with the module under test or with real Paddle."""
import zlib

import numpy as np


def is_float(array):
    """Whether gradients flow through it: floating or complex."""
    return array.dtype.kind in "fc"


def drawn_like(array, random):
    """Short numbers of the array's shape and dtype; complex ones with both parts."""
    numbers = np.round(random.uniform(-1, 1, array.shape), 2)
    return (numbers + 1j * np.round(random.uniform(-1, 1, array.shape), 2) if array.dtype.kind == "c" else numbers).astype(array.dtype)


def gradient_slots(case):
    """Input slots that hold floating point or complex numbers."""
    return [slot for slot, arrays in case["inputs"].items() if arrays and all(is_float(array) for array in arrays)]


def with_lod(paddle, array, lod):
    """What is fed: the array, or a LoDTensor where it has sequences."""
    if not lod:
        return array
    tensor = paddle.base.LoDTensor()
    tensor.set(array, paddle.CPUPlace())
    tensor.set_lod(lod)
    return tensor


def name_of(slot, k, what=""):
    """A variable's name; Paddle reads meaning into an @."""
    return f"{slot.replace('@', '_')}{what}_{k}"


def append(paddle, block, op, inputs, outputs, attrs):
    """Appends the operator; Paddle's append_op knows forward operators only, its gradients go in below it."""
    protos = getattr(getattr(paddle.base, "framework", None), "OpProtoHolder", None)
    if protos is None or protos.instance().has_op_proto(op):
        block.append_op(type=op, inputs=inputs, outputs=outputs, attrs=attrs)
        return
    desc = block.desc.append_op()
    desc.set_type(op)
    for slot, variables in inputs.items():
        desc.set_input(slot, [var.name for var in variables])
    for slot, variables in outputs.items():
        desc.set_output(slot, [var.name for var in variables])
    for name, value in attrs.items():
        set_attr = desc._set_bool_attr if isinstance(value, bool) else desc._set_attr  # which takes a truth for a number
        set_attr(name, value)
    desc.check_attrs()
    desc.infer_var_type(block.desc)
    desc.infer_shape(block.desc)
    block._sync_with_cpp()


def build(paddle, case):
    """The program: variables of every slot, and for each output slot the variables to fetch."""
    block = paddle.static.default_main_program().global_block()
    inputs, outputs = {}, {}
    for slot, arrays in case["inputs"].items():
        inputs[slot] = []
        for k, array in enumerate(arrays):
            levels = len(case["lods"].get(f"in/{slot}/{k}", ()))
            shape = [-1, *array.shape[1:]] if levels else list(array.shape)
            var = paddle.static.data(name_of(slot, k), shape, str(array.dtype), levels)
            var.stop_gradient = not is_float(array)
            inputs[slot].append(var)
    for slot, kind in case["outputs"].items():
        if isinstance(kind, str):
            outputs[slot] = inputs[kind]
        else:
            outputs[slot] = [block.create_var(name=name_of(slot, k, "_out"), dtype="float32") for k in range(kind or 1)]
    append(paddle, block, case["op"], inputs, outputs, dict(case["attrs"]))
    return inputs, outputs


def run(paddle, case, output_gradients=None):
    """What the operator computes: {"in", "out", "outgrad", "ingrad"}, each slot -> arrays, and "lods" of inputs and outputs.

    `output_gradients` are what flows back into the outputs; left out, they are drawn from the case's
    name. Slots for which the framework has no gradient are absent from "ingrad".
    """
    static, random = paddle.static, np.random.RandomState(zlib.crc32(b"gradient of " + case["name"].encode()))
    lods = {key: lod for key, lod in case["lods"].items() if key.startswith("in/")}
    result = {"in": case["inputs"], "out": {}, "outgrad": {}, "ingrad": {}, "lods": lods}
    with static.scope_guard(static.Scope()), paddle.utils.unique_name.guard(), static.program_guard(static.Program(), static.Program()):
        inputs, outputs = build(paddle, case)
        exe = static.Executor(paddle.CPUPlace())
        feed = {name_of(slot, k): with_lod(paddle, array, lods.get(f"in/{slot}/{k}")) for slot, arrays in case["inputs"].items()
                for k, array in enumerate(arrays)}
        computed = {slot: variables for slot, variables in outputs.items() if case["outputs"][slot] is not None}
        values = exe.run(feed=feed, fetch_list=[var for variables in computed.values() for var in variables], return_numpy=False)
        for slot, variables in computed.items():
            lods.update({f"out/{slot}/{k}": values[k].lod() for k in range(len(variables)) if lods and values[k].lod()})
            result["out"][slot] = [np.asarray(values.pop(0)) for _ in variables]
        if not case["gradient"] or not gradient_slots(case):
            return result

        targets = [slot for slot in case["targets"] or computed if not isinstance(case["outputs"][slot], str)
                   and all(is_float(array) for array in result["out"][slot])]
        seeds = {}
        for slot in targets:
            drawn = [drawn_like(array, random) for array in result["out"][slot]]
            result["outgrad"][slot] = output_gradients[slot] if output_gradients else drawn
            for k, array in enumerate(drawn):
                lod = lods.get(f"out/{slot}/{k}", [])
                declared = list(outputs[slot][k].shape)
                shape = declared if -1 in declared else list(array.shape)
                seeds.setdefault(slot, []).append(static.data(name_of(slot, k, "_seed"), shape, str(array.dtype), len(lod)))
                feed[name_of(slot, k, "_seed")] = with_lod(paddle, result["outgrad"][slot][k], lod)
        asked = [var for slot in gradient_slots(case) for var in inputs[slot]]
        found = static.gradients([var for slot in targets for var in outputs[slot]], asked,
                                 target_gradients=[var for slot in targets for var in seeds[slot]]) if targets else []
        found = dict(zip((var.name for var in asked), found))
        kept = [var for var in asked if found.get(var.name) is not None]
        values = exe.run(feed=feed, fetch_list=[found[var.name] for var in kept], return_numpy=not lods) if kept else []
        arrays = dict(zip((var.name for var in kept), map(np.asarray, values)))
        for slot in gradient_slots(case):
            if all(var.name in arrays for var in inputs[slot]):
                result["ingrad"][slot] = [arrays[var.name] for var in inputs[slot]]
        if not result["ingrad"]:
            result["outgrad"] = {}
    return result
