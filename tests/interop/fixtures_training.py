"""training/: static training programs as Paddle saved them, and the 20 steps it takes with each. See training_programs.py."""
import json

import numpy as np

from fixtures_train import persistables, read
from training_programs import BATCHES, FEEDS, PROGRAMS, STEPS, Session


def start_value(number, shape):
    """Parameter number `number` of a program before the first step, where the startup program draws it at random."""
    fan_in = int(np.prod(shape[1:])) if len(shape) == 4 else shape[0]
    return (np.random.RandomState(1000 + number).uniform(-1, 1, shape) * np.sqrt(3.0 / max(fan_in, 1))).astype("float32")


def drawn(startup, program):
    """[name, shape] of the parameters that the startup program draws at random, in the order of their making."""
    constant = {name for op in startup.global_block().ops if op.type in ("fill_constant", "assign_value") for name in op.output_arg_names}
    return [[p.name, list(p.shape)] for p in program.all_parameters() if p.name not in constant]


def serialized(program):
    """Without call stacks (paths of one machine) and name scopes (numbered through the process)."""
    for block in program.blocks:
        for op in block.ops:
            for attribute in ("op_callstack", "op_namescope", "op_device"):
                op._remove_attr(attribute)
    return program.desc.serialize_to_string()


def used(paddle, program):
    """Persistable variables of operators; a recurrent layer also has one buffer under all of its weights."""
    arguments = {name for block in program.blocks for op in block.ops for name in op.input_arg_names + op.output_arg_names}
    return [name for name in persistables(paddle, program) if name in arguments]


def numbers(values):
    return [float(f"{number:.9g}") for value in values for number in np.asarray(value, "float64").ravel()]


def build(paddle, name):
    """Startup program and Session."""
    main, startup = paddle.static.Program(), paddle.static.Program()
    main.random_seed = startup.random_seed = 1
    with paddle.utils.unique_name.guard(), paddle.static.program_guard(main, startup):
        built = PROGRAMS[name](paddle)
    return startup, built if isinstance(built, Session) else Session([(main, built)])


def record(paddle, name):
    startup, session = build(paddle, name)
    exe = paddle.static.Executor(paddle.CPUPlace())
    start = drawn(startup, session.mains[0][0])
    with paddle.static.scope_guard(paddle.static.Scope()):
        scope = paddle.static.global_scope()
        exe.run(startup)
        for number, (parameter, shape) in enumerate(start):
            scope.find_var(parameter).get_tensor().set(start_value(number, shape), paddle.CPUPlace())
        kept = used(paddle, session.mains[0][0])
        losses, rates = [], []
        for step in range(STEPS):
            row = []
            for main, fetches in session.mains:
                names = {v.name for v in main.list_vars()}
                row += exe.run(main, feed={k: v for k, v in FEEDS[name](step).items() if k in names}, fetch_list=fetches)
            losses.append(numbers(row))
            if session.rate is not None:
                rates.append(float(np.array(scope.find_var("learning_rate_0").get_tensor()).item()))
                session.rate.step()
        for program in session.after:
            exe.run(program)
        final = {key: numbers([np.sum(value, dtype="float64"), np.sqrt(np.sum(np.square(value, dtype="float64")))])
                 for key, value in read(paddle, kept).items()}
    report = {"name": name, "drawn": start, "fetches": [fetches for _, fetches in session.mains], "after": len(session.after),
              "losses": losses, "rates": rates, "final_sum_and_norm": final}
    return report, {"startup": startup, **{f"main{k}": main for k, (main, _) in enumerate(session.mains)},
                    **{f"after{k}": program for k, program in enumerate(session.after)}}


def write(paddle, folder):
    records, files = [], {}
    for name in PROGRAMS:
        report, programs = record(paddle, name)
        assert all(np.isfinite(row).all() for row in report["losses"]), name
        records.append(json.dumps(report))
        for kind, program in programs.items():
            files[f"{name}.{kind}"] = np.frombuffer(serialized(program), "uint8")
    np.savez_compressed(folder / "programs.npz", **files)
    (folder / "training.json").write_text('{"steps": %d, "batches": %d, "programs": [\n%s\n]}\n' % (STEPS, BATCHES, ",\n".join(records)))
