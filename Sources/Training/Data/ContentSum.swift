import CZlib

/// A short text that tells contents apart: two sums by zlib, against mistakes and not against forgery.
struct ContentSum: CustomStringConvertible {
    private var sums: (UInt, UInt) = (crc32_z(0, nil, 0), adler32_z(0, nil, 0))

    mutating func add(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return }
        sums = (crc32_z(sums.0, start, bytes.count), adler32_z(sums.1, start, bytes.count))
    }

    mutating func add(_ text: String) {
        var text = text
        text.withUTF8 { add(UnsafeRawBufferPointer($0)) }
    }

    /// 16 hexadecimal digits.
    var description: String {
        let digits = String(UInt64(sums.0) << 32 | UInt64(sums.1), radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
