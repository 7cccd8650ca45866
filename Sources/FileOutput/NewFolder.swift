#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A folder that was not there before, and goes again unless it is kept.
public final class NewFolder {
    private let unfinished: UnfinishedFile

    /// Makes the folder.
    ///
    /// - Parameter path: Its place. The folder that it lies in must exist.
    /// - Throws: ``FileOutputError`` where the system declines.
    public init(path: String) throws(FileOutputError) {
        guard mkdir(path, 0o777) == 0 else { throw .failed(operation: "make the folder", path: path, code: errno) }
        unfinished = UnfinishedFile(path: path)
    }

    /// From now on the folder stays.
    public func keep() { unfinished.finish() }

    /// Removes the folder if it is empty and was not kept.
    public func remove() { unfinished.remove() }
}
