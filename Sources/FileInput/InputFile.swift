#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A file that is read once, from its beginning to its end: so it may also be a pipe, as `<(command)` is in a shell.
///
/// Opening never waits: a named pipe that nobody writes to is an error, where a plain `open` would hang.
package final class InputFile {
    /// The number of bytes, of a regular file.
    package let size: Int?

    private let descriptor: Int32
    private let isPipe: Bool
    private var hasBegun = false

    /// Opens a file.
    ///
    /// - Parameter path: A regular file, a device or a pipe.
    /// - Throws: ``FileInputError`` where there is none, or the system declines.
    package init(path: String) throws(FileInputError) {
        guard !path.isEmpty, !path.utf8.contains(0) else { throw .absent }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw errno == ENOENT || errno == ENOTDIR ? .absent : .failed(code: errno) }
        self.descriptor = descriptor
        var status = stat()
        let kind = fstat(descriptor, &status) == 0 ? status.st_mode & S_IFMT : 0
        isPipe = kind == S_IFIFO
        size = kind == S_IFREG ? Int(status.st_size) : nil
    }

    deinit { close(descriptor) }

    /// The next bytes.
    ///
    /// - Parameter count: How many to wait for.
    /// - Returns: As many; fewer at the end.
    /// - Throws: ``FileInputError`` where the system declines, or nobody writes to the pipe.
    package func read(_ count: Int) throws(FileInputError) -> [UInt8] {
        var failure: FileInputError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count, let start = buffer.baseAddress {
                let received = systemRead(descriptor, start + filled, count - filled)
                if received < 0, errno == EINTR { continue }
                if received < 0, errno == EAGAIN {
                    // There is a writer, which only has nothing to say yet. From here on reading may wait.
                    guard fcntl(descriptor, F_SETFL, 0) == 0 else {
                        failure = .failed(code: errno)
                        return
                    }
                    hasBegun = true
                    continue
                }
                if received < 0 { failure = .failed(code: errno) }
                if received == 0, isPipe, !hasBegun { failure = .abandonedPipe }
                if received <= 0 { return }
                hasBegun = true
                filled += received
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Passes over the next bytes of a regular file, be there as many or not.
    package func skip(_ count: Int) throws(FileInputError) {
        guard lseek(descriptor, off_t(count), SEEK_CUR) >= 0 else { throw .failed(code: errno) }
    }

    /// A part of a regular file; any number of threads may read others of the same.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - offset: Where the part begins.
    ///   - count: How long it is.
    /// - Returns: Its bytes; fewer where the file ends earlier.
    /// - Throws: ``FileInputError`` where there is no such file, or the system declines.
    package static func part(of path: String, at offset: Int, count: Int) throws(FileInputError) -> [UInt8] {
        // Opened for every part: a data set may have more archives than a process may have open files.
        let file = try InputFile(path: path)
        try file.skip(offset)
        return try file.read(count)
    }

    /// The number of bytes of a file that need not be opened for it; nil where that is not known.
    package static func size(of path: String) -> Int? {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : nil
    }
}

/// The method's own name hides the function.
private func systemRead(_ descriptor: Int32, _ buffer: UnsafeMutablePointer<UInt8>, _ count: Int) -> Int {
    read(descriptor, buffer, count)
}
