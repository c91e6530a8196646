#!/usr/bin/env bash
# Installs, builds and shows skiff at work: a convolutional net learns to read handwritten digits in C++,
# is saved as PaddlePaddle saves it, and a fresh process loads the files and reads a digit.
#
# usage: scripts/demo.sh [FOLDER]     the saved files go to FOLDER (default build/cpu/demo)
source "$(dirname "$0")/common.sh"

case "${1:-}" in -h | --help) usage; exit 0 ;; esac
output=$(realpath -m "${1:-build/cpu/demo}")

scripts/install.sh --no-oracle
configure cpu
build cpu --target train_digits
mkdir -p "$output"
say "training"
build/cpu/bin/train_digits --data data/digits --output "$output"
