import Foundation

/// The first bytes of a file, by which its kind is told.
enum FileStart {
    /// At most 16 bytes; none where the file cannot be read.
    static func bytes(of path: String) -> [UInt8] {
        guard let handle = FileHandle(forReadingAtPath: path) else { return [] }
        defer { try? handle.close() }
        return (try? handle.read(upToCount: 16)).map { Array($0) } ?? []
    }
}
