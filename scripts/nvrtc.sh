#!/usr/bin/env bash
# Installs NVIDIA's run-time compiler in .build/nvrtc, where the tests look for it: they compile the kernels for GPUs,
# which needs no GPU. Where it cannot be had this says so and succeeds, and those tests are skipped.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=13.0.88
place=.build/nvrtc # named in Tests/CUDAKernelsTests/Compiler.swift too

skip() {
    echo "nvrtc: $*; the tests that need it will be skipped." >&2
    exit 0
}

[ -e "$place/nvidia_cuda_nvrtc-$version.dist-info" ] && exit

python3 -m pip --version >/dev/null 2>&1 || skip "Python 3 with pip, which installs NVRTC, is missing"
mkdir -p .build
unfinished=$(mktemp -d .build/nvrtc.XXXXXX)
trap 'rm -rf "$unfinished"' EXIT
echo "nvrtc: installing NVRTC $version (91 MB) in $place, once, for tests" >&2
python3 -m pip --disable-pip-version-check install --quiet --no-deps --only-binary=:all: --target "$unfinished" \
    "nvidia-cuda-nvrtc==$version" 2>"$unfinished/errors" ||
    skip "NVRTC $version could not be installed ($(grep -m 1 '^ERROR' "$unfinished/errors" || echo 'pip failed'))"
rm -rf "$place"
mv "$unfinished" "$place"
