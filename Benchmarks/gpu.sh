#!/usr/bin/env bash
# All that only a GPU can show, on a machine with Python's torch 2.11 and without Swift.
#
#   Benchmarks/gpu.sh STAGE …
#
# Stages, each of less than 9 minutes, in any order: check (what is found; golden files and their gradients in float32; that a
# graph repeats what it recorded), sanitize (compute-sanitizer), pictures-1, pictures-32, pictures-64, compiled (beside a
# compiled VAR), attention, training, archive (the first of 50,000 pictures, a kill, and some more), table (everything so far
# as gpu.json and gpu.md). all is all of them.
#
# MVAR     the program, linked with --static-swift-stdlib: .build-static/release/mvar ('make static') if not named
# OUT      where results go: out/gpu if not named
# PARITY   golden files: ../shared/parity if not named
# VAR_CODE, MVAR_CODE   checkouts of the public code; without them their rows are missing
# PYTHON   an interpreter with torch: python3 if not named
# DEVICE   cuda if not named; cpu tries this script itself, with small figures
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit

mvar=${MVAR:-.build-static/release/mvar}
out=${OUT:-out/gpu}
parity=${PARITY:-../shared/parity}
python=${PYTHON:-python3}
device=${DEVICE:-cuda}
stages=(check sanitize pictures-1 pictures-32 pictures-64 compiled attention training archive table)

[ $# -gt 0 ] || { sed -n '2,/^[^#]/{s/^# \{0,1\}//;/^set /d;p}' "${BASH_SOURCE[0]}" >&2; exit 64; }
[ -x "$mvar" ] || { echo "gpu.sh: there is no program $mvar: 'make static' makes one, MVAR names it" >&2; exit 1; }
mkdir -p "$out"

is_gpu() { [ "$device" != cpu ]; }

if is_gpu; then
    # LibTorch, and NVIDIA's compiler beside it, as Python has them.
    folders=$("$python" - <<'PYTHON'
import glob, os, sys, torch
if not torch.__version__.startswith("2.11."):
    sys.exit(f"gpu.sh: {sys.executable} has torch {torch.__version__}, and the program needs 2.11")
libraries = os.path.join(os.path.dirname(torch.__file__), "lib")
print(":".join([libraries] + sorted(glob.glob(os.path.join(libraries, "../../nvidia/*/lib")))))
PYTHON
    ) || { echo "gpu.sh: name an interpreter with torch 2.11 by PYTHON" >&2; exit 1; }
    export LD_LIBRARY_PATH="$folders${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
fi

# kept NAME COMMAND …: its output goes to NAME.log and its status to NAME.status; a failure ends nothing.
kept() {
    local name=$1 status=0
    shift
    echo "gpu.sh: $name: $*" >&2
    "$@" >"$out/$name.log" 2>&1 || status=$?
    echo "$status" >"$out/$name.status"
    [ "$status" = 0 ] || { echo "gpu.sh: $name ended with status $status:" >&2; tail -n 5 "$out/$name.log" >&2; }
}

peers=()
[ -n "${VAR_CODE:-}" ] && peers+=(--var "$VAR_CODE")
both=("${peers[@]}")
[ -n "${MVAR_CODE:-}" ] && both+=(--mvar "$MVAR_CODE")

# compared NAME OPTION …: compare.py into NAME.json.
compared() {
    local name=$1
    shift
    kept "$name" "$python" Benchmarks/compare.py --binary "$mvar" --python "$python" --device "$device" \
        --json "$out/$name.json" "$@"
}

pictures() {
    local ours=float16,bfloat16 theirs=float16,bfloat16
    is_gpu || { ours=float32 theirs=float32; }
    compared "pictures-$1" "${both[@]}" --parts sample --batches "$1" --rounds "${2:-5}" --precisions "$ours" \
        --peer-precisions "$theirs"
}

# The third batch of eight is a graph's, that of 24 is not: but for a token that rounding decides they are the same pictures.
repeated() {
    local batch
    for batch in 8 24; do
        rm -rf "$out/batches-$batch.npz"*
        "$mvar" sample --count 24 --batch "$batch" --seed 1 --device "$device" -o "$out/batches-$batch.npz" || return
    done
    "$python" - "$out" <<'PYTHON'
import sys, zipfile
def pictures(batch):
    array = zipfile.ZipFile(f"{sys.argv[1]}/batches-{batch}.npz").read("arr_0.npy")
    pixels = array[10 + int.from_bytes(array[8:10], "little"):]
    size = len(pixels) // 24
    return [pixels[number * size:(number + 1) * size] for number in range(24)]
equal = [a == b for a, b in zip(pictures(8), pictures(24))]
print(f"{sum(equal)} of 24 pictures are the same, of the third batch {sum(equal[16:])} of 8")
sys.exit(0 if sum(equal[16:]) >= 6 else f"what a graph repeats is something else: {equal}")
PYTHON
    local status=$?
    rm -f "$out"/batches-*.npz
    return "$status"
}

stage() {
    case $1 in
        check)
            kept doctor "$mvar" doctor
            is_gpu && kept nvidia-smi nvidia-smi
            kept parity scripts/parity.sh "$mvar" "$parity" --device "$device"
            kept repeated repeated
            ;;
        sanitize)
            is_gpu || { echo "gpu.sh: sanitize needs a GPU" >&2; return; }
            for tool in memcheck racecheck; do
                for golden in kernels/neighborhood_attention mini64/golden; do
                    kept "$tool-${golden%/*}" compute-sanitizer --tool "$tool" --error-exitcode 9 \
                        "$mvar" verify --golden "$parity/$golden.safetensors" --device "$device"
                done
            done
            ;;
        pictures-1) pictures 1 ;;
        pictures-32 | pictures-64)
            if is_gpu; then
                pictures "${1#pictures-}" 3
                # What the graph is worth, and how much memory is left for larger batches.
                kept "$1-without-graph" "$mvar" bench sample --preset d16 --batch "${1#pictures-}" --precision float16 \
                    --device "$device" --without graph --json
            fi
            ;;
        compiled)
            if [ ${#peers[@]} = 0 ]; then echo "gpu.sh: compiled needs VAR_CODE" >&2; return; fi
            local batch=32
            is_gpu || batch=1
            compared compiled "${peers[@]}" --parts sample --batches "$batch" --rounds 3 \
                --precisions "$(is_gpu && echo float16 || echo float32)" \
                --peer-precisions "$(is_gpu && echo float16-compiled || echo float32-compiled)"
            ;;
        attention)
            compared attention --parts attention --rounds 5
            is_gpu && kept natten "$python" Benchmarks/natten_attention.py
            ;;
        training)
            if is_gpu; then
                compared training "${peers[@]}" --parts train --batches 8 --train-depth 16 --rounds 5
            else
                compared training "${peers[@]}" --parts train --batches 1 --train-depth 2 --rounds 1
            fi
            ;;
        archive)
            # Killed, and begun again where it was: the remark says how many pictures were there already.
            local count=50000 precision=float16
            is_gpu || { count=64 precision=float32; }
            rm -rf "$out/archive.npz" "$out/archive.npz.unfinished"
            kept archive-begun timeout -s KILL "$(is_gpu && echo 90 || echo 3)" "$mvar" sample --count "$count" --batch auto \
                --seed 1 --device "$device" --precision "$precision" -q -o "$out/archive.npz"
            kept archive-resumed timeout -s INT 90 "$mvar" sample --count "$count" --batch auto --seed 1 \
                --device "$device" --precision "$precision" --resume -o "$out/archive.npz"
            rm -rf "$out/archive.npz" "$out/archive.npz.unfinished"
            ;;
        table) "$python" Benchmarks/gpu_table.py "$out" ;;
        *) echo "gpu.sh: there is no stage '$1': ${stages[*]}, all" >&2; exit 64 ;;
    esac
}

[ "$1" = all ] && set -- "${stages[@]}"
for name in "$@"; do
    begun=$SECONDS
    stage "$name"
    echo "gpu.sh: $name took $((SECONDS - begun)) s" >&2
done
