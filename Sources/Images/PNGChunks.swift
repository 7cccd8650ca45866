import CZlib

/// The chunks of a PNG file, in order, up to the end or to where the file breaks off.
struct PNGChunks {
    static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

    /// A chunk, by its place in the file.
    struct Chunk {
        /// Four ASCII letters.
        let type: String
        /// The content, without length, type and checksum.
        let content: Range<Int>

        /// All of it.
        var whole: Range<Int> { content.lowerBound - 8..<content.upperBound + 4 }
    }

    /// The chunks that lie in the file whole.
    private(set) var chunks: [Chunk] = []

    /// Whether the file goes on to its `IEND`.
    var isWhole: Bool { chunks.last?.type == "IEND" }

    init(of bytes: [UInt8]) {
        guard bytes.starts(with: Self.signature) else { return }
        var position = Self.signature.count
        while position + 12 <= bytes.count {
            let length = (0..<4).reduce(0) { $0 << 8 | Int(bytes[position + $1]) }
            let start = position + 8
            guard length <= bytes.count - start - 4 else { return }
            let type = String(decoding: bytes[position + 4..<start], as: UTF8.self)
            chunks.append(Chunk(type: type, content: start..<start + length))
            if type == "IEND" { return }
            position = start + length + 4
        }
    }

    func first(_ type: String) -> Chunk? { chunks.first { $0.type == type } }

    /// Whether the chunk's checksum fits.
    static func isIntact(_ chunk: Chunk, in bytes: [UInt8]) -> Bool {
        let end = chunk.content.upperBound
        let stored = bytes[end..<end + 4].reduce(0) { $0 << 8 | UInt($1) }
        return stored == checksum(of: bytes[chunk.content.lowerBound - 4..<end])
    }

    /// A chunk's bytes: length, type, content, checksum.
    static func encoded(_ type: String, _ content: [UInt8]) -> [UInt8] {
        let body = Array(type.utf8) + content
        return bigEndian(UInt(content.count)) + body + bigEndian(checksum(of: body[...]))
    }

    private static func bigEndian(_ value: UInt) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    private static func checksum(of bytes: ArraySlice<UInt8>) -> UInt {
        bytes.withUnsafeBufferPointer { UInt(crc32(0, $0.baseAddress, UInt32($0.count))) }
    }
}
