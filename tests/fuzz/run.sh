#!/bin/sh
# Runs each fuzz target for some seconds over a corpus that starts as the golden files, or one file made here.
#   tests/fuzz/run.sh FOLDER_OF_TARGETS [SECONDS] [CORPUS]
set -eu
targets=$1
seconds=${2:-180}
corpus=${3:-$targets/corpus}
golden=$(dirname "$0")/../golden

for target in program_fuzzer tensor_stream_fuzzer pickle_fuzzer safetensors_fuzzer npz_fuzzer pir_fuzzer; do
  mkdir -p "$corpus/$target"
  case $target in
    program_fuzzer) patterns="*.pdmodel __model__ serialize_program.bin" ;;
    tensor_stream_fuzzer) patterns="*.bin *.pdiparams __params__ v_* *.w_* *.b_*" ;;
    pir_fuzzer) patterns="static_fc.json model.json" ;;
    pickle_fuzzer) patterns="*.pdparams *.pdopt *.pkl *.pd *.info" ;;
    npz_fuzzer) patterns="*.npz" ;;
    safetensors_fuzzer)
      patterns=""
      printf '{"__metadata__":{"a":"b"},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},%s}\0abcdefgh' \
        '"v":{"dtype":"BOOL","shape":[2,2],"data_offsets":[4,8]}' > "$corpus/$target/two_tensors" ;;
  esac
  set -f
  for pattern in $patterns; do
    find "$golden" -type f -name "$pattern" -size -20k | while read -r file; do
      cp "$file" "$corpus/$target/$(echo "${file#"$golden"/}" | tr / _)"
    done
  done
  set +f
  "$targets/$target" -max_total_time="$seconds" -max_len=20000 -rss_limit_mb=2048 -timeout=10 \
    -malloc_limit_mb=1024 -print_final_stats=1 -artifact_prefix="$corpus/$target-" "$corpus/$target"
done
