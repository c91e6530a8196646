"""programs/<name>.pdmodel and .npz: programs of flow_programs.py built by real Paddle, and their runs.

The archive holds param__<name> before the first run, and for run k in<k>__<name>, out<k>__<position>;
fetch names in order are in `fetches`.
"""
import numpy as np

from flow_programs import FEEDS, PROGRAMS


def successor(paddle, scope, main):
    """A scope with the parameters and state of another, nothing else."""
    fresh = paddle.static.Scope()
    for var in main.list_vars():
        held = scope.find_var(var.name) if var.persistable else None
        if held is not None and var.type == paddle.base.core.VarDesc.VarType.LOD_TENSOR:
            fresh.var(var.name).get_tensor().set(np.array(held.get_tensor()), paddle.CPUPlace())
    return fresh


def write(paddle, folder):
    for stale in [*folder.glob("*.pdmodel"), *folder.glob("*.npz")]:
        stale.unlink()
    for name, builder in PROGRAMS.items():
        main, startup, scope = paddle.static.Program(), paddle.static.Program(), paddle.static.Scope()
        main.random_seed = startup.random_seed = 1
        with paddle.utils.unique_name.guard(), paddle.static.program_guard(main, startup), paddle.static.scope_guard(scope):
            fetches = builder(paddle)
            exe = paddle.static.Executor(paddle.CPUPlace())
            exe.run(startup)
            arrays = {"fetches": np.array(fetches)}
            for number, var in enumerate(v for v in main.list_vars() if v.persistable and scope.find_var(v.name) is not None):
                value = np.array(scope.find_var(var.name).get_tensor())
                if value.size and value.dtype == np.float32 and var.name != "learning_rate_0":
                    value = np.random.RandomState(number).uniform(-0.8, 0.8, value.shape).astype("float32")
                    scope.find_var(var.name).get_tensor().set(value, paddle.CPUPlace())
                arrays["param__" + var.name] = value
            for run, feed in enumerate(FEEDS[name]):
                # Paddle leaves tensor arrays of one run in the scope for the next: each gets a scope of its own.
                scope = successor(paddle, scope, main)
                outputs = exe.run(main, feed=feed, fetch_list=fetches, scope=scope)
                arrays.update({f"in{run}__{key}": value for key, value in feed.items()})
                arrays.update({f"out{run}__{k}": np.array(value) for k, value in enumerate(outputs)})
        for block in main.blocks:
            for op in block.ops:
                op._remove_attr("op_callstack")  # where the operator was made: long, and different everywhere
        (folder / (name + ".pdmodel")).write_bytes(main.desc.serialize_to_string())
        np.savez_compressed(folder / (name + ".npz"), **arrays)
