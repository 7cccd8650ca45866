#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A file that grows by whole pieces, each in it as soon as it is appended: a log that outlives a killed program.
public final class GrowingFile {
    /// Its path.
    public let path: String
    private let descriptor: Int32

    /// Opens a file to append to.
    ///
    /// - Parameters:
    ///   - path: Its path. The folder must exist. Where there is no file it is made.
    ///   - isNew: Whether there may be none yet.
    /// - Throws: ``FileOutputError`` where the system declines.
    public init(path: String, isNew: Bool = false) throws(FileOutputError) {
        guard !path.isEmpty, !path.utf8.contains(0) else { throw .invalidPath(path) }
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (isNew ? O_EXCL : 0), 0o666)
        guard descriptor >= 0 else { throw .failed(operation: "open", path: path, code: errno) }
    }

    deinit { close(descriptor) }

    /// Appends a line.
    ///
    /// - Parameter line: Without the character that ends it.
    /// - Throws: ``FileOutputError`` where the disk is full or fails; what was written of the line is taken away again.
    public func append(_ line: String) throws(FileOutputError) { try append(Array((line + "\n").utf8)) }

    /// Appends a piece.
    ///
    /// - Parameter piece: Any number of bytes.
    /// - Throws: ``FileOutputError`` where the disk is full or fails; what was written of the piece is taken away again.
    public func append(_ piece: [UInt8]) throws(FileOutputError) {
        let before = lseek(descriptor, 0, SEEK_END)
        guard let code = piece.withUnsafeBytes({ writeAll($0, to: descriptor) }) else { return }
        if before >= 0 { _ = ftruncate(descriptor, before) }
        throw .failed(operation: "write", path: path, code: code)
    }

    /// Keeps the file for this process, for as long as this object lives; the system ends that with the process, however it
    /// ends. A file system without locks lets everybody have it.
    ///
    /// - Returns: Whether no other has it.
    public func claim() -> Bool { flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK }

    /// Takes away what is behind the first bytes.
    ///
    /// - Parameter count: How many bytes stay.
    /// - Throws: ``FileOutputError`` where the system declines.
    public func shorten(to count: Int) throws(FileOutputError) {
        guard ftruncate(descriptor, off_t(count)) == 0 else {
            throw .failed(operation: "write", path: path, code: errno)
        }
    }

    /// Waits until all pieces are on the disk.
    ///
    /// - Throws: ``FileOutputError`` where the disk is full or fails.
    public func synchronize() throws(FileOutputError) {
        // A device has nothing to wait for.
        guard fsync(descriptor) == 0 || errno == EINVAL else {
            throw .failed(operation: "write", path: path, code: errno)
        }
    }
}
