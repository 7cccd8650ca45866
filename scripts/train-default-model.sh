#!/usr/bin/env bash
# Trains the model in models/default: first the tokenizer on all pictures, then the transformer on the chosen classes.
#
#   scripts/train-default-model.sh DATA [RUNS]
#
# DATA holds Tiny ImageNet as tar archives (train-*.tar, val.tar with entries WNID/NAME.JPEG, classes.tsv). RUNS keeps the
# state, runs/default by default. Started again after Ctrl-C, or after a loss of power, it goes on where it stood. With
# other minutes it is another run: give another folder.
#
# Where several programs share few cores, THREADS=1 is the fastest by far: two threads wait for each other.
set -euo pipefail

data=$(realpath "${1:?usage: scripts/train-default-model.sh DATA [RUNS]}")
runs=${2:+$(realpath -m "$2")}
cd "$(dirname "${BASH_SOURCE[0]}")/.."
runs=${runs:-runs/default}
tokenizer_minutes=${TOKENIZER_MINUTES:-45}
model_minutes=${MODEL_MINUTES:-44}
threads=${THREADS:-}
mvar=${MVAR:-.build/release/mvar}
output=${OUTPUT:-models/default}
# Goldfish, jellyfish, monarch, school bus, pizza, orange, alp, seashore: told apart by colour and layout at 64 pixels.
classes=${CLASSES:-n01443537,n01910747,n02279972,n04146614,n07873807,n07747607,n09193705,n09428293}

[ -x "$mvar" ] || { echo "There is no $mvar: run 'make build' first." >&2; exit 1; }
train=("$data"/train-*.tar)
for file in "${train[0]}" "$data/val.tar" "$data/classes.tsv"; do
    [ -f "$file" ] || { echo "There is no $file." >&2; exit 1; }
done
mkdir -p "$runs"
common=(--data "${train[@]}" --validation "$data/val.tar" ${threads:+--threads "$threads"})
# bfloat16 is faster where the processor has instructions for it, and refused elsewhere.
grep -qsE 'avx512_bf16|amx_bf16' /proc/cpuinfo && common+=(--precision bfloat16)

resume() { if [ -f "$1/run.json" ]; then echo --resume; fi; }

if [ ! -f "$runs/tokenizer/model/config.json" ]; then
    # shellcheck disable=SC2046  # one word or none
    "$mvar" train tokenizer "${common[@]}" --run "$runs/tokenizer" --minutes "$tokenizer_minutes" --batch 8 \
        --channels 32 --multipliers 1,1,2 --latent-channels 16 --vocabulary 1024 --average 0.995 \
        --validation-limit 400 --validate-every 1000 --log-every 50 $(resume "$runs/tokenizer")
fi
# The model's folder holds the best weights long before the run ends: only a finished run leaves this mark.
if [ ! -f "$runs/model/finished" ]; then
    # shellcheck disable=SC2046
    "$mvar" train model "${common[@]}" --run "$runs/model" --minutes "$model_minutes" --batch 8 \
        --tokenizer "$runs/tokenizer/model" --classes "$classes" --class-names "$data/classes.tsv" \
        --depth 4 --width 192 --learning-rate 1.5e-3 --warm-up 50 --plateau 0.3 --average 0.995 \
        --cfg 5 --top-k 60 --top-p 0 \
        --checkpoint-every 100 --validate-every 250 --log-every 25 $(resume "$runs/model") | tee "$runs/model.txt"
    touch "$runs/model/finished"
fi
mkdir -p "$output"
cp "$runs/model/model"/{config.json,model.safetensors,tokenizer.safetensors} "$output"
echo "The model is in $output; its card is MODEL_CARD.md there."
