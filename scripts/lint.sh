#!/usr/bin/env bash
# The form of the code and of the repository. Builds nothing; needs Swift and git. `make format` mends most of it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

largest_file_megabytes=15 largest_repository_megabytes=45
status=0
complain() {
    echo "lint: $*" >&2
    status=1
}

# Tracked and about to be: what a clone would hold.
mapfile -d '' files < <(git ls-files -z --cached --others --exclude-standard)
existing=()
for file in "${files[@]}"; do [ -f "$file" ] && existing+=("$file"); done

swift format lint --strict --recursive --parallel Package.swift Sources Tests ||
    complain "Swift is not in form (above); 'make format' mends most of it."

mapfile -t native < <(printf '%s\n' "${existing[@]}" | grep -E '^(Sources/(CTorch|CKernels)|Tests/CUDAEmulator)/.*\.(cpp|h|cu)$' || true)
if ! clang-format --version 2>/dev/null | grep -q 'version 14\.'; then
    echo "lint: C++ not checked: its form is clang-format 14's (Debian 12: clang-format), not found here."
else
    for file in "${native[@]}"; do
        clang-format "$file" | cmp -s - "$file" || complain "$file is not in form; 'make format' mends it."
    done
fi

if command -v shellcheck >/dev/null; then
    shellcheck --severity=warning scripts/*.sh Benchmarks/*.sh .ci/run || complain "shellcheck found the above."
fi

# Input of any kind throws; nothing is left half-done.
if grep -rnE 'fatalError\(|try!|TODO|FIXME' Sources; then
    complain "Sources must not hold what stands above: throw an error with facts, or finish it."
fi

# A folder of one machine in a file is wrong on all others. (This file names the patterns.)
if printf '%s\0' "${existing[@]}" | grep -zv '^scripts/lint.sh$' |
    xargs -0 grep -nIE '(^|[^[:alnum:]_.~})-])/(work|root|home|Users|opt|tmp)/[[:alnum:]._-]'; then
    complain "paths of one machine stand in the lines above."
fi

# Links of the pages to files of the repository, and places that somebody meant to fill in.
while IFS=: read -r page link; do
    [ -e "$(dirname "$page")/$link" ] || complain "$page links to $link, which does not exist."
done < <(printf '%s\0' "${existing[@]}" | grep -zE '\.md$' |
    xargs -0 grep -oHE '\]\([^)#: ]+' | sed 's/:\](/:/' | grep -vE ':https?$')
if printf '%s\0' "${existing[@]}" | grep -zE '\.md$' | xargs -0 grep -nE '@[A-Z0-9]{2,}@'; then
    complain "something is still to be filled in, in the lines above."
fi

while read -r bytes file; do
    [ "$bytes" -le $((largest_file_megabytes * 1000000)) ] ||
        complain "$file has $((bytes / 1000000)) MB; no file may be above $largest_file_megabytes MB."
done < <(stat -c '%s %n' "${existing[@]}")
total=$(stat -c '%s' "${existing[@]}" | awk '{bytes += $1} END {print int(bytes / 1000000)}')
[ "$total" -le $largest_repository_megabytes ] ||
    complain "all files together have $total MB; at most $largest_repository_megabytes MB are wanted."

[ $status = 0 ] && echo "lint: ${#existing[@]} files, $total MB, in form."
exit $status
