#!/usr/bin/env python3
"""Writes io/pir/op_map_table.inc: how the operators of 2.x are spelled in the programs of Paddle 3 (PIR).

    FLAGS_enable_pir_api=0 PADDLE3_PYTHON scripts/make_pir_map.py > io/pir/op_map_table.inc

Needs PaddlePaddle 3.3.1. Its headers name operands, results and attributes of every operator; which slot or attribute of 2.x each of
them is, is seen by translating the recorded operator cases of tests/fixtures/ops and their gradients, one operator at a time, with
paddle.pir.translate_to_pir: values carry their slot's name, and an attribute changed by a little shows where it went.
"""
import collections
import json
import os
import re
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "interop"))
TABLE = json.loads((ROOT / "tests/golden/op_table/op_table.json").read_text())
IGNORED = {"1.feed", "0.slice", "0.split"}  # what stands around the translated operator
# Attributes of PIR that 2.x calls otherwise and whose change the translation of one operator does not show: texts, and extra ones.
RENAMED = {"mode": "dropout_implementation", "data_format": "data_layout", "sparse": "is_sparse", "uplo": "UPLO", "reduce": "Reduce"}
KINDS = {"0.a_bool": "bool", "0.a_i32": "i32", "0.a_i64": "i64", "0.a_f32": "f32", "0.a_f64": "f64", "0.a_str": "str", "1.a_dtype": "dtype",
         "1.a_place": "place", "1.a_scalar": "scalar", "1.a_intarray": "intarray", "1.a_layout": "layout", "0.a_c64": "c64", "0.a_c128": "c128"}
CTYPES = {"int": "i32", "int64_t": "i64", "bool": "bool", "float": "f32", "double": "f64", "std::string": "str", "phi::DataType": "dtype",
          "phi::Place": "place", "phi::Scalar": "scalar", "phi::DataLayout": "layout"}
DTYPES = {"float32": "f32", "float64": "f64", "int32": "i32", "int64": "i64", "bool": "bool"}


# ---- what the headers say

def split_parameters(text):
    parts, depth, quoted, part = [], 0, False, ""
    for character in text:
        quoted ^= character == '"'
        depth += 0 if quoted else (character in "<({") - (character in "})>")
        if character == "," and depth == 0 and not quoted:
            parts.append(part.strip())
            part = ""
        else:
            part += character
    return [*parts, part.strip()]


def read_header(text):
    """{operator: operands, results, attributes in order as (name, C++ type, default)}."""
    operators = {}
    for match in re.finditer(r"class\s+(?:\w+\s+)?\w+\s*:\s*public\s+pir::Op<.*?\{\n(.*?)\n\};", text, re.S):
        body = match.group(1)
        name = re.search(r'name\(\) \{ return "([^"]+)"', body)
        if not name:
            continue
        types, order = {}, []
        for build in re.findall(r"static void Build\((.*?)\);", body, re.S):
            if "AttributeMap" in build:
                continue
            order = []
            for parameter in split_parameters(" ".join(build.split()))[2:]:
                ctype, attr, default = re.match(r"(.*?)\s*&?\s*(\w+)(?:\s*=\s*(.*))?$", parameter).groups()
                ctype = ctype.replace("const ", "")
                if "pir::Value" not in ctype:
                    order.append(attr)
                    types.setdefault(attr, (attr, ctype, default))
        numbered = [sorted((int(i), what) for what, i in re.findall(r"pir::Value (\w+)\(\) \{ return %s\((\d+)\)" % side, body))
                    for side in ("operand_source", "result")]
        operators[name.group(1)] = {"operands": [what for _, what in numbered[0]], "results": [what for _, what in numbered[1]],
                                    "attrs": [types[attr] for attr in order]}
    return operators


# ---- what translation shows

def value_of(attribute):
    data = attribute.get("D")
    return [item.get("D") if isinstance(item, dict) else item for item in data] if isinstance(data, list) else data


def isolate(paddle, program, op, attrs=None, extra=None):
    """The operator alone, fed and fetched, as PIR: its operations. `extra`: slot -> (name, shape, dtype) of one input more."""
    core = paddle.base.core
    kinds = core.VarDesc.VarType
    new = paddle.static.Program()
    block, source = new.desc.block(0), program.desc.block(0)
    for name, kind in (("feed", kinds.FEED_MINIBATCH), ("fetch", kinds.FETCH_LIST)):
        holder = block.var(name.encode())
        holder.set_type(kind)
        holder.set_persistable(True)

    def append(kind, inputs, outputs, col):
        added = block.append_op()
        added.set_type(kind)
        added.set_input("X", [inputs])
        added.set_output("Out", [outputs])
        added._set_attr("col", col)
        added._set_attr("op_role", 0)

    extra = extra or {}
    made = {name: (shape, dtype) for name, shape, dtype in extra.values()}
    ins = {slot: op.input(slot) for slot in op.input_names() if op.input(slot)}
    outs = {slot: op.output(slot) for slot in op.output_names() if op.output(slot)}
    for name in {name for names in [*ins.values(), *outs.values(), list(made)] for name in names} - {"@EMPTY@"}:
        variable, old = block.var(name.encode()), source.find_var(name.encode())
        variable.set_type(old.type() if old is not None else kinds.DENSE_TENSOR)
        if variable.type() == kinds.DENSE_TENSOR:
            shape, dtype = made.get(name) or (old.shape(), old.dtype())
            variable.set_shape(shape)
            variable.set_dtype(dtype)
    for col, name in enumerate(dict.fromkeys(name for names in [*ins.values(), list(made)] for name in names if name != "@EMPTY@")):
        append("feed", "feed", name, col)
    copy = block.append_op()
    copy.copy_from(op)
    for slot, (name, _, _) in extra.items():
        copy.set_input(slot, [name])
    for name, value in (attrs or {}).items():
        (copy._set_bool_attr if isinstance(value, bool) else copy._set_attr)(name, value)
    kept = [slot for slot in outs if slot != "XShape" or op.type() == "einsum"]  # elsewhere X stands in its place
    fetched = [name for slot in kept for name in outs[slot] if name != "@EMPTY@"]
    for col, name in enumerate(fetched):
        append("fetch", name, "fetch", col)
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        core.serialize_pir_program(paddle.base.libpaddle.pir.translate_to_pir(new.desc), file.name)
        operations = json.loads(Path(file.name).read_text())["program"]["regions"][0]["blocks"][0]["ops"]
    return trace(operations, {name: slot for slot, names in ins.items() for name in names} | {v[0]: slot for slot, v in extra.items()},
                 {name: slot for slot, names in outs.items() for name in names})


def trace(operations, in_slots, out_slots):
    """The one operator that matters, or None: operands and results as slots ("X", "X*") or constants (operation, dtype, value)."""
    where, body, fetched = {0: None}, [], collections.defaultdict(list)
    for operation in operations:
        attrs = {attr["N"]: attr["AT"] for attr in operation.get("A", [])}
        kind, operands = operation["#"], [value["%"] for value in operation["I"]]
        if kind in ("1.data", "1.feed"):
            where[operation["O"][0]["%"]] = in_slots.get(attrs["name"]["D"])
        elif kind == "1.fetch":
            fetched[operands[0]].append(out_slots.get(attrs["name"]["D"]))
        elif kind == "0.combine":
            first = where.get(operands[0])
            where[operation["O"][0]["%"]] = first + "*" if isinstance(first, str) else first
        elif kind in ("1.full", "1.full_int_array"):
            where[operation["O"][0]["%"]] = (kind, attrs["dtype"]["D"], value_of(attrs["value"]), operation["O"][0]["TT"]["D"][1])
        elif kind in IGNORED:
            for result in operation["O"]:
                where[result["%"]] = ("element", operands[0])
            body.append((kind, attrs, operation))
        else:
            body.append((kind, attrs, operation))
    found = [entry for entry in body if entry[0] not in IGNORED]
    if len(found) != 1:
        return None
    for element, source in where.items():
        if isinstance(source, tuple) and source[0] == "element":
            fetched[source[1]] += [slot + "*" for slot in fetched.get(element, [])]
    kind, attrs, operation = found[0]
    results = []
    for result in operation["O"]:
        slots = [slot for slot in fetched.get(result["%"], []) if slot]
        element = result["TT"].get("D", [{"#": ""}])[0]
        results.append(slots[0] if slots else None if result["%"] == 0 else "?" + (element["#"][4:] if isinstance(element, dict) else ""))
    return {"op": kind, "attrs": attrs, "operands": [where.get(value["%"]) for value in operation["I"]], "results": results}


def changed(value, kind):
    kind = kind.split("+")[0]
    if kind == "BOOLEAN":
        return [not value]
    if kind in ("INT", "LONG"):
        return [value + 1, value - 1, value + 2, 0, 1]
    if kind in ("FLOAT", "FLOAT64"):
        return [value * 0.5 + 0.125, value + 0.25, 0.0, 1.0]
    if kind in ("INTS", "LONGS") and value:
        return [[x + 1 for x in value], [x + 2 for x in value], value[:-1] + [value[-1] + 1], [1] * len(value), [2] * len(value)]
    return [[x * 0.5 + 0.125 for x in value]] if kind in ("FLOATS", "FLOAT64S") and value else []


def build(paddle, case, arrays):
    """The case's program with gradients, and the position of its operator."""
    import operator_run
    program = paddle.static.Program()
    with paddle.static.program_guard(program, paddle.static.Program()):
        block, inputs, outputs = program.global_block(), {}, {}
        for slot, count in case["inputs"].items():
            inputs[slot] = []
            for k in range(count):
                array = arrays[f"{case['name']}/in/{slot}/{k}"]
                inputs[slot].append(paddle.static.data(operator_run.name_of(slot, k), list(array.shape), str(array.dtype)))
                inputs[slot][-1].stop_gradient = array.dtype.kind not in "fc"
        for slot, kind in case["outputs"].items():
            outputs[slot] = inputs[kind] if isinstance(kind, str) else [
                block.create_var(name=operator_run.name_of(slot, k, "_out"), dtype="float32") for k in range(kind or 1)]
        operator_run.append(paddle, block, case["op"], inputs, outputs, dict(case["attrs"]))
        position = len(block.ops) - 1
        try:
            if case["targets"] and case["gradients"]:
                paddle.static.gradients([v for slot in case["targets"] for v in outputs[slot]],
                                        [v for slot in case["gradients"] for v in inputs[slot]])
        except Exception:  # the forward operator is still worth having
            pass
    return program, position


def tried(*arguments):
    """isolate(), or None where Paddle refuses."""
    try:
        return isolate(*arguments)
    except Exception:
        return None


def probe(paddle, op, cases):
    """Facts of the operator and of those in its gradient: a list of records."""
    kinds, records = paddle.base.core.VarDesc.VarType, []
    for case, arrays in cases:
        try:
            program, position = build(paddle, case, arrays)
        except Exception:
            continue
        block = program.desc.block(0)
        for i in range(block.op_size()):
            desc = block.op(i)
            if i != position and desc.type() in ("fill_constant", "fill_any_like", "sum"):
                continue
            base = tried(paddle, program, desc)
            if base is None:
                continue
            record = {"type": desc.type(), "base": base, "names": desc.attr_names(), "attrs": [], "slots": []}
            records.append(record)
            if i != position or op not in TABLE:
                continue
            for name, kind in TABLE[op]["attrs"].items():
                for value in changed(desc.attr(name), kind) if desc.has_attr(name) else []:
                    record["attrs"].append((name, tried(paddle, program, desc, {name: value})))
            first = block.find_var(desc.input(desc.input_names()[0])[0].encode()) if desc.input_names() and desc.input(desc.input_names()[0]) else None
            for slot in (slot.rstrip("*?~!") for slot in TABLE[op]["in"]):
                if desc.input(slot) if slot in desc.input_names() else False:
                    continue
                like = [(first.shape(), first.dtype())] if first is not None else []
                for shape, dtype in [([1], kinds.INT64), ([1], kinds.INT32), ([1], kinds.FP32), ([2], kinds.INT64), *like]:
                    seen = tried(paddle, program, desc, None, {slot: ("extra", shape, dtype)})
                    if seen is not None:
                        record["slots"].append((slot, seen))
                        break
    return records


def probe_all():
    """Each operator in a process of its own: some translations crash."""
    import numpy as np
    import paddle
    paddle.enable_static()
    groups = {}
    for path in sorted((ROOT / "tests/fixtures/ops").glob("*.json")):
        arrays = np.load(path.with_suffix(".npz"))
        for case in json.loads(path.read_text()):
            mine = {key: arrays[key] for key in arrays.files if key.startswith(case["name"] + "/in/")}
            groups.setdefault(case["op"], []).append((case, mine))
    records = []
    for op, cases in groups.items():
        with tempfile.NamedTemporaryFile() as file:
            child = os.fork()
            if child == 0:
                os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # where a crash writes its stack
                Path(file.name).write_text(json.dumps(probe(paddle, op, cases[:8])))
                os._exit(0)
            os.waitpid(child, 0)
            text = Path(file.name).read_text()
            records += json.loads(text) if text else []
    include = Path(paddle.__file__).parent / "include/paddle/fluid/pir/dialect/operator/ir"
    headers = {}
    for name in ("control_flow_op.h", "manual_op.h", "pd_op.h"):
        headers.update(read_header((include / name).read_text()))
    return records, headers


# ---- what follows from both

class Row:
    """One operator of 2.x and one of PIR."""

    def __init__(self, type_, pir, header):
        self.type, self.pir, self.header = type_, pir, header
        self.operands, self.results = collections.defaultdict(collections.Counter), collections.defaultdict(collections.Counter)
        self.constants, self.constant_attrs = {}, collections.defaultdict(collections.Counter)
        self.attr_sources, self.seen, self.names, self.width = collections.defaultdict(collections.Counter), {}, set(), 0

    def add(self, record):
        base = record["base"]
        self.width = max(self.width, len(base["operands"]))
        self.names.update(record["names"])
        for name, attribute in base["attrs"].items():
            self.seen.setdefault(name, []).append(attribute)
        for i, operand in enumerate(base["operands"]):
            if isinstance(operand, str):
                self.operands[i][operand] += 1
            elif operand:
                self.constants.setdefault(i, operand)
        for i, result in enumerate(base["results"]):
            self.results[i][result] += 1
        for slot, seen in record["slots"]:
            for i, operand in enumerate(seen["operands"] if seen and seen["op"] == base["op"] else []):
                if isinstance(operand, str) and operand.rstrip("*") == slot:
                    self.operands[i][operand] += 1
        for name, seen in record["attrs"]:
            if not seen or seen["op"] != base["op"]:
                continue
            for attr, attribute in seen["attrs"].items():
                if attribute != base["attrs"].get(attr):
                    self.attr_sources[attr][name] += 1
            for i, (before, after) in enumerate(zip(base["operands"], seen["operands"])):
                if before != after and isinstance(after, (tuple, list)):
                    self.constant_attrs[i][name] += 1

    def attr_of(self, pir_name, forward):
        """The attribute of 2.x behind one of PIR, or "-"."""
        source = self.attr_sources.get(pir_name)
        if source:
            return source.most_common(1)[0][0]
        known = self.names | set(TABLE.get(self.type, {}).get("attrs", {})) | set(TABLE.get(self.type, {}).get("extra", {}))
        for name in (pir_name, RENAMED.get(pir_name)):
            if name in known:
                return name
        if forward:
            name = forward.attr_of(pir_name, None)
            for i, operand in enumerate(forward.header["operands"]):
                if operand == pir_name and forward.constant_attrs.get(i):
                    name = forward.constant_attrs[i].most_common(1)[0][0]
            return name if name in known else "-"
        return "-"

    def operand_token(self, i, forward):
        name = self.header["operands"][i] if i < len(self.header["operands"]) else ""
        declared = {slot.rstrip("*?~!"): slot for slot in TABLE.get(self.type, {}).get("in", [])}
        slots = []
        for slot in self.operands.get(i, {}):
            plain = slot.rstrip("*")
            listed = "*" in declared[plain] if plain in declared else slot.endswith("*")
            slots.append(plain + "*" * listed)
        slots = list(dict.fromkeys(slots))
        if i not in self.constants:
            return "/".join(slots) if slots else "-"
        kind, dtype, _, _ = self.constants[i]
        attr = self.constant_attrs[i].most_common(1)[0][0] if self.constant_attrs.get(i) else self.attr_of(name, forward)
        made = "ints" if kind == "1.full_int_array" else DTYPES[dtype]
        return "/".join([f"{attr}:{made}", *slots])

    def result_token(self, i):
        slots = [slot for slot in self.results[i] if slot and not slot.startswith("?")]
        starred = [slot for slot in slots if slot.endswith("*")]
        declared = {slot.rstrip("*?~!"): slot for slot in TABLE.get(self.type, {}).get("out", [])}
        if slots:
            slot = (starred or slots)[0]
            if self.header["results"][i] == "" or declared.get(slot.rstrip("*"), "").find("*") > 0:
                slot = slot.rstrip("*") + "*"
            return slot
        return "-"

    def attr_token(self, name, ctype, default, forward):
        seen = [attribute for attribute in self.seen.get(name, [])]
        kinds = {KINDS[a["#"]] if a["#"] != "0.a_array" else KINDS[a["D"][0]["#"]] + "s" for a in seen if a["#"] != "0.a_array" or a["D"]}
        inner = re.fullmatch(r"std::vector<(.*)>", ctype)
        kind = sorted(kinds)[0] if kinds else CTYPES[inner.group(1)] + "s" if inner else CTYPES.get(ctype, "str")
        source = self.attr_of(name, forward)
        token = f"{name}:{kind}" + ("" if source == name else "=" + source)
        own = TABLE.get(self.type, {}).get("attrs", {})
        if source in own and source not in TABLE[self.type].get("extra", {}):
            return token
        value = None
        if default is not None and default.strip("{}") == "" and inner:
            value = ""
        elif seen and not isinstance(value_of(seen[0]), list):
            value = collections.Counter(json.dumps(value_of(a)) for a in seen).most_common(1)[0][0].strip('"')
        elif seen and kind not in ("place", "scalar", "scalars"):
            value = ",".join(str(x) for x in value_of(seen[0]))
        elif seen and kind == "place":
            value = ",".join(str(x) for x in value_of(seen[0]))
        elif default is not None:
            value = default.strip('"f') if not inner else default.strip("{}").replace(" ", "")
        return token if value is None else f"{token}!{value}"

    def text(self, forward):
        operands = [self.operand_token(i, forward) for i in range(self.width)]
        results = [self.result_token(i) for i in range(len(self.results))]
        attrs = [self.attr_token(*attr, forward) for attr in self.header["attrs"]]
        return '{"%s", "%s", "%s", "%s",\n "%s"},' % (self.type, self.pir, " ".join(operands), " ".join(results), " ".join(attrs))


def main():
    records, headers = probe_all()
    if len(sys.argv) > 1:  # for looking at what was seen
        Path(sys.argv[1]).write_text(json.dumps([records, headers]))
    rows = {}
    for record in records:
        if record["base"]["op"].startswith("1."):
            pir = record["base"]["op"][2:]
            header = headers.get("pd_op." + pir)
            if header:
                rows.setdefault((record["type"], pir), Row(record["type"], pir, header)).add(record)
    print("// Made by scripts/make_pir_map.py with PaddlePaddle 3.3.1: do not edit.")
    print("// {operator of 2.x, operator of pd_op, operands, results, attributes in order}; the words are explained in op_map.h")
    for (type_, pir), row in sorted(rows.items()):
        forward = type_
        while forward.endswith("_grad"):
            forward = forward[:-len("_grad")]
        forwards = [rows[key] for key in rows if forward != type_ and key[0] == forward]
        print(row.text(forwards[0] if forwards else None))


if __name__ == "__main__":
    main()
