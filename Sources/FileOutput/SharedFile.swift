#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A file of known size that is written in pieces, in any order and by several processes at once.
public final class SharedFile {
    /// Its path.
    public let path: String
    private let descriptor: Int32

    /// Opens the file, and makes it and room for all of it where that is still to be done.
    ///
    /// - Parameters:
    ///   - path: Its path. The folder must exist.
    ///   - size: How many bytes it has.
    /// - Throws: ``FileOutputError`` where the system declines, or there is no room.
    public init(path: String, size: Int) throws(FileOutputError) {
        self.path = path
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw .failed(operation: "open", path: path, code: errno) }
        try reserve(size)
    }

    deinit { close(descriptor) }

    #if canImport(Glibc)
        private typealias Allocation = @convention(c) (Int32, Int32, off_t, off_t) -> Int32

        /// Linux's `fallocate`, which Swift's Glibc does not show.
        private static let allocate = dlsym(nil, "fallocate").map { unsafeBitCast($0, to: Allocation.self) }
    #endif

    /// A disk that is too small says so here, and not after hours.
    private func reserve(_ size: Int) throws(FileOutputError) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .failed(operation: "open", path: path, code: errno) }
        #if canImport(Glibc)
            // Not `posix_fallocate`: where the file system cannot do it, that writes a byte into each page, over others'.
            while let allocate = Self.allocate, allocate(descriptor, 0, 0, off_t(size)) != 0 {
                if errno == EINTR { continue }
                if errno == EOPNOTSUPP || errno == ENOSYS { break }
                throw .failed(operation: "make room for \(size) bytes in", path: path, code: errno)
            }
        #endif
        guard status.st_size < off_t(size) else { return }
        guard ftruncate(descriptor, off_t(size)) == 0 else {
            throw .failed(operation: "make room for \(size) bytes in", path: path, code: errno)
        }
    }

    /// Writes a piece.
    ///
    /// - Parameters:
    ///   - bytes: Any number of bytes.
    ///   - offset: Where the first of them goes.
    /// - Throws: ``FileOutputError`` where the disk is full or fails.
    public func write(_ bytes: [UInt8], at offset: Int) throws(FileOutputError) {
        let code: Int32? = bytes.withUnsafeBytes { buffer in
            var written = 0
            while written < buffer.count {
                let more = pwrite(
                    descriptor, buffer.baseAddress?.advanced(by: written), buffer.count - written,
                    off_t(offset + written))
                if more < 0, errno == EINTR { continue }
                guard more > 0 else { return more < 0 ? errno : EIO }
                written += more
            }
            return nil
        }
        if let code { throw .failed(operation: "write", path: path, code: code) }
    }

    /// Reads a piece.
    ///
    /// - Parameters:
    ///   - count: How many bytes.
    ///   - offset: Where the first of them is.
    /// - Returns: As many.
    /// - Throws: ``FileOutputError`` where the disk fails, or the file ends before.
    public func read(_ count: Int, at offset: Int) throws(FileOutputError) -> [UInt8] {
        var code: Int32?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let more = pread(
                    descriptor, buffer.baseAddress?.advanced(by: filled), count - filled, off_t(offset + filled))
                if more < 0, errno == EINTR { continue }
                guard more > 0 else {
                    code = more < 0 ? errno : EIO
                    return
                }
                filled += more
            }
        }
        if let code { throw .failed(operation: "read", path: path, code: code) }
        return bytes
    }

    /// Waits until all that was written is on the disk.
    ///
    /// - Throws: ``FileOutputError`` where the disk is full or fails.
    public func synchronize() throws(FileOutputError) {
        guard fsync(descriptor) == 0 else { throw .failed(operation: "write", path: path, code: errno) }
    }
}
