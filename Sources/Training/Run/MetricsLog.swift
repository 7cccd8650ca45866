import FileOutput
import Foundation

/// `metrics.jsonl`: a JSON object a line for what was reported, each once, however often the run was stopped.
final class MetricsLog {
    /// How many lines there are.
    private(set) var count: Int
    private let file: GrowingFile

    /// Goes on after the first lines of a file; the steps of the others, and of one that breaks off, are done again.
    ///
    /// - Parameters:
    ///   - path: The file; it may be absent.
    ///   - lines: How many lines to keep.
    /// - Throws: `FileOutputError` where it cannot be written.
    init(path: String, keeping lines: Int) throws(FileOutputError) {
        let content = FileManager.default.contents(atPath: path).map { [UInt8]($0) } ?? []
        var end = 0
        count = 0
        while count < lines, let next = content[end...].firstIndex(of: UInt8(ascii: "\n")) {
            count += 1
            end = next + 1
        }
        if end < content.count { try AtomicFile.write(Array(content[..<end]), to: path) }
        file = try GrowingFile(path: path)
    }

    /// Appends a line.
    func append(_ values: [(key: String, value: Double)]) throws(FileOutputError) {
        let fields = values.map { key, value in "\"\(key)\":" + Self.text(of: value) }
        try file.append("{" + fields.joined(separator: ",") + "}")
        count += 1
    }

    /// Waits until all lines are on the disk.
    func synchronize() throws(FileOutputError) { try file.synchronize() }

    /// The shortest text that reads back as exactly this number; null where it is none.
    static func text(of value: Double) -> String {
        if !value.isFinite { return "null" }
        if value == value.rounded(), abs(value) < 1e15 { return String(Int(value)) }
        return String(value)
    }
}
