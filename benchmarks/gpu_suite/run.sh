#!/usr/bin/env bash
# Builds the package with its GPU kernels, then runs every part of the suite: run.sh OUTDIR [--dry-run].
# Needs a C++ compiler, CMake 3.24, nvcc (for a real run) and a Python with numpy and pybind11 3; a missing Python
# package is taken from the wheels in .whl/, never from the network. PYTHON, BINMORPH_SUITE_SECONDS (default 520) and
# BINMORPH_CUDA (of a dry run; default OFF) may be set. Nothing is installed outside a temporary folder.
set -uo pipefail
start=$(date +%s)
[ $# -ge 1 ] || { sed -n '2,5s/^# //p' "$0" >&2; exit 2; }
mkdir -p "$1" && out=$(cd "$1" && pwd) || exit 2
dry=${2:-}
case "$dry" in "" | --dry-run) ;; *) echo "unknown option $dry" >&2; exit 2 ;; esac
root=$(cd "$(dirname "$0")/../.." && pwd)
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
say() { printf '[%4d s] %s\n' $(($(date +%s) - start)) "$*"; }
export PYTHONPATH="$work/site:$root" PYTHONUNBUFFERED=1
mkdir -p "$work/site"

# A package that is here, else a wheel; says which.
need() { # test requirement
  "$python" -c "$1" 2>/dev/null && return 0
  local pip=("$python" -m pip install -q --upgrade --target "$work/site" --no-compile --no-deps)
  if compgen -G "$root/.whl/*.whl" >/dev/null && "${pip[@]}" --no-index --find-links "$root/.whl" "$2" 2>/dev/null; then
    say "$2: from .whl/"
  else
    say "$2: missing, also from .whl/ (python3 -m pip download --no-deps -d .whl '$2')"
    return 1
  fi
}

fail() {
  say "$1"
  printf '{"summary": {"build": {"status": "failed: %s"}}}\n' "$1" >"$out/suite.json"
  exit 1
}

say "python: $("$python" --version 2>&1), $(command -v "$python")"
need 'import numpy' 'numpy>=1.26' || fail "numpy is missing"
need 'import pybind11; assert pybind11.__version__ >= "3"' 'pybind11>=3.0' || fail "pybind11 3 is missing"
for package in pytest iniconfig pluggy scipy; do
  need "import $package" "$package" || say "$package: what needs it is left out"
done
"$python" -c 'import torch' 2>/dev/null || say "torch: absent, so no cuDNN to compare with"

cmake=$(command -v cmake || echo "$python -m cmake")  # a command, or a package of Python
generator=$(command -v ninja >/dev/null && echo "-GNinja")
cuda=$([ -n "$dry" ] && echo "${BINMORPH_CUDA:-OFF}" || echo ON)
# Kernels for the device that is here alone, if the driver says what it is.
capability=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -n 1 | tr -cd 0-9)
chips=${capability:+-DBINMORPH_CUDA_ARCHITECTURES=${capability/#90/90a}}
left() { # of the build's seconds: it may take 6 of 13 parts of the whole
  local seconds=$((${BINMORPH_SUITE_SECONDS:-520} * 6 / 13 - $(date +%s) + start))
  echo $((seconds > 1 ? seconds : 1))
}
say "building (BINMORPH_CUDA=$cuda${chips:+, $chips})"
printf '{"summary": {"build": {"status": "under way"}}}\n' >"$out/suite.json"
{
  timeout -k 5 "$(left)" $cmake -S "$root" -B "$work/build" $generator -DPython_EXECUTABLE="$(command -v "$python")" -DBINMORPH_CUDA=$cuda $chips &&
    timeout -k 5 "$(left)" $cmake --build "$work/build" -j "$(nproc)"
} >"$work/build.log" 2>&1 || { tail -n 40 "$work/build.log"; fail "the build failed; its last lines are above"; }
cp -r "$root/src/binmorph" "$work/site/" && rm -f "$work/site/binmorph/"_core*.so
cp "$work"/build/_core*.so "$work/site/binmorph/"
grep -h 'GPU kernels' "$work/build.log"
say "built: $(stat -c %s "$work"/site/binmorph/_core*.so) bytes"

if [ -n "$dry" ]; then
  BINMORPH_LIBCUDA=$("$python" "$root/tests/gpu/emulated_build.py") || fail "the emulated driver does not build"
  export BINMORPH_LIBCUDA
fi
cd "$work" && "$python" -m benchmarks.gpu_suite "$out" --root "$root" --start "$start" $dry
