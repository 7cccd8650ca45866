import FileOutput

/// Checks of files that are written at the end of long work.
enum Output {
    /// Throws unless a file can be written there.
    static func check(_ path: String) throws(FileOutputError) {
        // Starting a file meets every reason why it could not be written.
        try AtomicFile(path: path).discard()
    }
}
