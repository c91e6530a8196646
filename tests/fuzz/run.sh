#!/bin/sh
# Runs each fuzz target over a copy of the corpus, until it has done its runs or its time is up.
#   tests/fuzz/run.sh FOLDER_OF_TARGETS [SECONDS] [RUNS] [CORPUS]
set -eu
targets=$1
seconds=${2:-180}
runs=${3:--1}
corpus=${4:-$targets/corpus}
here=$(dirname "$0")

# What is read sooner is tried more often: inputs grow to somewhat above those of the corpus.
for target_and_bytes in program:8000 tensor_stream:2000 pickle:2000 npy:2000 safetensors:2000 pir:4000 model:16000; do
  target=${target_and_bytes%:*}
  mkdir -p "$corpus/$target"
  find "$here/corpus/$target" -type f -exec cp {} "$corpus/$target/" \;
  # An allocation that is refused is an answer; one that was made is bounded by the limit on all memory.
  ASAN_OPTIONS=allocator_may_return_null=1:max_allocation_size_mb=1024 \
    "$targets/${target}_fuzzer" -max_total_time="$seconds" -runs="$runs" -max_len="${target_and_bytes#*:}" -rss_limit_mb=3072 -timeout=20 \
    -print_final_stats=1 -artifact_prefix="$corpus/$target-" "$corpus/$target"
done
