import Torch

/// A safetensors file: a JSON header that says what lies where, then the bytes of the tensors without a gap.
///
/// Format: <https://github.com/huggingface/safetensors>. Opening a file reads its header; the tensors stay on the disk
/// until they are used.
public struct Safetensors: Sendable {
    /// The largest header that the reference accepts, in bytes.
    static let largestHeader: UInt64 = 100_000_000

    /// The tensors in the order in which they lie in the file.
    public let tensors: TensorTable

    /// Texts that the file carries beside the tensors.
    public let metadata: [String: String]

    private let file: MappedFile

    /// Opens a safetensors file.
    ///
    /// - Parameter path: The path of the file.
    /// - Throws: ``CheckpointError`` where it cannot be read, or its header contradicts itself or the file's size.
    public init(path: String) throws(CheckpointError) {
        let file = try MappedFile(path: path)
        guard case .safetensors = try FileKind(of: file) else {
            throw CheckpointError(file: path, .otherKind("a zip archive and not a safetensors file"))
        }
        try self.init(file)
    }

    package init(_ file: MappedFile) throws(CheckpointError) {
        guard file.count >= 10 else { throw file.corrupt("it has only \(file.count) bytes") }
        let length = file.bytes.littleEndian(UInt64.self, at: 0)
        guard length <= Self.largestHeader, let header = file.slice(at: 8, count: Int(length)) else {
            throw file.corrupt("its header claims \(length) bytes, and the file has \(file.count)")
        }
        let fields: [(key: String, value: JSONHeader.Value)]
        do throws(JSONHeader.SyntaxError) {
            fields = try JSONHeader.fields(of: header)
        } catch {
            throw file.corrupt(error.message)
        }
        let start = 8 + Int(length)
        var metadata: [String: String] = [:]
        var placed: [(begin: Int, record: TensorRecord)] = []
        for (name, value) in fields {
            if name == "__metadata__" {
                metadata = try Self.metadata(value, file)
            } else {
                placed.append(try Self.record(name, value, file, start: start))
            }
        }
        placed.sort { ($0.begin, $0.record.byteCount) < ($1.begin, $1.record.byteCount) }
        var end = 0
        for (begin, record) in placed {
            guard begin == end else {
                throw file.corrupt("tensor \(quoted(record.name)) begins at byte \(begin) of the data; expected \(end)")
            }
            end += record.byteCount
        }
        guard end == file.count - start else {
            throw file.corrupt("its tensors take \(end) bytes, and \(file.count - start) follow the header")
        }
        self.file = file
        self.metadata = metadata
        tensors = TensorTable(placed.map(\.record))
    }

    /// The name of the tensor that ends a file with a checksum.
    static let checksumName = "crc32"

    /// Reads the whole file and compares it with the checksum at its end, as ``write(_:metadata:checksummed:to:)`` leaves
    /// it: the CRC-32 of all bytes before it, little-endian, a tensor of four bytes to other readers.
    ///
    /// - Throws: ``CheckpointError`` where there is none, or the bytes do not give it.
    public func verifyChecksum() throws(CheckpointError) {
        guard let record = tensors.records.last, record.name == Self.checksumName, record.dtype == .uint8,
            record.shape == [4], let content = file.slice(at: 0, count: file.count - 4)
        else { throw file.corrupt("the checksum that should end it is not there") }
        guard CRC32(of: content).value == file.bytes.littleEndian(UInt32.self, at: file.count - 4) else {
            throw file.corrupt("its bytes do not give the checksum at its end")
        }
    }

    private static func metadata(
        _ value: JSONHeader.Value, _ file: MappedFile
    ) throws(CheckpointError) -> [String: String] {
        guard case .object(let fields) = value else { throw file.corrupt("its metadata is no list of texts") }
        var metadata: [String: String] = [:]
        for (key, value) in fields {
            guard case .string(let text) = value else { throw file.corrupt("its metadata \(quoted(key)) is no text") }
            metadata[key] = text
        }
        return metadata
    }

    private static func record(
        _ name: String, _ value: JSONHeader.Value, _ file: MappedFile, start: Int
    ) throws(CheckpointError) -> (begin: Int, record: TensorRecord) {
        var type: String?
        var shape: [Int]?
        var place: [Int]?
        guard case .object(let fields) = value else { throw file.corrupt("tensor \(quoted(name)) is not described") }
        for field in fields {
            switch (field.key, field.value) {
            case ("dtype", .string(let text)): type = text
            case ("shape", .sizes(let sizes)): shape = sizes
            case ("data_offsets", .sizes(let sizes)): place = sizes
            default: throw file.corrupt("tensor \(quoted(name)) has the unknown field \(quoted(field.key))")
            }
        }
        guard let type, let shape, let place, place.count == 2 else {
            throw file.corrupt("tensor \(quoted(name)) lacks its dtype, shape or data_offsets")
        }
        guard let dtype = SafetensorsType(name: type)?.dtype else {
            throw file.unsupported("tensor \(quoted(name)) is of type \(quoted(type)), which mvar cannot hold")
        }
        let (begin, end) = (place[0], place[1])
        guard begin <= end, end <= file.count - start else {
            throw file.corrupt(
                "tensor \(quoted(name)) ends at byte \(end) of the data, of which there are \(file.count - start)")
        }
        let record = try TensorRecord(
            name: name, dtype: dtype, shape: shape, strides: TensorLayout.rowMajorStrides(shape), file: file,
            offset: start + begin, limit: start + end)
        guard record.byteCount == end - begin else {
            throw file.corrupt(
                "tensor \(quoted(name)) of shape \(shape) and type \(type) needs \(record.byteCount) bytes and has \(end - begin)"
            )
        }
        return (begin, record)
    }
}

/// A type of elements under the name that safetensors gives it, in the order in which the reference lays tensors out
/// (from the last to the first, so that the widest stand first and all are aligned).
struct SafetensorsType {
    private static let known: [(name: String, dtype: DType)] = [
        ("BOOL", .bool), ("U8", .uint8), ("I8", .int8), ("F8_E5M2", .float8e5m2), ("F8_E4M3", .float8e4m3),
        ("I16", .int16), ("U16", .uint16), ("F16", .float16), ("BF16", .bfloat16), ("I32", .int32), ("U32", .uint32),
        ("F32", .float32), ("C64", .complex64), ("F64", .float64), ("I64", .int64), ("U64", .uint64),
    ]

    let name: String
    let dtype: DType
    let rank: Int

    init?(name: String) {
        self.init { $0.name == name }
    }

    /// Nil for `complex128`, which the format lacks.
    init?(_ dtype: DType) {
        self.init { $0.dtype == dtype }
    }

    private init?(where matches: ((name: String, dtype: DType)) -> Bool) {
        guard let rank = Self.known.firstIndex(where: matches) else { return nil }
        self.rank = rank
        (name, dtype) = Self.known[rank]
    }
}
