#!/usr/bin/env bash
# All that only a GPU can show, on a machine with Python's torch 2.11 and without Swift.
#
#   Benchmarks/gpu.sh STAGE …
#
# Stages, each of less than 9 minutes, in any order:
#
#   check         what is found; golden files and their gradients in float32, attention's in halves too, the draw; that a graph
#                 repeats what it recorded; what halves lose
#   memcheck-attention, memcheck-bfloat16, memcheck-model, racecheck-attention, racecheck-bfloat16, racecheck-model
#                 compute-sanitizer: attention and its gradients in float32 and in bfloat16, a whole model
#   pictures-1, pictures-32, pictures-64, compiled-32, compiled-64
#                 pictures beside the public code, as it is and compiled
#   attention     beside LibTorch's and NATTEN's
#   training      steps beside VAR's
#   archive       pictures killed and resumed, shared among devices, and as many of 50,000 as there is time for
#   table         everything so far as gpu.json and gpu.md
#
# all is all of them. What fails ends nothing, but the status is 1 then. Each command leaves NAME.log and NAME.status.
#
# MVAR     the program: out/static/bin/mvar ('make static', which puts its libraries beside it) if not named
# OUT      where results go: out/gpu if not named
# PARITY   golden files: ../shared/parity if not named
# MODEL    the model of 'archive' and of the graph's check: models/default if not named
# VAR_CODE, MVAR_CODE   checkouts of the public code; without them their rows are missing
# PYTHON   an interpreter with torch: python3 if not named
# BUDGET   seconds that a stage has: 500 if not named; what still runs then is ended
# DEVICE   cuda if not named; cpu tries this script itself, with small figures
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit

mvar=${MVAR:-out/static/bin/mvar}
out=${OUT:-out/gpu}
parity=${PARITY:-../shared/parity}
model=${MODEL:-models/default}
python=${PYTHON:-python3}
budget=${BUDGET:-500}
device=${DEVICE:-cuda}
stages=(
    check memcheck-attention memcheck-bfloat16 memcheck-model racecheck-attention racecheck-bfloat16 racecheck-model
    pictures-1 pictures-32 pictures-64 compiled-32 compiled-64 attention training archive table)

[ $# -gt 0 ] || { sed -n '2,/^[^#]/{s/^# \{0,1\}//;/^set /d;p}' Benchmarks/gpu.sh >&2; exit 64; }
for name in "$@"; do
    [[ " ${stages[*]} all " == *" $name "* ]] || { echo "gpu.sh: there is no stage '$name': ${stages[*]}, all" >&2; exit 64; }
done
[ -x "$mvar" ] || { echo "gpu.sh: there is no program $mvar: 'make static' makes one, MVAR names it" >&2; exit 1; }
mkdir -p "$out" || exit

is_gpu() { [ "$device" != cpu ]; }

if is_gpu; then
    # LibTorch, and NVIDIA's compiler beside it, as Python has them.
    folders=$("$python" - <<'PYTHON'
import glob, os, sys
try:
    import torch
except ImportError as error:
    sys.exit(f"gpu.sh: {sys.executable}: {error}")
if not torch.__version__.startswith("2.11."):
    sys.exit(f"gpu.sh: {sys.executable} has torch {torch.__version__}, and the program needs 2.11")
libraries = os.path.join(os.path.dirname(torch.__file__), "lib")
print(":".join([libraries] + sorted(glob.glob(os.path.join(libraries, "../../nvidia/*/lib")))))
PYTHON
    ) || { echo "gpu.sh: name an interpreter with torch 2.11 by PYTHON" >&2; exit 1; }
    export LD_LIBRARY_PATH="$folders${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
fi

# A library that is not there would otherwise show only as every stage's failure.
said=$("$mvar" --version 2>&1) || {
    status=$?
    echo "gpu.sh: $mvar cannot run here (status $status): ${said%%$'\n'*}" >&2
    exit 1
}

failed=() child='' ends=0
trap '[ -z "$child" ] || kill "$child" 2>/dev/null; exit 130' INT TERM

# limited COMMAND …: ended, with all that it started, when the stage's time is over. In the background, because timeout's group
# is not the terminal's, and Ctrl-C reaches this script alone.
limited() {
    local status=0 left=$((ends - SECONDS))
    [ "$left" -gt 0 ] || return 124
    timeout -k 10 "$left" "$@" &
    child=$!
    wait "$child" || status=$?
    child=''
    return "$status"
}

# not_run REASON: a status that is neither success nor failure.
not_run() {
    echo "$1"
    return 77
}

# kept NAME COMMAND …: its output goes to NAME.log and its status to NAME.status. COMMAND may be a function of this script,
# which limits what it starts.
kept() {
    local name=$1 log=$out/$1.log status=0
    shift
    echo "gpu.sh: $name: $*" >&2
    if declare -F "$1" >/dev/null; then "$@"; else limited "$@"; fi >"$log" 2>&1 || status=$?
    if [ "$status" = 77 ]; then
        echo skipped >"$out/$name.status"
        echo "gpu.sh: $name was not run: $(tail -n 1 "$log")" >&2
        return
    fi
    case $status in
        124 | 137) [ "$SECONDS" -lt "$ends" ] || echo "It was ended: the stage has $budget s." >>"$log" ;;
    esac
    echo "$status" >"$out/$name.status"
    [ "$status" = 0 ] && return
    failed+=("$name")
    echo "gpu.sh: $name ended with status $status:" >&2
    tail -n 5 "$log" >&2
}

peers=()
[ -n "${VAR_CODE:-}" ] && peers+=(--var "$VAR_CODE")
both=("${peers[@]}")
[ -n "${MVAR_CODE:-}" ] && both+=(--mvar "$MVAR_CODE")

# compared NAME OPTION …: compare.py into NAME.json.
compared() {
    local name=$1
    shift
    rm -f "$out/$name.json"
    kept "$name" "$python" Benchmarks/compare.py --binary "$mvar" --python "$python" --device "$device" \
        --json "$out/$name.json" "$@"
}

pictures() {
    local ours=float16,bfloat16 theirs=float16,bfloat16
    is_gpu || { ours=float32 theirs=float32; }
    compared "pictures-$1" "${both[@]}" --parts sample --batches "$1" --rounds "${2:-5}" --precisions "$ours" \
        --peer-precisions "$theirs"
}

# sampled PRECISION NAME OPTION …: pictures in NAME.npz.
sampled() {
    local precision=$1 name=$2
    shift 2
    limited "$mvar" sample --model "$model" --seed 1 --precision "$precision" -o "$out/$name.npz" "$@"
}

# alike NAME NAME COUNT: whether so many pictures of two archives are the same, and all classes.
alike() {
    "$python" - "$out/$1.npz" "$out/$2.npz" "$3" <<'PYTHON'
import sys, zipfile
def values(path):
    with zipfile.ZipFile(path) as archive:
        for name in ("arr_0.npy", "arr_1.npy"):
            array = archive.read(name)
            yield array[10 + int.from_bytes(array[8:10], "little"):]
(pictures, classes), (others, other_classes) = map(values, sys.argv[1:3])
count = len(classes) // 8
size = len(pictures) // count
spans = [slice(number * size, (number + 1) * size) for number in range(count)]
different = [number for number, span in enumerate(spans) if pictures[span] != others[span]]
print(f"{count - len(different)} of {count} pictures are the same" + (f", but not {different[:16]}" if different else ""))
sys.exit("the classes differ" if classes != other_classes else count - len(different) < int(sys.argv[3]))
PYTHON
}

# The first of three batches is made operator by operator, the second recorded, the third a repetition. In three processes each is
# a first one. A record may choose other products, and rounding then decides some token: a quarter of the recorded may differ.
repeated() {
    local precision=$1 rank status=0
    rm -rf "$out"/{graph,plain}.npz*
    for rank in 0 1 2; do
        RANK=$rank LOCAL_RANK=0 WORLD_SIZE=3 sampled "$precision" plain --count 24 --batch 8 --device "$device" -q || return
    done
    sampled "$precision" graph --count 24 --batch 8 --device "$device" || return
    alike plain graph 20 || status=$?
    rm -f "$out"/{graph,plain}.npz
    return "$status"
}

# sanitized TOOL OPTION …: compute-sanitizer over a golden file, where there is one that takes the device.
sanitized() {
    local sanitizer tool=$1 status=0
    shift
    is_gpu || { not_run "compute-sanitizer needs a GPU"; return; }
    sanitizer=$(command -v compute-sanitizer || command -v /usr/local/cuda/bin/compute-sanitizer) || {
        not_run "compute-sanitizer is not installed"
        return
    }
    limited "$sanitizer" --tool "$tool" --error-exitcode 9 "$mvar" verify "$@" --device "$device" || status=$?
    # As on virtual machines of some kinds.
    if grep -q "Device not supported" "$log"; then not_run "compute-sanitizer says: Device not supported"; else
        return "$status"
    fi
}

# killed PRECISION COUNT BATCH: archive.npz, killed by SIGKILL when its journal tells of two batches.
killed() {
    local journal=$out/archive.npz.unfinished/done-0-of-1.txt process lines=0
    "$mvar" sample --model "$model" --seed 1 --precision "$1" --count "$2" --batch "$3" --device "$device" -q \
        -o "$out/archive.npz" &
    process=$! child=$!
    while [ "$lines" -lt $((2 * $3)) ] && [ "$SECONDS" -lt "$ends" ] && kill -0 "$process" 2>/dev/null; do
        sleep 0.01
        [ ! -f "$journal" ] || lines=$(wc -l <"$journal")
    done
    kill -KILL "$process" 2>/dev/null
    { wait "$process"; } 2>/dev/null
    child=''
    [ -f "$journal" ] || { echo "it was not killed in the middle"; return 1; }
    echo "killed when $(wc -l <"$journal") of $2 pictures were written"
}

# same NAME PRECISION COUNT OPTION …: NAME.npz, made or gone on with, has the bytes of whole.npz.
same() {
    local name=$1 precision=$2 count=$3
    shift 3
    sampled "$precision" "$name" --count "$count" "$@" || return
    if cmp "$out/whole.npz" "$out/$name.npz"; then
        echo "all bytes are those of the undisturbed run"
    else
        alike whole "$name" "$count"
        return 1
    fi
}

# timed PRECISION COUNT: how many pictures a second; time that runs out is no failure.
timed() {
    local journal=$out/timed.npz.unfinished/done-0-of-1.txt begun=${EPOCHREALTIME//[!0-9]/} status=0 made=0 microseconds tenths
    sampled "$1" timed --count "$2" --batch auto --device "$device" || status=$?
    microseconds=$((${EPOCHREALTIME//[!0-9]/} - begun))
    if [ "$status" = 0 ]; then
        made=$2
    elif [ "$status" = 124 ] && [ -f "$journal" ]; then
        made=$(wc -l <"$journal")
    fi
    [ "$made" -gt 0 ] || return $((status == 0 ? 1 : status))
    tenths=$((made * 10000000 / microseconds))
    echo "$made of $2 pictures in $((microseconds / 1000000)) s, start included: $((tenths / 10)).$((tenths % 10)) a second"
}

archive() {
    local precision=float16 count=2000 batch=64 many=50000 shared=all
    # On a CPU all is one process; two show that they share.
    is_gpu || { precision=float32 count=48 batch=4 many=48 shared=cpu,cpu; }
    rm -rf "$out"/{whole,archive,devices,timed}.npz*
    kept archive-whole sampled "$precision" whole --count "$count" --batch "$batch" --device "$device"
    kept archive-killed killed "$precision" "$count" "$batch"
    kept archive-resumed same archive "$precision" "$count" --batch "$batch" --device "$device" --resume
    kept archive-devices same devices "$precision" "$count" --batch "$batch" --devices "$shared"
    kept archive-timed timed "$precision" "$many"
    rm -rf "$out"/{whole,archive,devices,timed}.npz*
}

stage() {
    local precision force=() attention=$parity/kernels/neighborhood_attention.safetensors
    case $1 in
        check)
            kept doctor "$mvar" doctor
            is_gpu && command -v nvidia-smi >/dev/null && kept nvidia-smi nvidia-smi
            kept parity scripts/parity.sh "$mvar" "$parity" --device "$device"
            kept draw "$mvar" verify --golden "$parity/sampling.safetensors" --device "$device"
            # A CPU declines halves that it has no instructions for.
            is_gpu || force=(--force-precision)
            for precision in bfloat16 float16; do
                kept "attention-$precision" "$mvar" verify --golden "$attention" --precision "$precision" \
                    --device "$device" "${force[@]}"
            done
            kept repeated-float32 repeated float32
            is_gpu && kept repeated-float16 repeated float16
            if is_gpu; then
                kept losses "$mvar" bench precision --preset d16 --count 4 --device "$device" --json -q
            else
                kept losses "$mvar" bench precision --preset d1 --count 1 --precision int8 --device "$device" --json -q
            fi
            ;;
        memcheck-attention | racecheck-attention) kept "$1" sanitized "${1%-*}" --golden "$attention" ;;
        memcheck-bfloat16 | racecheck-bfloat16)
            kept "$1" sanitized "${1%-*}" --golden "$attention" --precision bfloat16
            ;;
        memcheck-model | racecheck-model) kept "$1" sanitized "${1%-*}" --golden "$parity/mini64/golden.safetensors" ;;
        pictures-1) pictures 1 ;;
        pictures-32 | pictures-64)
            is_gpu || { kept "$1" not_run "so many at once need a GPU"; return; }
            pictures "${1#pictures-}" 3
            # What the graph is worth, and how much memory is left for larger batches.
            kept "$1-without-graph" "$mvar" bench sample --preset d16 --batch "${1#pictures-}" --precision float16 \
                --device "$device" --without graph --json -q
            ;;
        compiled-*)
            [ ${#peers[@]} -gt 0 ] || { kept "$1" not_run "VAR_CODE names no checkout of VAR"; return; }
            local batch=${1#compiled-} ours=float16
            is_gpu || { batch=1 ours=float32; }
            compared "$1" "${peers[@]}" --parts sample --batches "$batch" --rounds 3 --precisions "$ours" \
                --peer-precisions "$ours-compiled"
            ;;
        attention) compared attention --parts attention --rounds 5 ;;
        training)
            if is_gpu; then
                compared training "${peers[@]}" --parts train --batches 8 --train-depth 16 --rounds 5
            else
                compared training "${peers[@]}" --parts train --batches 1 --train-depth 2 --rounds 1
            fi
            ;;
        archive) archive ;;
        table) "$python" Benchmarks/gpu_table.py "$out" || failed+=(table) ;;
    esac
}

[[ " $* " != *" all "* ]] || set -- "${stages[@]}"
for name in "$@"; do
    begun=$SECONDS ends=$((SECONDS + budget))
    stage "$name"
    echo "gpu.sh: $name took $((SECONDS - begun)) s" >&2
done
[ ${#failed[@]} = 0 ] || { echo "gpu.sh: failed: ${failed[*]}" >&2; exit 1; }
