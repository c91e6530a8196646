"""optim/: what every optimizer does to a parameter in five steps, and every scheduler's first 20 rates."""
import json

import numpy as np

from optimizer_cases import GRADIENTS, IDS, METRICS, OPTIMIZERS, ROWS, SCHEDULES, START, schedule, trajectory
from program_dump import dump_operator


def numbers(array):
    """Nested lists of a float32 array, each number in the shortest decimal that reads back the same."""
    array = np.asarray(array)
    if array.ndim:
        return [numbers(row) for row in array]
    return float(str(array[()])) if array.dtype.kind == "f" else array.item()


def state(scheduler_state):
    return {key: value.item() if hasattr(value, "item") else value for key, value in scheduler_state.items()}


def lines(records):
    return "[\n" + ",\n".join("  " + json.dumps(record) for record in records) + "\n]"


def write(paddle, folder):
    cases = [(name, False) for name in OPTIMIZERS] + [(name, True) for name in ROWS]
    texts = []
    for name, rows in cases:
        main, seen = trajectory(paddle, OPTIMIZERS[name], rows)
        updates = [dump_operator(op) for op in main.global_block().ops if op.attr("op_role") & 2]
        texts.append('{"name": %s, "source": %s, "rows": %s,\n "updates": %s,\n "values": %s}' % (
            json.dumps(name + ("_rows" if rows else "")), json.dumps(OPTIMIZERS[name].split("\n")), json.dumps(rows), lines(updates),
            lines({key: numbers(value) for key, value in values.items()} for values in seen)))
    header = {"start": {key: numbers(value) for key, value in START.items()}, "ids": IDS,
              "gradients": [{key: numbers(value) for key, value in step.items()} for step in GRADIENTS]}
    (folder / "optimizers.json").write_text(json.dumps(header)[:-1] + ',\n"cases": [\n' + ",\n".join(texts) + "\n]}\n")
    records = []
    for name, source in SCHEDULES.items():
        values, last = schedule(paddle, source)
        records.append({"name": name, "source": source.split("\n"), "values": values, "state": state(last)})
    (folder / "schedules.json").write_text('{"metrics": %s,\n"cases": %s}\n' % (json.dumps(METRICS), lines(records)))
