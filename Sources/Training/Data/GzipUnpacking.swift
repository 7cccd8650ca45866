import CZlib

/// Unpacks gzip data that come piece by piece: one member or several, as `pigz` and `cat a.gz b.gz` make them.
final class GzipUnpacking {
    /// What became of a step.
    enum Outcome {
        case bytes([UInt8])
        /// More input is needed first.
        case hungry
        /// The data break gzip's rules, or a checksum is wrong.
        case damaged
    }

    /// Whether all that came so far is whole: the data may end here.
    private(set) var isBetweenMembers = false

    private let stream: UnsafeMutablePointer<z_stream>
    private var input: [UInt8]
    private var position = 0
    private var output = [UInt8](repeating: 0, count: 1 << 16)

    /// Nil where memory has run out.
    ///
    /// - Parameter start: The first bytes.
    init?(_ start: [UInt8]) {
        input = start
        // zlib keeps the address of its state, which must therefore not move.
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // 16 more than the window's bits: gzip's header and checksum, not zlib's.
        let size = Int32(MemoryLayout<z_stream>.size)
        guard inflateInit2_(stream, 15 + 16, ZLIB_VERSION, size) == Z_OK else { return nil }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Adds input; all before it must have been used.
    func feed(_ bytes: [UInt8]) {
        input = bytes
        position = 0
    }

    /// The next unpacked bytes: at least 1, at most `limit`.
    func bytes(upTo limit: Int) -> Outcome {
        if isBetweenMembers {
            // Tapes and some programs fill the end with zeros.
            while position < input.count, input[position] == 0 { position += 1 }
        }
        guard position < input.count else { return .hungry }
        if isBetweenMembers {
            inflateReset(stream)
            isBetweenMembers = false
        }
        let room = min(limit, output.count)
        let status = input.withUnsafeMutableBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output in
                stream.pointee.next_in = input.baseAddress?.advanced(by: position)
                stream.pointee.avail_in = UInt32(input.count - position)
                stream.pointee.next_out = output.baseAddress
                stream.pointee.avail_out = UInt32(room)
                return inflate(stream, Z_NO_FLUSH)
            }
        }
        position = input.count - Int(stream.pointee.avail_in)
        if status == Z_STREAM_END { isBetweenMembers = true }
        // Without progress there is nothing wrong with the data: they only have not come yet.
        guard status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR else { return .damaged }
        return .bytes(Array(output[..<(room - Int(stream.pointee.avail_out))]))
    }
}
