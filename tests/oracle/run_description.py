"""Runs a described program with either framework, so that two results come from one description.

A description is a dict:
    feeds     {name: array}
    ops       [{"type", "inputs": {slot: [names]}, "outputs": {slot: [names]}, "attrs"}]
    fetches   names of outputs to compare
    targets   those of them that gradients flow back from
    wanted    names of feeds to differentiate by
    seeds     {target: array}, what flows back
"""
import numpy as np


def build(paddle, description):
    """Variables and operators in the current program, gradients too; names to fetch, "X@GRAD" for a feed X."""
    static = paddle.static
    block, variables = static.default_main_program().global_block(), {}
    for name, array in description["feeds"].items():
        variables[name] = static.data(name, list(array.shape), str(array.dtype))
        variables[name].stop_gradient = name not in description["wanted"]
    for op in description["ops"]:
        for names in op["outputs"].values():
            for name in names:
                if name not in variables:
                    variables[name] = block.create_var(name=name, dtype=op.get("dtype", "float32"))
        block.append_op(type=op["type"], attrs=dict(op["attrs"]),
                        inputs={slot: [variables[name] for name in names] for slot, names in op["inputs"].items()},
                        outputs={slot: [variables[name] for name in names] for slot, names in op["outputs"].items()})
    fetches = {name: name for name in description["fetches"]}
    if description["targets"] and description["wanted"]:
        # Of the target's declared shape, which says -1 where the extent is known only when it runs.
        seeds = [static.data(f"{name}_seed", list(variables[name].shape), str(array.dtype)) for name, array in description["seeds"].items()]
        gradients = static.gradients([variables[name] for name in description["targets"]], [variables[name] for name in description["wanted"]],
                                     target_gradients=seeds)
        fetches.update({f"{name}@GRAD": gradient.name for name, gradient in zip(description["wanted"], gradients) if gradient is not None})
    return fetches


def feeds_of(description, fetches):
    """The seeds belong to the gradients alone: they are fed where a gradient is there."""
    feeds = dict(description["feeds"])
    if any(name.endswith("@GRAD") for name in fetches):
        feeds.update({f"{name}_seed": array for name, array in description["seeds"].items()})
    return feeds


def execute(paddle, program, feeds, fetches):
    values = paddle.static.Executor(paddle.CPUPlace()).run(program, feed=feeds, fetch_list=list(fetches.values()), return_numpy=False)
    return {name: np.asarray(value) for name, value in zip(fetches, values)}


def run(paddle, description, save_to=None):
    """{fetch: array}, and the names the fetches have in the program; saves the program where asked."""
    static = paddle.static
    with static.scope_guard(static.Scope()), paddle.utils.unique_name.guard(), static.program_guard(static.Program(), static.Program()):
        fetches = build(paddle, description)
        program = static.default_main_program()
        if save_to:
            paddle.save(program, save_to)
        return execute(paddle, program, feeds_of(description, fetches), fetches), fetches


def run_saved(paddle, path, description, fetches):
    """Runs a program that the other framework saved."""
    with paddle.static.scope_guard(paddle.static.Scope()):
        return execute(paddle, paddle.load(path), feeds_of(description, fetches), fetches)
