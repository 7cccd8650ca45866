import Foundation

/// The three streams that every program is given.
enum StandardStreams {
    /// Fills the places of those that the caller has closed (`mvar … >&-`): otherwise the next file to be opened gets a
    /// closed stream's number, and what is printed lands in that file.
    ///
    /// The null device is opened the wrong way round, so that using a closed stream is still an error.
    static func fillGaps() {
        // In ascending order, since a file gets the lowest number that is free.
        for stream in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(stream, F_GETFD) < 0 {
            _ = open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY)
        }
    }
}
