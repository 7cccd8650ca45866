import Foundation

/// A text that names pictures: on every line a path, a tab and a class. Paths are relative to the text's own folder.
struct PictureList {
    private static let largestList = 1 << 30

    private let stream: DataStream

    init(_ stream: DataStream) { self.stream = stream }

    /// Whether a file begins like a text.
    static func begins(_ start: [UInt8]) -> Bool {
        // Tab, line feed, carriage return; any byte of UTF-8 above them.
        start.allSatisfy { $0 >= 0x20 && $0 != 0x7F || [0x09, 0x0A, 0x0D].contains($0) }
    }

    /// Calls `body` with every picture, in the order of the lines.
    ///
    /// - Parameter body: Gets the pictures.
    /// - Returns: Whether `body` wants more.
    /// - Throws: ``DataError`` for the first line that has not this form or names no file, before anything is decoded.
    func forEachPicture(_ body: PictureSource.Visitor) throws(DataError) -> Bool {
        for (className, file) in try lines() {
            guard try body(FoundPicture(className: className, name: file, content: .file(file))) else { return false }
        }
        return true
    }

    private func lines() throws(DataError) -> [(className: String, file: String)] {
        var bytes: [UInt8] = []
        while true {
            let more = try stream.read(1 << 20)
            if more.isEmpty { break }
            bytes += more
            guard bytes.count <= Self.largestList else {
                throw .invalidList(path: stream.path, line: 1, reason: "it has more than \(Self.largestList) bytes")
            }
        }
        // Windows' editors begin with a mark.
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
        let folder = stream.path.lastIndex(of: "/").map { String(stream.path[...$0]) } ?? ""
        var pictures: [(className: String, file: String)] = []
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            func failure(_ reason: String) -> DataError {
                .invalidList(path: stream.path, line: index + 1, reason: reason)
            }
            let line = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
            if line.isEmpty { continue }
            guard let text = String(validating: line, as: UTF8.self) else { throw failure("it is no UTF-8") }
            let fields = text.split(separator: "\t", omittingEmptySubsequences: false)
                .map { $0.trimmingCharacters(in: .whitespaces) }
            guard fields.count == 2, !fields[0].isEmpty, !fields[1].isEmpty else {
                throw failure("it is not a path, a tab and a class, as in cats/1.jpg<tab>cat")
            }
            let file = fields[0].hasPrefix("/") ? fields[0] : folder + fields[0]
            guard FileManager.default.fileExists(atPath: file) else { throw failure("there is no file '\(file)'") }
            pictures.append((fields[1], file))
        }
        return pictures
    }
}
