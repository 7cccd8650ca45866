/// The frame of a record: TFRecord, as event files have it.
enum EventRecord {
    /// Length, checksum of the length, content, checksum of the content; numbers are little-endian.
    static func framed(_ content: [UInt8]) -> [UInt8] {
        let length = littleEndian(UInt64(content.count))
        return length + littleEndian(maskedChecksum(of: length)) + content
            + littleEndian(maskedChecksum(of: content))
    }

    /// The format masks checksums, since one of bytes that hold their own checksum says little.
    static func maskedChecksum(of bytes: [UInt8]) -> UInt32 {
        let checksum = CRC32C.checksum(of: bytes)
        return (checksum >> 15 | checksum << 17) &+ 0xa282_ead8
    }

    private static func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { [UInt8]($0) }
    }
}

/// CRC-32C (Castagnoli), as in RFC 3720, appendix B.4. zlib's CRC-32 has another polynomial.
enum CRC32C {
    /// What each value of a byte does to the checksum.
    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0x82f6_3b78 : value >> 1 }
    }

    /// The checksum of bytes.
    static func checksum(of bytes: [UInt8]) -> UInt32 {
        table.withUnsafeBufferPointer { table in
            bytes.withUnsafeBufferPointer { bytes in
                var checksum = UInt32.max
                for byte in bytes { checksum = table[Int(UInt8(truncatingIfNeeded: checksum) ^ byte)] ^ checksum >> 8 }
                return ~checksum
            }
        }
    }
}
