#!/usr/bin/env bash
# Trains the models in models/: the tokenizer on all pictures, then the same transformer four times for as many steps, with
# three attention patterns and once beginning with the weights of `full`.
#
#   scripts/train-default-model.sh DATA [RUNS]
#
# DATA holds Tiny ImageNet as tar archives (train-*.tar, val.tar with entries WNID/NAME.JPEG, classes.tsv). RUNS keeps the
# state, runs/default by default. Started again after Ctrl-C, or after a loss of power, it goes on where it stood. What it
# finds is written up by scripts/write-experiments.py. TOKENIZER_STEPS and MODEL_STEPS give other budgets. Two transformers
# learn at a time, with a thread each: a step of so small a model loses a third of two threads' time to their meetings.
# THREADS are those of each, and of the tokenizer.
set -euo pipefail

data=$(realpath "${1:?usage: scripts/train-default-model.sh DATA [RUNS]}")
runs=${2:+$(realpath -m "$2")}
cd "$(dirname "${BASH_SOURCE[0]}")/.."
runs=${runs:-runs/default}
mvar=${MVAR:-.build/release/mvar}
# Goldfish, jellyfish, ladybug, monarch, school bus, pizza, orange, lemon, alp, seashore: told apart by colour and layout.
classes=n01443537,n01910747,n02165456,n02279972,n04146614,n07873807,n07747607,n07749582,n09193705,n09428293

[ -x "$mvar" ] || { echo "There is no $mvar: run 'make build' first." >&2; exit 1; }
train=("$data"/train-*.tar)
for file in "${train[0]}" "$data/val.tar" "$data/classes.tsv"; do
    [ -f "$file" ] || { echo "There is no $file." >&2; exit 1; }
done
mkdir -p "$runs"
# Who ends the script alone means the programs that it started too; they save what they have.
trap 'trap - TERM; kill 0' TERM
common=(--log-every 50 --checkpoint-every 250)
# bfloat16 is faster where the processor has instructions for it, and refused elsewhere.
grep -qsE 'avx512_bf16|amx_bf16' /proc/cpuinfo && common+=(--precision bfloat16)

resume() { if [ -f "$1/run.json" ]; then echo --resume; fi; }

# A run's folder holds a result long before the run ends: only a finished run leaves its report.
tokenizer="$runs/tokenizer"
if [ ! -f "$tokenizer/report.json" ]; then
    # shellcheck disable=SC2046  # one word or none
    "$mvar" train tokenizer "${common[@]}" ${THREADS:+--threads "$THREADS"} --run "$tokenizer" --data "${train[@]}" --validation "$data/val.tar" \
        --steps "${TOKENIZER_STEPS:-6000}" --plateau 0.71 --batch 8 --channels 32 --multipliers 1,2,4 --latent-channels 16 \
        --vocabulary 4096 --average 0.999 --validation-limit 1000 --validate-every 1000 --json \
        $(resume "$tokenizer") > "$tokenizer.json"
    mv "$tokenizer.json" "$tokenizer/report.json"
fi

cache="$runs/tokens.safetensors"
[ -f "$cache" ] || "$mvar" train cache --tokenizer "$tokenizer/model" --data "${train[@]}" --classes "$classes" \
    ${THREADS:+--threads "$THREADS"} -o "$cache"

# learn NAME ATTENTION [OPTION …]
learn() {
    local run="$runs/$1" attention=$2
    shift 2
    [ ! -f "$run/report.json" ] || return 0
    # shellcheck disable=SC2046
    "$mvar" train model "${common[@]}" --threads "${THREADS:-1}" --run "$run" --tokenizer "$tokenizer/model" \
        --cache "$cache" --validation "$data/val.tar" --class-names "$data/classes.tsv" --attention "$attention" \
        --steps "${MODEL_STEPS:-1600}" --batch 4 --plateau 0.5 --average 0.998 --label-drop 0.1 \
        --validate-every 250 --sample-every 1000 --cfg 3 --top-k 200 --top-p 0.95 --json "$@" \
        $(resume "$run") > "$run.json"
    mv "$run.json" "$run/report.json"
}

shape=(--depth 4 --width 128 --heads 2)
{
    learn full full "${shape[@]}" --learning-rate 1.5e-3
    learn spatial-7-from-full spatial-7 --from "$runs/full/model" --learning-rate 7e-4
} &
first=$!
{
    learn scale scale "${shape[@]}" --learning-rate 1.5e-3
    learn spatial-7 spatial-7 "${shape[@]}" --learning-rate 1.5e-3
} &
second=$!
# Both end before the script does, and one that fails makes the script fail.
status=0
wait "$first" || status=$?
wait "$second" || status=$?
[ "$status" = 0 ] || exit "$status"

echo "The runs are in $runs; scripts/write-experiments.py $runs writes docs/experiments and models/."
