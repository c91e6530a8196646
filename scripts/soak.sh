#!/usr/bin/env bash
# What takes too long for every change: the C++ tests under AddressSanitizer and UBSan, every fuzz target,
# and more rounds of comparing with PaddlePaddle.
#
# usage: scripts/soak.sh
#
#   FUZZ_SECONDS   how long each fuzz target runs (default 600)
#   ORACLE_ROUNDS  how often the comparison with PaddlePaddle is repeated, each time with another seed
#                  (default 10)
#
# Exit code 0 when nothing was found. A fuzz target leaves the input that broke it in build/fuzz/found.
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
  clang=$(command -v clang++) || { failed+=("fuzz targets: no clang++ (apt-get install clang libomp-dev)"); return; }
  say "building the fuzz targets"
  cmake -S . -B build/fuzz -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_CXX_COMPILER="$clang" \
    -DSKIFF_WITH_CUDA=OFF -DSKIFF_BUILD_PYTHON=OFF -DSKIFF_BUILD_TOOLS=OFF -DSKIFF_FUZZ=ON \
    -DSKIFF_SANITIZE=address,undefined >/dev/null
  cmake --build build/fuzz --parallel "$jobs"
  mkdir -p build/fuzz/found
  local target name corpus targets=0
  for target in build/fuzz/bin/*_fuzz; do
    [ -x "$target" ] || continue
    targets=$((targets + 1))
    name=$(basename "$target")
    corpus=build/fuzz/corpus/$name
    mkdir -p "$corpus"
    say "$name for ${FUZZ_SECONDS:-600} s"
    "$target" -max_total_time="${FUZZ_SECONDS:-600}" -rss_limit_mb=2048 -print_final_stats=1 \
      -artifact_prefix=build/fuzz/found/ "$corpus" $([ ! -d "tests/fuzz/corpus/$name" ] || echo "tests/fuzz/corpus/$name") ||
      failed+=("$name")
  done
  [ "$targets" -gt 0 ] || failed+=("fuzz targets: none was built")
}

run_oracle() {
  configure cpu
  build cpu
  find_oracle
  local round
  for round in $(seq "${ORACLE_ROUNDS:-10}"); do
    say "comparison with PaddlePaddle, round $round"
    PYTHONPATH=$PWD/build/cpu/python OMP_NUM_THREADS=1 SKIFF_ORACLE_SEED=$round \
      .venv/bin/python -m pytest -q tests/interop || failed+=("comparison with PaddlePaddle, round $round")
  done
}

scripts/install.sh
run_sanitized
run_fuzz
run_oracle
if [ "${#failed[@]}" = 0 ]; then say "nothing found"; exit 0; fi
for what in "${failed[@]}"; do say "FAILED $what"; done
exit 1
