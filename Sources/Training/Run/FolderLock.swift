#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Keeps a second process out of a run's folder. The system takes the lock away with the process, however it ends.
final class FolderLock {
    private let descriptor: Int32

    /// - Parameters:
    ///   - folder: What is locked: there.
    ///   - run: The run that it belongs to, for the message.
    /// - Throws: ``TrainingError`` where another process, or another run of this one, has it.
    init(_ folder: String, ofRun run: String) throws(TrainingError) {
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw .unusableFolder(folder: run, reason: String(cString: strerror(errno)))
        }
        // A file system without locks is no reason not to train on it.
        if flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
            close(descriptor)
            throw .runGoesOn(folder: run)
        }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }
}
