import CZlib

/// A CRC-32 as zip archives have it, of bytes that need not be in memory together.
public struct Checksum: Hashable, Sendable {
    /// The sum.
    public let value: UInt32
    /// How many bytes it is of.
    public let count: Int

    /// A sum that is known.
    public init(value: UInt32, count: Int) {
        self.value = value
        self.count = count
    }

    /// The sum of bytes.
    public init(of bytes: [UInt8]) {
        value = bytes.withUnsafeBufferPointer {
            // zlib takes no address for a wish to begin anew.
            $0.isEmpty ? 0 : UInt32(truncatingIfNeeded: crc32_z(0, $0.baseAddress, $0.count))
        }
        count = bytes.count
    }

    /// The sum of these bytes and of others that follow them.
    public func followed(by next: Checksum) -> Checksum {
        Checksum(
            value: UInt32(truncatingIfNeeded: crc32_combine(UInt(value), UInt(next.value), next.count)),
            count: count + next.count)
    }
}
