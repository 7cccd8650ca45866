#!/usr/bin/env bash
# A program with the libraries that a machine without Debian's packages lacks, as a folder to be copied there:
#
#   scripts/pack.sh PROGRAM FOLDER      FOLDER/bin/mvar, without symbols, and FOLDER/lib, which it looks into first
#
# LibTorch is not among them: the machine's own is found by LD_LIBRARY_PATH, or beside them in FOLDER/lib.
set -euo pipefail

program=${1:?usage: scripts/pack.sh PROGRAM FOLDER}
folder=${2:?usage: scripts/pack.sh PROGRAM FOLDER}
pictures='libpng16|libturbojpeg|libwebp|libsharpyuv|libz'

rm -rf "$folder"
mkdir -p "$folder/bin" "$folder/lib"
strip -o "$folder/bin/mvar" "$program"
ldd "$program" | awk -v names="^($pictures)\\\\.so" '$1 ~ names {print $3}' | xargs -I{} cp -L {} "$folder/lib"
for library in libpng16 libturbojpeg libwebp; do
    [ -n "$(find "$folder/lib" -name "$library.so*")" ] || {
        echo "pack: $program is not linked with $library, or ldd does not find it" >&2
        exit 1
    }
done
echo "pack: $(du -sh "$folder" | cut -f1) in $folder"
