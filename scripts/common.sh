# Shared by the scripts of this folder, which source it: where things are and how a preset is built.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '%s: %s\n' "$(basename "$0" .sh)" "$*"; }

# The first comment of the calling script.
usage() { sed -n '2,/^[^#]/{/^#/!d;s/^# \{0,1\}//;p}' "scripts/$(basename "$0")"; }

# How many compilers and tests work at once: SKIFF_JOBS, by default one a core.
jobs=${SKIFF_JOBS:-$(nproc)}

# configure PRESET [cmake options]: quiet unless it fails.
configure() {
  local preset=$1 log=build/configure-$1.log
  shift
  mkdir -p build
  say "configuring preset $preset in build/$preset"
  cmake --preset "$preset" -DPython_EXECUTABLE="$PWD/.venv/bin/python" \
    -DPython3_EXECUTABLE="$PWD/.venv/bin/python" \
    -Dpybind11_DIR="$(.venv/bin/python -m pybind11 --cmakedir)" "$@" >"$log" 2>&1 ||
    { cat "$log"; say "cmake could not configure preset $preset"; return 1; }
}

# build PRESET [cmake --build options]
build() {
  local preset=$1
  shift
  say "building preset $preset with $jobs compilers"
  cmake --build --preset "$preset" --parallel "$jobs" "$@"
}

# Sets SKIFF_PADDLE_PYTHON and SKIFF_PADDLE3_PYTHON to the interpreters that have PaddlePaddle 2.6 and 3, unless
# they are set or there are none.
find_oracle() {
  if [ -z "${SKIFF_PADDLE_PYTHON:-}" ] && [ -f .venv-paddle26/requirements.txt ]; then
    export SKIFF_PADDLE_PYTHON=$PWD/.venv-paddle26/bin/python
  fi
  if [ -z "${SKIFF_PADDLE3_PYTHON:-}" ] && [ -f .venv-paddle3/requirements.txt ]; then
    export SKIFF_PADDLE3_PYTHON=$PWD/.venv-paddle3/bin/python
  fi
  say "PaddlePaddle to compare with: ${SKIFF_PADDLE_PYTHON:-no 2.6}, ${SKIFF_PADDLE3_PYTHON:-no 3}"
}
