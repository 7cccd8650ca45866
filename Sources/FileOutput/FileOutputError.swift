#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Why a file could not be written. Nothing half-written is left behind.
public enum FileOutputError: Error, Hashable, Sendable {
    /// The path is empty or holds a zero byte.
    case invalidPath(String)
    /// The folder that the file should lie in does not exist.
    case folderMissing(path: String, folder: String)
    /// There is a folder where the file should be.
    case isFolder(path: String)
    /// Standard output should take a file, and is a terminal.
    case isTerminal
    /// The system declined: `operation` says what was tried ("create", "write", …), `code` is its `errno`.
    case failed(operation: String, path: String, code: Int32)
}

extension FileOutputError: CustomStringConvertible {
    /// One line: what is wrong and what to do.
    public var description: String {
        switch self {
        case .invalidPath(let path):
            path.isEmpty
                ? "The output path is empty: name a file."
                : "The output path \(path.debugDescription) holds a zero byte: name a file."
        case .folderMissing(let path, let folder):
            "Cannot write '\(path)': the folder '\(folder)' does not exist. Create it first or name another."
        case .isFolder(let path):
            "Cannot write '\(path)': it is a folder. Name a file in it."
        case .isTerminal:
            "Standard output is a terminal, which no file should go to: name a file, or send it on with '>' or '|'."
        case .failed(let operation, let path, let code):
            "Cannot \(operation) '\(path)': \(String(cString: strerror(code))). \(Self.advice(for: code))"
        }
    }

    private static func advice(for code: Int32) -> String {
        switch code {
        case EACCES, EPERM, EROFS: "Choose a folder that you may write to."
        case ENOSPC, EDQUOT: "Free some space there or choose another disk."
        case EFBIG: "The file is larger than the file system or the file-size limit allows."
        case ENAMETOOLONG: "Choose a shorter name."
        case ENOTDIR: "A part of the path before the last is a file, not a folder."
        case EMFILE, ENFILE: "Too many files are open: close some or raise the limit (ulimit -n)."
        case EBADF: "The program was started with it closed."
        case EPIPE: "The program that reads from here has ended."
        default: "Check the path and the disk."
        }
    }
}
