#!/usr/bin/env bash
# Installs, builds preset cpu and runs every test: C++ (ctest) and Python (pytest).
#
# usage: scripts/test.sh [--ops NAME,NAME...] [--gpu] [--no-install]
#
#   --ops conv2d,rnn   only the tests of these operators
#   --gpu              only the half that runs on a card, in preset cuda: the same operator tests and cases.
#                      Without a card, or without nvcc to build for it, it is skipped and says so
#   --no-install       leave packages and environments as they are
#
# The last line is "N passed, N failed, N skipped" over all suites. Exit code 0 when none failed, 1 when
# some did or none ran. SKIFF_JOBS limits the compilers and tests at work at once.
source "$(dirname "$0")/common.sh"

ops= install=1 gpu=0
while [ $# -gt 0 ]; do
  case "$1" in
    --ops) ops=${2:?--ops needs names, say conv2d,rnn}; shift ;;
    --ops=*) ops=${1#--ops=} ;;
    --gpu) gpu=1 ;;
    --no-install) install=0 ;;
    -h | --help) usage; exit 0 ;;
    *) say "unknown argument $1; see --help" >&2; exit 2 ;;
  esac
  shift
done

if [ "$gpu" = 1 ]; then
  if ! nvidia-smi -L 2>/dev/null | grep -q GPU; then
    say "no CUDA card: the GPU half is skipped"; exit 0
  fi
  export PATH=$PATH:/usr/local/cuda/bin
  if ! command -v nvcc >/dev/null; then
    say "no nvcc: the GPU half is skipped"; exit 0
  fi
fi

[ "$install" = 0 ] || scripts/install.sh
# The sweeps over recorded cases read it; nothing selects all.
[ -z "$ops" ] || export SKIFF_TEST_OPS=$ops

if [ "$gpu" = 1 ]; then
  configure cuda
  build cuda --target operators_test executor_test
  results=$PWD/build/cuda/results
  mkdir -p "$results"
  pattern='Cuda'
  [ -z "$ops" ] || pattern="$(scripts/tests_of.py ${ops//,/ } | sed 's/(\/|\$)$/\/Cuda/')"
  ctest --test-dir build/cuda --output-on-failure --output-junit "$results/ctest.xml" -R "$pattern" || true
  .venv/bin/python scripts/count_tests.py "$results/ctest.xml"
  exit
fi

configure cpu
build cpu
find_oracle

results=$PWD/build/cpu/results
rm -rf "$results"
mkdir -p "$results"
reports=("$results/ctest.xml")

say "C++ tests"
ctest --test-dir build/cpu --output-on-failure $([ ! -t 1 ] || echo --progress) --parallel "$jobs" \
  --output-junit "${reports[0]}" ${ops:+-R "$(scripts/tests_of.py ${ops//,/ })"} || true

folders=()
for folder in tests/python tests/interop tests/oracle; do [ ! -d "$folder" ] || folders+=("$folder"); done
if [ "${#folders[@]}" -gt 0 ]; then
  say "Python tests: ${folders[*]}"
  PYTHONPATH=$PWD/build/cpu/python:${PYTHONPATH:-} OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} \
    .venv/bin/python -m pytest -q "${folders[@]}" --junitxml "$results/pytest.xml" \
    ${ops:+-k "${ops//,/ or }"} || true
  reports+=("$results/pytest.xml")
fi

.venv/bin/python scripts/count_tests.py "${reports[@]}"
