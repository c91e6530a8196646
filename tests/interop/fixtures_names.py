"""names/<snippet>.json: the program that real Paddle builds from each snippet of name_snippets*.py."""
import importlib
import json
from pathlib import Path

from name_snippets import SNIPPETS
from program_dump import build

for module in sorted(Path(__file__).parent.glob("name_snippets_*.py")):  # each adds its own
    importlib.import_module(module.stem)


def one_per_line(records, indent):
    if not records:
        return "[]"
    pad = " " * indent
    return "[\n" + ",\n".join(pad + json.dumps(record) for record in records) + "]"


def program_json(blocks):
    return "[" + ", ".join('{"ops": %s,\n   "vars": %s}' % (one_per_line(block["ops"], 4), one_per_line(block["vars"], 4))
                           for block in blocks) + "]"


def write(paddle, folder):
    for stale in folder.glob("*.json"):
        stale.unlink()
    for name, (about, source) in SNIPPETS.items():
        built = build(paddle, source)
        text = ('{"about": %s,\n "source": %s,\n "result": %s,\n "main": %s,\n "startup": %s}\n' % (
            json.dumps(about), one_per_line(source.split("\n"), 2), json.dumps(built["result"]),
            program_json(built["main"]), program_json(built["startup"])))
        json.loads(text)
        (folder / (name + ".json")).write_text(text)
