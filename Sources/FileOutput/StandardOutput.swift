#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The program's standard output, for results that are bytes (`-o -`).
public enum StandardOutput {
    /// The path by which an ``AtomicFile`` writes to it.
    public static let path = "/dev/stdout"

    /// Whether a terminal shows it.
    public static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    /// Writes bytes, all of them.
    ///
    /// - Parameter bytes: Any number of bytes.
    /// - Throws: ``FileOutputError`` where the reader has gone or the disk behind it is full.
    public static func write(_ bytes: [UInt8]) throws(FileOutputError) {
        let code = bytes.withUnsafeBytes { writeAll($0, to: STDOUT_FILENO) }
        if let code { throw .failed(operation: "write", path: "standard output", code: code) }
    }
}

/// Writes until everything is written; returns the `errno` of a failure.
func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int32? {
    var rest = bytes
    while !rest.isEmpty {
        let written = write(descriptor, rest.baseAddress, rest.count)
        if written < 0 {
            if errno == EINTR { continue }
            return errno
        }
        rest = UnsafeRawBufferPointer(rebasing: rest[written...])
    }
    return nil
}
