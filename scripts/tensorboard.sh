#!/usr/bin/env bash
# Installs TensorBoard in .build/tensorboard, where the tests look for it: they let it read what mvar writes. Where it
# cannot be had this says so and succeeds, and those tests are skipped. Takes nothing of the rest of Python along.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=2.21.0
place=.build/tensorboard # named in Tests/TestSupport/TensorBoard.swift too

skip() {
    echo "tensorboard: $*; the tests that need it will be skipped." >&2
    exit 0
}

"$place/bin/python" -c "from tensorboard.version import VERSION; assert VERSION == '$version'" 2>/dev/null && exit

python3 -m pip --version >/dev/null 2>&1 || skip "Python 3 with pip, which installs TensorBoard, is missing"
mkdir -p .build
unfinished=$(mktemp -d .build/tensorboard.XXXXXX)
trap 'rm -rf "$unfinished"' EXIT
echo "tensorboard: installing TensorBoard $version in $place, once, for tests" >&2
# Without pip: Debian's Python cannot put it there before python3-venv is installed, and nothing else needs it.
python3 -m venv --without-pip "$unfinished" 2>"$unfinished/errors" || skip "no environment ($(tail -n 1 "$unfinished/errors"))"
packages=$("$unfinished/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
python3 -m pip --disable-pip-version-check install --quiet --only-binary=:all: --target "$packages" \
    "tensorboard==$version" 2>"$unfinished/errors" ||
    skip "TensorBoard $version could not be installed ($(grep -m 1 '^ERROR' "$unfinished/errors" || echo 'pip failed'))"
rm -rf "$place"
mv "$unfinished" "$place"
