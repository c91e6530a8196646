#!/usr/bin/env bash
# What takes too long for every change: the C++ tests under AddressSanitizer and UBSan, every fuzz target,
# saves that are killed, operators with hostile inputs, the comparisons with PaddlePaddle in both directions, and many
# random programs run by both.
#
# usage: scripts/soak.sh
#
#   FUZZ_SECONDS   how long each fuzz target runs at most (default 3600)
#   FUZZ_RUNS      how often it runs (default 1000000)
#   ORACLE_DRAWS   random programs drawn for each operator (default 50)
#   KILLS          saves killed with -9, of each kind (default 1000)
#   HOSTILE_DRAWS  wrong inputs drawn for each case of an operator, several at once, beside each alone (default 200)
#
# Exit code 0 when nothing was found.
source "$(dirname "$0")/common.sh"

case "${1:-}" in -h | --help) usage; exit 0 ;; esac
failed=()

run_sanitized() {
  configure asan -DSKIFF_BUILD_PYTHON=OFF
  build asan
  # oneDNN and OpenMP keep their pools until the process ends.
  ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 \
    ctest --preset asan --parallel "$jobs" || failed+=("C++ tests under sanitizers")
}

run_fuzz() {
  local clang
  clang=$(command -v clang++-19) || { failed+=("fuzz targets: no clang++-19 (apt-get install clang-19 libclang-rt-19-dev libomp-19-dev)"); return; }
  say "building the fuzz targets"
  cmake -S . -B build/fuzz -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_CXX_COMPILER="$clang" \
    -DSKIFF_WITH_CUDA=OFF -DSKIFF_BUILD_PYTHON=OFF -DSKIFF_BUILD_TOOLS=OFF -DSKIFF_FUZZ=ON \
    -DSKIFF_SANITIZE=address,undefined -DCMAKE_CXX_FLAGS=-fsanitize=fuzzer-no-link \
    "-DCMAKE_CXX_FLAGS_RELWITHDEBINFO=-O1 -g1 -DNDEBUG" >/dev/null &&
    cmake --build build/fuzz --target fuzz --parallel "$jobs" &&
    tests/fuzz/run.sh build/fuzz/bin "${FUZZ_SECONDS:-3600}" "${FUZZ_RUNS:-1000000}" || failed+=("fuzz targets")
}

run_kills() {
  configure cpu
  build cpu --target io_test
  say "killing saves"
  SKIFF_KILLS=${KILLS:-1000} build/cpu/bin/io_test --gtest_brief=1 --gtest_filter='*KilledAtAnyMoment*' ||
    failed+=("killed saves")
}

run_hostile() {
  configure cpu
  build cpu --target operators_test
  say "operators with hostile inputs"
  SKIFF_HOSTILE_DRAWS=${HOSTILE_DRAWS:-200} ctest --test-dir build/cpu --parallel "$jobs" --timeout 7200 \
    --output-on-failure -R 'Hostile(Inputs|Unrecorded)' ||
    failed+=("operators with hostile inputs")
}

# The comparisons must hold for skiff, and for Paddle itself in skiff's place: that proves the comparisons.
run_oracle() {
  configure cpu
  build cpu
  find_oracle
  [ -n "${SKIFF_PADDLE_PYTHON:-}" ] || { failed+=("comparison with PaddlePaddle: there is none"); return; }
  say "skiff compared with PaddlePaddle"
  PYTHONPATH=$PWD/build/cpu/python OMP_NUM_THREADS=1 .venv/bin/python -m pytest -q -m "heavy or not heavy" tests/interop ||
    failed+=("comparison with PaddlePaddle")
  say "random programs, skiff's and PaddlePaddle's"
  SKIFF_ORACLE_DRAWS=${ORACLE_DRAWS:-50} PYTHONPATH=$PWD/build/cpu/python OMP_NUM_THREADS=1 \
    .venv/bin/python -m pytest -q tests/oracle || failed+=("random programs")
  say "PaddlePaddle compared with its own records"
  SKIFF_UNDER_TEST=paddle OMP_NUM_THREADS=1 "$SKIFF_PADDLE_PYTHON" -m pytest -q -m "heavy or not heavy" tests/interop ||
    failed+=("PaddlePaddle against its own records")
}

scripts/install.sh
run_sanitized
run_fuzz
run_kills
run_hostile
run_oracle
if [ "${#failed[@]}" = 0 ]; then say "nothing found"; exit 0; fi
for what in "${failed[@]}"; do say "FAILED $what"; done
exit 1
