#!/usr/bin/env bash
# Installs what only tests need, by pip, once, in .build: TensorBoard, which reads what mvar writes, and NVIDIA's run-time
# compiler, which compiles the kernels for GPUs and needs none itself. Where one cannot be had this says so and succeeds,
# and the tests that need it are skipped. Takes nothing of the rest of Python along.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit

tensorboard=2.21.0
nvrtc=13.0.88
# Wheels for x86-64 and arm64.
nvrtc_hashes=(
    --hash=sha256:ad9b6d2ead2435f11cbb6868809d2adeeee302e9bb94bcf0539c7a40d80e8575
    --hash=sha256:d27f20a0ca67a4bb34268a5e951033496c5b74870b868bacd046b1b8e0c3267b)

# wheel ERRORS TARGET [OPTION …]: pip's complaint goes to ERRORS.
wheel() {
    local errors=$1 target=$2
    shift 2
    python3 -m pip --disable-pip-version-check install --quiet --only-binary=:all: --target "$target" "$@" 2>"$errors"
}

# Each gets the folder to fill, and a file for errors; status 1 where it fails.
fill_tensorboard() {
    # Without pip: Debian's Python cannot put it there before python3-venv is installed, and nothing else needs it.
    python3 -m venv --without-pip "$1" 2>"$2" &&
        wheel "$2" "$("$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" "tensorboard==$tensorboard"
}

fill_nvrtc() {
    wheel "$2" "$1" --no-deps --require-hashes --requirement <(echo "nvidia-cuda-nvrtc==$nvrtc ${nvrtc_hashes[*]}")
}

# install NAME VERSION, in .build/NAME, where Tests look for it.
install() {
    local name=$1 version=$2 place=.build/$1
    [ -e "$place/.$version" ] && return
    if ! python3 -m pip --version >/dev/null 2>&1; then
        echo "$name: Python 3 with pip, which installs it, is missing; the tests that need it will be skipped." >&2
        return
    fi
    echo "$name: installing $version in $place, once, for tests" >&2
    if "fill_$name" "$unfinished/$name" "$unfinished/errors"; then
        touch "$unfinished/$name/.$version"
        rm -rf "$place"
        mv "$unfinished/$name" "$place"
    else
        echo "$name: $version could not be installed ($(grep -m 1 '^ERROR' "$unfinished/errors" ||
            tail -n 1 "$unfinished/errors")); the tests that need it will be skipped." >&2
    fi
}

mkdir -p .build
unfinished=$(mktemp -d .build/test-tools.XXXXXX)
trap 'rm -rf "$unfinished"' EXIT
install tensorboard "$tensorboard"
install nvrtc "$nvrtc"
