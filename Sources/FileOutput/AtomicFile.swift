#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A file that appears under its name only when it is whole.
///
/// The bytes go to a hidden temporary file in the same folder, which ``commit()`` renames; an existing file stays as it
/// was until then. Without a commit the temporary file is removed: by ``discard()``, when the value is released, or by
/// ``removeUnfinishedFiles()`` when a signal ends the program. A symbolic link is followed, so that what it points to is
/// replaced and not the link. Devices and pipes (`/dev/null`) cannot be renamed over: they are written to directly, opened
/// when there are bytes, and a pipe then waits for its reader. ``StandardOutput/path`` is written to directly too, whatever
/// lies behind it.
///
/// ```swift
/// try AtomicFile.write(to: "picture.png") { file in
///     try file.append(header)
///     try file.append(pixels)
/// }
/// ```
public final class AtomicFile {
    /// The path that the file will have.
    public let path: String
    /// How many bytes have been appended so far.
    public private(set) var count = 0

    private let destination: String
    private let unfinished: UnfinishedFile?
    /// Negative for a device or pipe that has not been opened yet, and when all is done.
    private var descriptor: Int32
    private var isDone = false

    /// Starts a file that will be at `path`.
    ///
    /// - Parameter path: Where the file will be. Its folder must exist.
    /// - Throws: ``FileOutputError`` where the folder is absent or cannot be written to, or `path` is a folder.
    public init(path: String) throws(FileOutputError) {
        guard !path.isEmpty, !path.utf8.contains(0) else { throw .invalidPath(path) }
        self.path = path
        if path == StandardOutput.path {
            // Not by its name: where it is a file, others may have written to it before us.
            destination = path
            unfinished = nil
            descriptor = dup(STDOUT_FILENO)
            guard descriptor >= 0 else { throw .failed(operation: "open", path: path, code: errno) }
            return
        }
        let existing = Self.kind(of: path)
        // Found now, not when a long work is to get its name: a name that is too long, links in a circle.
        let obstacle = existing == nil && errno != ENOENT ? errno : nil
        if existing == S_IFDIR || path.hasSuffix("/") { throw .isFolder(path: path) }
        if let obstacle { throw .failed(operation: "create", path: path, code: obstacle) }
        if let existing, existing != S_IFREG {
            destination = path
            unfinished = nil
            // Not opened only to see whether it can be: a pipe's reader would take that for the end of the file.
            descriptor = -1
            guard access(path, W_OK) == 0 else { throw .failed(operation: "open", path: path, code: errno) }
            return
        }
        destination = Self.resolved(path)
        let folder = Self.folder(of: destination)
        if Self.kind(of: folder) == nil, errno == ENOENT { throw .folderMissing(path: path, folder: folder) }
        (descriptor, unfinished) = try Self.openTemporary(in: folder, for: path)
    }

    deinit { discard() }

    /// Appends bytes.
    ///
    /// - Parameter bytes: Any number of bytes.
    /// - Throws: ``FileOutputError`` where the disk is full or fails. The file can only be discarded then.
    public func append(_ bytes: UnsafeRawBufferPointer) throws(FileOutputError) {
        let code = try writeAll(bytes, to: openDescriptor())
        if let code { throw .failed(operation: "write", path: path, code: code) }
        count += bytes.count
    }

    /// Appends bytes.
    ///
    /// - Parameter bytes: Any number of bytes.
    /// - Throws: ``FileOutputError`` where the disk is full or fails. The file can only be discarded then.
    public func append(_ bytes: [UInt8]) throws(FileOutputError) {
        try bytes.withUnsafeBufferPointer { (buffer) throws(FileOutputError) in
            try append(UnsafeRawBufferPointer(buffer))
        }
    }

    /// Whether ``overwriteStart(_:)`` is possible: not for devices and pipes.
    public var canOverwrite: Bool { unfinished != nil }

    /// Replaces the first bytes, where only the end of the work tells what they are.
    ///
    /// - Parameter bytes: At most as many as have been appended. Traps where there are more.
    /// - Throws: ``FileOutputError`` where the disk fails, or the file is a device or a pipe.
    public func overwriteStart(_ bytes: [UInt8]) throws(FileOutputError) {
        precondition(bytes.count <= count, "\(bytes.count) bytes cannot replace \(count)")
        let descriptor = try openDescriptor()
        var written = 0
        while written < bytes.count {
            let more = bytes.withUnsafeBytes {
                pwrite(descriptor, $0.baseAddress?.advanced(by: written), bytes.count - written, off_t(written))
            }
            if more < 0, errno == EINTR { continue }
            guard more > 0 else { throw .failed(operation: "write", path: path, code: more < 0 ? errno : EIO) }
            written += more
        }
    }

    /// Waits until what was appended is on the disk: for several files that are then committed one right after the other.
    ///
    /// - Throws: ``FileOutputError`` where the disk is full or fails. The file can only be discarded then.
    public func synchronize() throws(FileOutputError) {
        let descriptor = try openDescriptor()
        if unfinished != nil, fsync(descriptor) != 0 { throw .failed(operation: "write", path: path, code: errno) }
    }

    /// Gives the file its name. Nothing can be appended afterwards.
    ///
    /// - Parameter durably: Whether to wait until the bytes are on the disk, so that a loss of power just after the
    ///   renaming cannot leave an empty file. Costs some milliseconds a file.
    /// - Throws: ``FileOutputError`` where the disk is full or fails; the file is discarded then.
    public func commit(durably: Bool = true) throws(FileOutputError) {
        defer { discard() }
        if durably { try synchronize() }
        // Network file systems report a full disk only here.
        let closed = close(try openDescriptor())
        descriptor = -1
        guard closed == 0 || errno == EINTR else { throw .failed(operation: "write", path: path, code: errno) }
        guard let unfinished else { return }
        guard rename(unfinished.path, destination) == 0 else {
            throw .failed(operation: "rename the finished file to", path: path, code: errno)
        }
        unfinished.finish()
    }

    /// Gives the file its name unless there is a file of that name: of several processes, one is first.
    ///
    /// - Returns: Whether this one was; otherwise it is discarded.
    /// - Throws: ``FileOutputError`` where the disk is full or fails, or the path is a device's or a pipe's.
    public func commitIfAbsent() throws(FileOutputError) -> Bool {
        defer { discard() }
        guard let unfinished else { throw .failed(operation: "create", path: path, code: EEXIST) }
        try synchronize()
        if link(unfinished.path, destination) == 0 { return true }
        guard errno == EEXIST else { throw .failed(operation: "create", path: path, code: errno) }
        return false
    }

    /// Removes what was written. Does nothing after a commit.
    public func discard() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
        isDone = true
        unfinished?.remove()
    }

    private func openDescriptor() throws(FileOutputError) -> Int32 {
        precondition(!isDone, "'\(path)' was committed or discarded before")
        if descriptor < 0 { descriptor = open(destination, O_WRONLY | O_CLOEXEC) }
        guard descriptor >= 0 else { throw .failed(operation: "open", path: path, code: errno) }
        return descriptor
    }

    /// Writes a file whose bytes `body` appends; it appears once `body` has returned.
    ///
    /// - Parameters:
    ///   - path: Where the file will be. Its folder must exist.
    ///   - durably: Whether to wait until the bytes are on the disk; see ``commit(durably:)``.
    ///   - body: Appends the bytes. Nothing is left behind when it throws.
    /// - Returns: What `body` returns.
    /// - Throws: ``FileOutputError``, or what `body` throws.
    public static func write<Result>(
        to path: String, durably: Bool = true, _ body: (AtomicFile) throws -> Result
    ) throws -> Result {
        let file = try AtomicFile(path: path)
        defer { file.discard() }
        let result = try body(file)
        try file.commit(durably: durably)
        return result
    }

    /// Writes a file of the given bytes.
    ///
    /// - Parameters:
    ///   - bytes: The content of the file.
    ///   - path: Where the file will be. Its folder must exist.
    ///   - durably: Whether to wait until the bytes are on the disk; see ``commit(durably:)``.
    /// - Throws: ``FileOutputError`` where the file cannot be written.
    public static func write(_ bytes: [UInt8], to path: String, durably: Bool = true) throws(FileOutputError) {
        let file = try AtomicFile(path: path)
        try file.append(bytes)
        try file.commit(durably: durably)
    }

    /// Removes the temporary files that programs left in a folder when they were killed or lost power.
    ///
    /// - Parameter folder: One in which nobody else is writing: a file that is being written is not told apart.
    public static func removeAbandonedFiles(in folder: String) {
        guard let directory = opendir(folder) else { return }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
                tuple.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: tuple.pointee)) {
                    String(cString: $0)
                }
            }
            if name.hasPrefix(temporaryPrefix), name.hasSuffix(temporarySuffix) { unlink(folder + "/" + name) }
        }
    }

    /// Removes the temporary files of every file that is being written, in whatever thread.
    ///
    /// For a signal handler that ends the program: it only calls `unlink` on paths kept for this purpose.
    public static func removeUnfinishedFiles() { UnfinishedFile.removeAll() }
}

extension AtomicFile {
    /// The file type bits of what is at `path`, links followed; nil, with `errno`, where there is nothing.
    private static func kind(of path: String) -> mode_t? {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & S_IFMT : nil
    }

    /// Where links lead, also to a file that is not there yet. Links in a circle have been refused before.
    private static func resolved(_ path: String) -> String {
        if let absolute = realpath(path, nil) {
            defer { free(absolute) }
            return String(cString: absolute)
        }
        var letters = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &letters, letters.count)
        guard count > 0 else { return path }
        let target = String(decoding: letters[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
        return resolved(target.hasPrefix("/") ? target : folder(of: path) + "/" + target)
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static let temporaryPrefix = ".mvar-"
    private static let temporarySuffix = ".tmp"

    private static func openTemporary(
        in folder: String, for path: String
    ) throws(FileOutputError) -> (Int32, UnfinishedFile) {
        while true {
            // The name does not grow with the file's, which may already be as long as names can be.
            let suffix = String(UInt64.random(in: 0 ... .max), radix: 36)
            let temporary = "\(folder == "/" ? "" : folder)/\(temporaryPrefix)\(suffix)\(temporarySuffix)"
            // Listed before it exists: a signal between the two finds nothing to remove, never a file it does not know.
            let unfinished = UnfinishedFile(path: temporary)
            let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
            if descriptor >= 0 { return (descriptor, unfinished) }
            let code = errno
            unfinished.finish()
            if code != EEXIST { throw .failed(operation: "create", path: path, code: code) }
        }
    }
}
