#!/usr/bin/env bash
# Installs what building and testing skiff needs on Debian 12: packages with apt-get, and three Python
# environments inside the checkout. Running it again does only what is missing.
#
# usage: scripts/install.sh [--no-oracle]
#
#   .venv           builds and tests skiff's Python package
#   .venv-paddle26  PaddlePaddle 2.6.2, which tests compare skiff with and nothing else uses; left out
#                   with --no-oracle, or when SKIFF_PADDLE_PYTHON names an interpreter that has it
#   .venv-paddle3   PaddlePaddle 3.3.1, for its files; left out with --no-oracle, or when
#                   SKIFF_PADDLE3_PYTHON names an interpreter that has it
#
# PYTHON names the interpreter that makes the environments (default /usr/bin/python3, else python3).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

packages=(
  g++ cmake ninja-build ccache pkg-config ca-certificates python3 python3-dev python3-venv
  libprotobuf-dev protobuf-compiler libgflags-dev libgoogle-glog-dev libeigen3-dev
  libdnnl-dev ocl-icd-opencl-dev nlohmann-json3-dev zlib1g-dev libxxhash-dev libgtest-dev libgmock-dev libbenchmark-dev
)
requirements=("numpy>=1.24,<3" "pytest>=8,<10" "hypothesis>=6.100,<7" "pybind11>=2.12,<4" "scikit-build-core>=0.10,<2"
  "onnx>=1.16,<2" "onnxruntime>=1.18,<2" "safetensors>=0.4,<1")
oracle_requirements=("paddlepaddle==2.6.2" "numpy<2" "setuptools<81" "pytest>=8,<10")
oracle3_requirements=("paddlepaddle==3.3.1" "numpy>=2,<3" "setuptools<81" "pytest>=8,<10")

say() { printf 'install: %s\n' "$*"; }
fail() { printf 'install: %s\n' "$*" >&2; exit 1; }

# Runs a command quietly; shows what it printed only when it fails.
quietly() {
  local log status=0
  log=$(mktemp)
  "$@" >"$log" 2>&1 || status=$?
  [ "$status" = 0 ] || { cat "$log" >&2; say "failed: $*" >&2; }
  rm -f "$log"
  return "$status"
}

is_installed() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q '^install ok installed$'; }

install_packages() {
  command -v dpkg-query >/dev/null || fail "no dpkg-query: this script knows Debian and its kin only; install by hand: ${packages[*]}"
  local missing=() as_root=()
  for package in "${packages[@]}"; do is_installed "$package" || missing+=("$package"); done
  if [ "${#missing[@]}" = 0 ]; then say "all ${#packages[@]} packages are there"; return; fi
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || fail "not root and no sudo; have root run: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  say "installing ${missing[*]}"
  quietly "${as_root[@]}" apt-get -qq update || say "apt-get update failed; going on with the lists there are"
  quietly "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" ||
    fail "apt-get could not install: ${missing[*]}"
}

# Makes the environment $1 with the requirements that follow, unless it was made with just these before.
make_environment() {
  local folder=$1 stamp=$1/requirements.txt
  shift
  if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$*" ] && "$folder/bin/python" -c '' 2>/dev/null; then
    say "$folder is up to date"
    return
  fi
  say "making $folder with $*"
  quietly "$python" -m venv --clear "$folder" || fail "could not make $folder with $python"
  quietly "$folder/bin/python" -m pip install --quiet --disable-pip-version-check "$@" ||
    fail "pip could not install: $*"
  echo "$*" >"$stamp"
}

oracle=1
for argument in "$@"; do
  case "$argument" in
    --no-oracle) oracle=0 ;;
    -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) fail "unknown argument $argument; see --help" ;;
  esac
done

install_packages
python=${PYTHON:-/usr/bin/python3}
[ -x "$python" ] || python=$(command -v python3) || fail "no python3"
make_environment .venv "${requirements[@]}"
# The environment $2 with Paddle $1, unless the variable named $3 says where one is; then come the requirements.
make_oracle() {
  local version=$1 folder=$2 variable=$3
  shift 3
  if [ -n "${!variable:-}" ]; then
    command -v "${!variable}" >/dev/null || fail "$variable is ${!variable}, which is no program; correct it or unset it"
    say "PaddlePaddle $version: the one of ${!variable}"
  elif ! (make_environment "$folder" "$@"); then
    say "PaddlePaddle $version is not to be had: tests against it will be skipped"
  fi
}

if [ "$oracle" = 0 ]; then
  say "PaddlePaddle left out: tests against it will be skipped"
else
  make_oracle 2.6.2 .venv-paddle26 SKIFF_PADDLE_PYTHON "${oracle_requirements[@]}"
  make_oracle 3.3.1 .venv-paddle3 SKIFF_PADDLE3_PYTHON "${oracle3_requirements[@]}"
fi
