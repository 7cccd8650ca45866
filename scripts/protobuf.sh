#!/usr/bin/env bash
# Makes Sources/TensorBoard/event.pb.swift from event.proto again. Needs protoc (Debian and Ubuntu: protobuf-compiler);
# its Swift plugin is built from the swift-protobuf that Package.swift names, in half a minute.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

command -v protoc >/dev/null || {
    echo "protobuf: protoc is missing; on Debian and Ubuntu: apt-get install protobuf-compiler" >&2
    exit 1
}
swift build --product protoc-gen-swift
protoc --proto_path=Sources/TensorBoard --plugin=protoc-gen-swift="$(swift build --show-bin-path)/protoc-gen-swift" \
    --swift_opt=UseAccessLevelOnImports=true --swift_out=Sources/TensorBoard event.proto
echo "protobuf: wrote Sources/TensorBoard/event.pb.swift, with $(protoc --version)"
