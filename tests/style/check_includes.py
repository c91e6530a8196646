#!/usr/bin/env python3
"""Checks that each folder includes only what the layering of docs/design.md lets it include.

usage: check_includes.py [ROOT]     prints every include that points the wrong way; exit code 1 if any does
"""
import pathlib
import re
import sys

FRAMEWORK = ["framework/base", "framework/tensor", "framework/program", "framework/op", "framework/layers", "framework/data"]
# Folder -> the folders it may include besides itself. Inside framework/ each sees those above it.
LAYERS = {folder: FRAMEWORK[:depth] for depth, folder in enumerate(FRAMEWORK)}
LAYERS["operators"] = FRAMEWORK
LAYERS["executor"] = FRAMEWORK
LAYERS["io"] = FRAMEWORK + ["executor"]
LAYERS["python_api"] = FRAMEWORK + ["executor", "io"]
LAYERS["tools"] = LAYERS["python_api"]

# Header of a library -> the folders that may use it.
LIBRARIES = {
    r"Eigen/": ("framework", "operators"),
    r"(oneapi/dnnl/|dnnl)": ("operators",),
    r"(cublas|cudnn|cub/|curand)": ("operators",),
    r"cuda": ("framework", "operators", "executor"),
    r"(google/protobuf/|program\.pb\.h)": ("io",),
    r"nlohmann/": ("io", "executor", "tools", "python_api"),
    r"zlib\.h": ("io", "framework"),
    r"xxhash\.h": ("io",),
    r"glog/": ("framework", "executor"),
    r"gflags/": ("tools",),
    r"pybind11/": ("python_api",),
}
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^">]+)[">]')


def folder_of(path):
    """The layer a path like framework/op/op_def.h belongs to, or None."""
    parts = path.split("/")
    if parts[0] == "framework":
        return "/".join(parts[:2]) if len(parts) > 2 else None
    return parts[0] if len(parts) > 1 and parts[0] in LAYERS else None


def wrong(source, target):
    """Why `source` (a path below the root) must not include `target`, or None."""
    here, there = folder_of(source), folder_of(target)
    if there is not None:
        if there == here or there in LAYERS[here]:
            return None
        return f"{here}/ may include {', '.join(LAYERS[here]) or 'nothing but itself'}"
    for pattern, users in LIBRARIES.items():
        if re.match(pattern, target) and here.split("/")[0] not in users:
            return f"only {', '.join(users)} may use it"
    return None


def main(root):
    files = sorted(path for top in {layer.split("/")[0] for layer in LAYERS}
                   for path in (root / top).rglob("*") if path.suffix in (".h", ".cc", ".cu", ".cuh", ".inc"))
    errors = 0
    for path in files:
        source = path.relative_to(root).as_posix()
        if folder_of(source) is None:
            print(f"{source}: lies in no layer; framework/ has {', '.join(FRAMEWORK)}")
            errors += 1
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            found = INCLUDE.match(line)
            reason = wrong(source, found.group(1)) if found else None
            if reason:
                print(f"{source}:{number}: includes {found.group(1)}: {reason}")
                errors += 1
    print(f"{len(files)} files, {errors} includes that point the wrong way")
    return 1 if errors or not files else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2])))
