"""ops/: what single operators, and their gradients, compute in real Paddle."""
import json

import numpy as np

from operator_run import gradient_slots, run


def write(paddle, folder, only=()):
    """`only`: names of families, all of them when empty."""
    from operator_cases import load_all
    cases = [case for case in load_all().values() if not only or case["family"] in only]
    for stale in list(folder.glob("*.npz")) + list(folder.glob("*.json")):
        if not only or stale.stem in only:
            stale.unlink()
    families, index, refused = {}, {}, []
    for case in cases:
        result = run(paddle, case)
        refused += [case["op"]] if case["gradient"] and gradient_slots(case) and not result["ingrad"] else []
        arrays = families.setdefault(case["family"], {})
        for part in ("in", "out", "outgrad", "ingrad"):
            for slot, values in result[part].items():
                assert all(value.dtype != object for value in values), (case["name"], slot, "Paddle leaves it unset")
                arrays.update({f"{case['name']}/{part}/{slot}/{k}": value for k, value in enumerate(values)})
        sequences = {"lods": result["lods"]} if result["lods"] else {}
        index.setdefault(case["family"], []).append({"name": case["name"], "family": case["family"], "op": case["op"],
                      "inputs": {slot: len(values) for slot, values in case["inputs"].items()}, "attrs": case["attrs"],
                      "outputs": case["outputs"], "targets": sorted(result["outgrad"]), "gradients": sorted(result["ingrad"]), **sequences})
    for family, arrays in families.items():
        np.savez(folder / (family + ".npz"), **arrays)
        (folder / (family + ".json")).write_text("[\n" + ",\n".join(json.dumps(record) for record in index[family]) + "\n]\n")
    print(f"ops: {len(cases)} cases; Paddle has no gradient for {', '.join(sorted(set(refused)))}")
