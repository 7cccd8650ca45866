import FileOutput
public import Torch

extension Safetensors {
    /// Writes a safetensors file, laid out as the reference does: the widest types first, then by name.
    ///
    /// The file appears under its name when it is whole. Tensors are written one at a time, row-major, from whatever
    /// device they are on.
    ///
    /// - Parameters:
    ///   - tensors: Names, each once, and tensors of any type but complex128.
    ///   - metadata: Texts to keep beside them.
    ///   - checksummed: Whether the file ends with a checksum; see ``verifyChecksum()``.
    ///   - path: Where the file will be; its folder must exist.
    /// - Throws: ``CheckpointError`` for a name that comes twice or a type that the format lacks, `FileOutputError` where
    ///   the disk refuses, ``TorchError`` where a tensor cannot be copied to the host.
    public static func write(
        _ tensors: [(name: String, tensor: Tensor)], metadata: [String: String] = [:], checksummed: Bool = false,
        to path: String
    ) throws {
        try AtomicFile.write(to: path) {
            try append(tensors, metadata: metadata, checksummed: checksummed, to: $0)
        }
    }

    /// As ``write(_:metadata:checksummed:to:)``, into a file that gets its name later.
    static func append(
        _ tensors: [(name: String, tensor: Tensor)], metadata: [String: String] = [:], checksummed: Bool = false,
        to file: AtomicFile
    ) throws {
        func failure(_ what: String) -> CheckpointError { CheckpointError(file: file.path, .unwritable(what)) }
        var names: Set<String> = checksummed ? [checksumName] : []
        var typed: [(name: String, type: SafetensorsType, tensor: Tensor)] = []
        for (name, tensor) in tensors {
            guard name != "__metadata__", names.insert(name).inserted else {
                throw failure("it would have two tensors named \(quoted(name))")
            }
            guard let type = SafetensorsType(tensor.dtype) else {
                throw failure(
                    "tensor \(quoted(name)) is of type \(tensor.dtype.name), which safetensors lacks; convert it")
            }
            typed.append((name, type, tensor))
        }
        // By bytes, as the reference compares names.
        typed.sort {
            $0.type.rank != $1.type.rank
                ? $0.type.rank > $1.type.rank : $0.name.utf8.lexicographicallyPrecedes($1.name.utf8)
        }

        var layout = typed.map { (name: $0.name, dtype: $0.type.dtype, shape: $0.tensor.shape) }
        if checksummed { layout.append((checksumName, .uint8, [4])) }
        var checksum = CRC32()
        func append(_ bytes: UnsafeRawBufferPointer) throws(FileOutputError) {
            if checksummed { checksum.take(bytes) }
            try file.append(bytes)
        }
        try header(of: layout, metadata: metadata, for: file.path).withUnsafeBytes(append)
        for (_, _, tensor) in typed { try tensor.withContiguousBytes(append) }
        if checksummed {
            var end: [UInt8] = []
            end.append(littleEndian: checksum.value)
            try file.append(end)
        }
    }

    /// The beginning of a file, up to the bytes of its first tensor.
    ///
    /// - Parameters:
    ///   - tensors: Names, each once, types and shapes, in the order in which their bytes will follow without a gap.
    ///   - metadata: Texts to keep beside them.
    ///   - size: How many bytes to fill up to; a multiple of 8.
    ///   - path: The file, for messages.
    /// - Returns: A multiple of 8 bytes.
    /// - Throws: ``CheckpointError`` for a type that the format lacks, or a header that is too long for it.
    package static func header(
        of tensors: [(name: String, dtype: DType, shape: [Int])], metadata: [String: String], size: Int = 0,
        for path: String
    ) throws(CheckpointError) -> [UInt8] {
        func failure(_ what: String) -> CheckpointError { CheckpointError(file: path, .unwritable(what)) }
        var fields: [String] = []
        if !metadata.isEmpty {
            let texts = metadata.sorted { $0.key < $1.key }
                .map { JSONHeader.literal($0.key) + ":" + JSONHeader.literal($0.value) }
            fields.append("\"__metadata__\":{" + texts.joined(separator: ",") + "}")
        }
        var end = 0
        for (name, dtype, shape) in tensors {
            guard let type = SafetensorsType(dtype) else {
                throw failure("tensor \(quoted(name)) is of type \(dtype.name), which safetensors lacks; convert it")
            }
            let begin = end
            end += shape.reduce(dtype.byteCount, *)
            let shape = shape.map(String.init).joined(separator: ",")
            fields.append(
                JSONHeader.literal(name)
                    + ":{\"dtype\":\"\(type.name)\",\"shape\":[\(shape)],\"data_offsets\":[\(begin),\(end)]}")
        }
        var header = Array(("{" + fields.joined(separator: ",") + "}").utf8)
        let whole = max((header.count + 7) / 8 * 8, size - 8)
        header.append(contentsOf: [UInt8](repeating: UInt8(ascii: " "), count: whole - header.count))
        guard header.count <= largestHeader else { throw failure("its header would have \(header.count) bytes") }

        var start: [UInt8] = []
        start.append(littleEndian: UInt64(header.count))
        return start + header
    }
}
