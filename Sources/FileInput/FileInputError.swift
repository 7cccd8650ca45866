#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Why a file could not be read. Whoever asked for the file says which one, and what it was wanted for.
package enum FileInputError: Error, Hashable, Sendable {
    /// There is no such file.
    case absent
    /// It is a pipe that holds nothing and that nobody writes to.
    case abandonedPipe
    /// The system declined, for the `errno` `code`.
    case failed(code: Int32)
}

extension FileInputError: CustomStringConvertible {
    /// What is wrong, without a full stop.
    package var description: String {
        switch self {
        case .absent: "there is no such file"
        case .abandonedPipe: "it is an empty pipe that nobody writes to"
        case .failed(let code): String(cString: strerror(code))
        }
    }
}
