import FileOutput
import Foundation

/// Which pictures a process has written, and their checksums: a line for each, `17 0a1b2c3d`, that is appended after the
/// picture is in the file.
final class PictureJournal {
    private let file: GrowingFile

    /// What a journal of a process is called.
    static func name(rank: Int, count: Int) -> String { "\(prefix)\(rank)-of-\(count)\(suffix)" }

    private static let prefix = "done-"
    private static let suffix = ".txt"

    /// The journals in a folder, in the order of their names.
    static func names(in folder: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { $0.hasPrefix(prefix) && $0.hasSuffix(suffix) }.sorted()
    }

    /// Opens a journal, as the only one who writes to it.
    ///
    /// - Parameters:
    ///   - path: Its path.
    ///   - archive: What it is of, for the message.
    /// - Throws: ``PictureArchiveError/goesOn(_:journal:)``, `FileOutputError`.
    init(path: String, of archive: String) throws {
        file = try GrowingFile(path: path)
        guard file.claim() else { throw PictureArchiveError.goesOn(archive, journal: path) }
        // A machine that lost power may have left part of a line, which the next line would be glued to.
        try file.shorten(to: Self.wholeLines(of: path).count)
    }

    /// Appends lines.
    func append(_ checksums: [(number: Int, value: UInt32)]) throws {
        let lines = checksums.map { "\($0.number) \(PictureArchiveRecord.digits($0.value))\n" }
        try file.append(Array(lines.joined().utf8))
    }

    private static func wholeLines(of path: String) -> Data {
        let content = FileManager.default.contents(atPath: path) ?? Data()
        return content.lastIndex(of: UInt8(ascii: "\n")).map { content[...$0] } ?? Data()
    }

    /// What a journal tells: numbers and checksums in the order of writing. A line that makes no sense tells nothing.
    static func lines(of path: String) -> [(number: Int, value: UInt32)] {
        wholeLines(of: path).split(separator: UInt8(ascii: "\n")).compactMap { line in
            let parts = line.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
            guard parts.count == 2, let number = Int(parts[0]), parts[1].utf8.count == 8,
                let value = UInt32(parts[1], radix: 16)
            else { return nil }
            return (number, value)
        }
    }
}
