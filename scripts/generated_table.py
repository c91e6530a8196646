"""What the scripts that make a table of the documents share: to write it, or to say whether it is stale."""
import sys
from pathlib import Path


def main(table, text):
    """Writes `text` to `table`; with --check only compares. Exit code 1 when the table is stale."""
    script = Path(sys.argv[0]).name
    name = table.relative_to(Path(__file__).resolve().parent.parent)
    if sys.argv[1:] == ["--check"]:
        if table.exists() and table.read_text() == text:
            return 0
        print(f"{name} is stale: run scripts/{script}")
        return 1
    table.write_text(text)
    print(f"wrote {name}")
    return 0
