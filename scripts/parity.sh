#!/usr/bin/env bash
# Checks a mvar against every golden file of a folder made like ../shared/parity. Usage: parity.sh MVAR FOLDER [OPTION …],
# with options of `mvar verify`.
set -euo pipefail

mvar=$1 folder=$2
shift 2
[ -d "$folder" ] || {
    echo "parity: there is no folder $folder; name one with PARITY=folder." >&2
    exit 1
}

failed=() count=0
for name in {mini64,tiny64,tiny256,trainer64}/golden sampling kernels/neighborhood_attention; do
    file=$folder/$name.safetensors
    if [ ! -f "$file" ]; then
        failed+=("$name (missing)")
        continue
    fi
    echo "== $name"
    "$mvar" verify --golden "$file" "$@" || failed+=("$name")
    count=$((count + 1))
done

if [ ${#failed[@]} -gt 0 ]; then
    echo "parity: failed: ${failed[*]}" >&2
    exit 1
fi
echo "parity: all $count golden files agree."
