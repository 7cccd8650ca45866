public import Torch

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A file whose bytes stand in memory without having been read: pages come from the disk when they are first touched.
///
/// Tensors keep the object alive through ``TensorRecord/tensor()``. A file that another program truncates meanwhile
/// ends this one with SIGBUS: checkpoints are replaced by renaming, never written in place.
public final class MappedFile {
    /// The path, as the user wrote it.
    public let path: String

    /// How many bytes the file has.
    public let count: Int

    let bytes: UnsafeRawBufferPointer
    private let isMapped: Bool

    /// Maps a whole file, for reading only.
    ///
    /// - Parameter path: The path of a regular file.
    /// - Throws: ``CheckpointError`` where there is no such file, it is empty, or the system refuses it.
    public init(path: String) throws(CheckpointError) {
        func failure(_ problem: CheckpointError.Problem) -> CheckpointError { CheckpointError(file: path, problem) }
        func systemFailure() -> CheckpointError {
            errno == ENOENT || errno == ENOTDIR
                ? failure(.absent) : failure(.unreadable(reason: String(cString: strerror(errno))))
        }
        guard !path.isEmpty, !path.utf8.contains(0) else { throw failure(.absent) }
        // Without O_NONBLOCK a named pipe would wait for its writer.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw systemFailure() }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw systemFailure() }
        switch status.st_mode & S_IFMT {
        case S_IFREG: break
        case S_IFDIR: throw failure(.isFolder)
        case S_IFIFO:
            throw failure(.unreadable(reason: "it is a pipe, of which nothing can be mapped; save it to a file first"))
        default: throw failure(.unreadable(reason: "it is a device and not a file"))
        }
        guard status.st_size > 0 else { throw failure(.empty) }
        guard let start = mmap(nil, Int(status.st_size), PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED
        else {
            throw errno == ENOMEM ? failure(.unmappable(bytes: Int(status.st_size))) : systemFailure()
        }
        self.path = path
        count = Int(status.st_size)
        bytes = UnsafeRawBufferPointer(start: start, count: count)
        isMapped = true
    }

    /// Stands in for a file whose bytes are in memory.
    ///
    /// - Parameters:
    ///   - content: The bytes, which are copied.
    ///   - name: What errors call it.
    /// - Throws: ``CheckpointError`` where there are no bytes.
    package init(content: some Collection<UInt8>, name: String) throws(CheckpointError) {
        guard !content.isEmpty else { throw CheckpointError(file: name, .empty) }
        // The alignment of a page, as a mapping has it.
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: content.count, alignment: 4096)
        copy.copyBytes(from: content)
        path = name
        count = copy.count
        bytes = UnsafeRawBufferPointer(copy)
        isMapped = false
    }

    deinit {
        if isMapped {
            munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), count)
        } else {
            bytes.deallocate()
        }
    }

    /// The bytes of a range, which the caller must not use beyond the life of this object; nil outside the file.
    func slice(at offset: Int, count length: Int) -> UnsafeRawBufferPointer? {
        guard offset >= 0, length >= 0, offset <= count, length <= count - offset else { return nil }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + length])
    }

    /// Asks the system to read some of the bytes ahead, in one go instead of page by page as they are touched.
    func willNeed(_ bytes: UnsafeRawBufferPointer) { advise(bytes, MADV_WILLNEED) }

    private func advise(_ bytes: UnsafeRawBufferPointer, _ advice: CInt) {
        guard isMapped, let start = bytes.baseAddress else { return }
        let surplus = Int(bitPattern: start) % sysconf(CInt(_SC_PAGESIZE))
        // Only a hint: whatever comes of it, the bytes are there.
        madvise(UnsafeMutableRawPointer(mutating: start - surplus), bytes.count + surplus, advice)
    }

    func corrupt(_ what: String) -> CheckpointError { CheckpointError(file: path, .corrupt(what)) }
    func unsupported(_ what: String) -> CheckpointError { CheckpointError(file: path, .unsupported(what)) }
}

extension MappedFile: RereadableMemory {
    /// Takes pages out of memory; they stay in the system's cache of the file as long as there is room.
    public func discard(_ bytes: UnsafeRawBufferPointer) { advise(bytes, MADV_DONTNEED) }
}

// The memory is read-only from the end of `init` to `deinit`, and every other stored property is a constant value.
extension MappedFile: @unchecked Sendable {}
