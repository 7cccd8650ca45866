#!/usr/bin/env bash
# Prepares this machine for `swift build`: checks Swift, installs the system libraries (as root) or says how, and makes
# `.libtorch`, a link to LibTorch's place. Does nothing where nothing is missing, so every make target may call it.
#
#   LIBTORCH=/path scripts/set-up.sh     checks that LibTorch (a folder with lib/ and include/) and uses it
#   scripts/set-up.sh --clean-cache      removes what was downloaded
#
# docs/set-up.md says what is fetched from where.
set -euo pipefail

version=2.11.0
series=${version%.*} # any 2.11 will do: the fixes of a series keep the binary interface
minimum_swift=6.2

package=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
link=$package/.libtorch
requirements=$package/scripts/libtorch-x86_64.txt
case ${XDG_CACHE_HOME:-} in
/*) cache=$XDG_CACHE_HOME/mvar ;;
*) cache=${HOME:?set-up: set HOME or XDG_CACHE_HOME, where LibTorch is to be kept}/.cache/mvar ;; # as XDG wants it
esac
# Named by the wheel's hash: another build of the same version never meets this one.
downloaded=$cache/libtorch-$version-$(sed -n 's/^torch==.*sha256:\(.\{12\}\).*/\1/p' "$requirements")
download_megabytes=544 unpacked_megabytes=498

say() { echo "set-up: $*" >&2; }
fail() {
    say "$*"
    exit 1
}

main() {
    case ${1:-} in
    '') ;;
    --clean-cache) clean_cache && exit ;;
    -h | --help) sed -n '2,/^set -e/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit ;;
    *) fail "unknown option '$1'; see --help." ;;
    esac
    check_platform
    check_swift
    check_system_libraries
    check_libtorch
}

check_platform() {
    local platform
    platform=$(uname -sm)
    [ "$platform" = "Linux x86_64" ] || fail "this script was only run on x86-64 Linux, and this is $platform. Elsewhere," \
        "install the Python package torch $version, set LIBTORCH to its torch/ folder, install libpng, libturbojpeg," \
        "libwebp, zlib and pkg-config, and run 'swift build -c release' (not run there; docs/set-up.md)."
}

check_swift() {
    local found number
    command -v swift >/dev/null || fail "Swift is missing; mvar needs $minimum_swift or newer: https://www.swift.org/install/linux/"
    found=$(swift --version 2>/dev/null | head -1)
    number=$(sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' <<<"$found")
    # The older of the two must be the minimum.
    [ "$(printf '%s\n' "$minimum_swift" "${number:-0}" | sort -V | head -1)" = "$minimum_swift" ] ||
        fail "found '${found:-a swift that does not start}' at $(command -v swift); mvar needs Swift $minimum_swift or newer:" \
            "https://www.swift.org/install/linux/"
}

# The command line $1 as this user would have to type it.
as_root() { if [ "$(id -u)" = 0 ]; then echo "$1"; else echo "sudo sh -c '$1'"; fi; }

# --- System libraries -------------------------------------------------------------------------------------------------

check_system_libraries() {
    local missing=() entry
    if ! command -v pkg-config >/dev/null; then
        missing=(pkg-config libpng-dev libturbojpeg0-dev libwebp-dev zlib1g-dev)
    else
        for entry in libpng:libpng-dev libturbojpeg:libturbojpeg0-dev libwebp:libwebp-dev zlib:zlib1g-dev; do
            pkg-config --exists "${entry%%:*}" || missing+=("${entry#*:}")
        done
    fi
    [ ${#missing[@]} -gt 0 ] || return 0

    local install="apt-get update && apt-get install --no-install-recommends -y ${missing[*]}"
    command -v apt-get >/dev/null || fail "missing: ${missing[*]} (the names of Debian and Ubuntu). Install them by your" \
        "system's package manager and run this again."
    [ "$(id -u)" = 0 ] || fail "missing: ${missing[*]}. Run this, then try again:  $(as_root "$install")"
    say "installing ${missing[*]}"
    local log
    log=$(mktemp)
    if ! DEBIAN_FRONTEND=noninteractive bash -c "$install" >"$log" 2>&1; then
        tail -n 5 "$log" >&2
        rm -f "$log"
        fail "could not install ${missing[*]} (apt-get's last lines stand above). Try by hand:  $install"
    fi
    rm -f "$log"
}

# --- LibTorch ---------------------------------------------------------------------------------------------------------

# The version of the LibTorch in folder $1, or nothing.
version_of() {
    cat "$1/include/torch/headeronly/version.h" "$1/include/torch/csrc/api/include/torch/version.h" 2>/dev/null |
        sed -n 's/^#define TORCH_VERSION_\(MAJOR\|MINOR\|PATCH\) \([0-9]*\)$/\2/p' | head -3 | paste -sd.
}

# Succeeds if folder $1 is a LibTorch that mvar can be built with; else sets `problem`, a sentence about it.
is_usable() {
    local found file
    problem=
    found=$(version_of "$1")
    if [ -z "$found" ]; then
        problem="$1 holds no LibTorch: include/torch/headeronly/version.h is missing or unreadable"
    elif [ "${found%.*}" != "$series" ]; then
        problem="$1 holds LibTorch $found; mvar needs $version"
    else
        for file in lib/libtorch_cpu.so lib/libc10.so lib/libgomp.so.1 include/ATen/core/Tensor.h; do
            [ -s "$1/$file" ] || problem="$1 holds LibTorch $found without $file"
        done
    fi
    [ -z "$problem" ]
}

# As is_usable, and everything that its libraries need is found. Takes 0.1 s: for a place that is new to us.
is_linkable() {
    is_usable "$1" || return 1
    local absent
    absent=$(ldd "$1/lib/libtorch_cpu.so" 2>/dev/null | sed -n 's/^[[:space:]]*\(.*\) => not found$/\1/p' | paste -sd' ')
    [ -z "$absent" ] || problem="$1 holds a LibTorch that needs $absent, not found on this machine"
    [ -z "$problem" ]
}

check_libtorch() {
    if [ -n "${LIBTORCH:-}" ]; then
        case $LIBTORCH in /*) ;; *) fail "LIBTORCH is '$LIBTORCH'; it must be an absolute path." ;; esac
        is_linkable "$LIBTORCH" || fail "$problem. Set LIBTORCH to a folder with lib/ and include/ of LibTorch $version, or" \
            "unset it to have that downloaded."
        return
    fi
    is_usable "$link" && return
    if [ -e "$link" ] && [ ! -L "$link" ]; then
        fail "$problem. It is not a link, so set-up did not make it: move it away and run this again."
    fi
    [ ! -e "$link" ] || say "$problem; looking for another"

    local place
    place=$(installed_in_python)
    if [ -n "$place" ] && is_linkable "$place"; then
        say "using the LibTorch of the installed Python package, $place"
    else
        [ -z "$place" ] || say "not using the installed Python package: $problem"
        place=$downloaded/torch
        is_usable "$place" || download
        is_linkable "$place" || fail "$problem. 'make clean-cache' and another try may help."
        say "using LibTorch $version in $place"
    fi
    ln -sfn "$place" "$link"
}

# The torch/ folder of an installed Python torch of our series, or nothing.
installed_in_python() {
    command -v python3 >/dev/null || return 0
    python3 - "$series" <<'PYTHON' 2>/dev/null || true
import importlib.metadata, sys
torch = importlib.metadata.distribution("torch")
if torch.version.startswith(sys.argv[1] + "."):
    print(torch.locate_file("torch"))
PYTHON
}

# Downloads, unpacks and only then gives the folder its name: whatever interrupts this, nothing half-written is taken for
# LibTorch later.
download() {
    python3 -m pip --version >/dev/null 2>&1 || fail "LibTorch has to be downloaded, by Python's pip, which is missing." \
        "Run this, then try again:  $(as_root 'apt-get install -y python3-pip')"
    mkdir -p "$cache" 2>/dev/null || true
    [ -w "$cache" ] || fail "cannot write to the cache folder $cache; set XDG_CACHE_HOME to another."

    exec 9>"$cache/lock"
    if ! flock -n 9; then
        say "another set-up is downloading LibTorch; waiting for it"
        flock 9
        is_usable "$downloaded/torch" && return
    fi
    # We hold the lock, so these are leftovers of a set-up that was killed.
    rm -rf "$cache"/unfinished.* "$downloaded"

    local free needed=$((download_megabytes + unpacked_megabytes + 60))
    free=$(df -Pm "$cache" | awk 'NR == 2 {print $4}')
    [ "$free" -ge $needed ] || fail "LibTorch needs $needed MB in $cache while it is unpacked ($unpacked_megabytes MB afterwards), and" \
        "$free MB are free. Make room, or set XDG_CACHE_HOME to a folder on another disk."

    unfinished=$(mktemp -d "$cache/unfinished.XXXXXX")
    trap 'rm -rf "$unfinished"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    say "downloading LibTorch $version, once: $download_megabytes MB, of which $unpacked_megabytes MB unpacked stay in $cache"
    fetch_wheels
    say "unpacking"
    unpack_wheels
    mv "$unfinished/libtorch" "$downloaded"
    rm -rf "$unfinished"
    exec 9>&-
}

fetch_wheels() {
    local platform platforms=() why
    # The tag of each wheel and, as pip does not derive them, those it stands for.
    for platform in manylinux_2_28 manylinux_2_27 manylinux_2_25 manylinux_2_17 manylinux2014; do
        platforms+=(--platform "${platform}_x86_64")
    done
    mkdir "$unfinished/wheels" "$unfinished/temporary"
    # The Python version only picks the wheel: LibTorch in it is the same for all. pip's own cache would keep another
    # 531 MB that clean-cache doesn't know of.
    TMPDIR=$unfinished/temporary python3 -m pip --disable-pip-version-check download --no-cache-dir --no-deps \
        --only-binary=:all: --require-hashes --requirement "$requirements" \
        --python-version 3.11 --implementation cp --abi cp311 --abi none "${platforms[@]}" \
        --dest "$unfinished/wheels" >&2 2>"$unfinished/errors" 9>&- && return
    grep -q 'DO NOT MATCH THE HASHES' "$unfinished/errors" && fail "the package index gave another file than the one this" \
        "was tested with (its SHA-256 is not that in ${requirements#"$package"/}); nothing of it was kept. Another index or" \
        "proxy (pip's settings) may help."
    why=$(grep -m 1 '^ERROR' "$unfinished/errors" || tail -n 1 "$unfinished/errors")
    fail "could not download LibTorch (${why#ERROR: }). Check the network, or the proxy or index that pip is set to use, and try" \
        "again; docs/set-up.md says how to do without a network."
}

# Takes from the wheels what a program on the CPU needs. torch/ and nvidia/ stay siblings: the libraries' run paths say so.
unpack_wheels() {
    python3 - "$unfinished/wheels" "$unfinished/libtorch" 9>&- <<'PYTHON' || fail "could not unpack LibTorch in $cache (the line above says why)."
import pathlib, sys, zipfile
wheels, destination = map(pathlib.Path, sys.argv[1:])
files = {
    "torch/lib/libtorch_cpu.so", "torch/lib/libc10.so", "torch/lib/libgomp.so.1",
    "nvidia/cu13/lib/libcudart.so.13", "nvidia/cu13/lib/libcupti.so.13",
}
try:
    for wheel in wheels.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            names = [n for n in archive.namelist() if n in files or n.startswith("torch/include/")]
            archive.extractall(destination, names)
        wheel.unlink()
    absent = sorted(name for name in files if not (destination / name).is_file())
    if absent:
        sys.exit("the wheels lack " + ", ".join(absent))
except (OSError, zipfile.BadZipFile) as error:
    sys.exit(str(error))
PYTHON
}

clean_cache() {
    if [ -d "$cache" ]; then
        exec 9>"$cache/lock"
        flock -n 9 || fail "a set-up is downloading into $cache; stop it first."
        say "removing $cache ($(du -sh "$cache" | cut -f1))"
        rm -rf "$cache"
    else
        say "nothing to remove: there is no $cache"
    fi
    # A link into what is gone would only confuse; one to an installed torch stays.
    if [ -L "$link" ] && [ ! -e "$link" ]; then rm "$link"; fi
}

main "$@"
