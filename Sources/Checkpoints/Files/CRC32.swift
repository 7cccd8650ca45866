import CZlib

/// The CRC-32 of zip archives, PNG and gzip: finds damage by accident, not by intent.
struct CRC32 {
    /// Of all that was taken so far.
    private(set) var value: UInt32 = 0

    /// The checksum of some bytes.
    init(of bytes: UnsafeRawBufferPointer) { take(bytes) }

    /// The checksum of no bytes yet.
    init() {}

    /// Takes in more bytes.
    mutating func take(_ bytes: UnsafeRawBufferPointer) {
        // zlib takes no address for a wish to begin anew.
        guard let start = bytes.baseAddress else { return }
        value = UInt32(
            truncatingIfNeeded: crc32_z(UInt(value), start.assumingMemoryBound(to: UInt8.self), bytes.count))
    }
}
