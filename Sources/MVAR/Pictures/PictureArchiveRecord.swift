import Foundation
import NumPyFiles

/// What decides the pictures of an archive: as texts, by key, such as `seed` and `top-k`.
///
/// It lies beside an archive that is not finished, and in a finished one as the comment of the zip file.
public struct PictureArchiveRecord: Hashable, Sendable {
    /// The facts by key.
    public let facts: [String: String]

    /// A record.
    public init(_ facts: [String: String]) { self.facts = facts }

    /// The seed of the pictures.
    public var seed: UInt64? { facts["seed"].flatMap { UInt64($0) } }

    /// Its form in files: an object of JSON on one line, keys in order.
    var text: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Texts by texts can always be encoded.
        return (try? encoder.encode(facts)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }

    /// Reads that form; nil where the text is something else.
    init?(text: String) {
        guard let facts = try? JSONDecoder().decode([String: String].self, from: Data(text.utf8)) else { return nil }
        self.facts = facts
    }

    /// The first fact that is another in a second record, with both; nil where none is.
    func firstDifference(from other: PictureArchiveRecord) -> (key: String, own: String, other: String)? {
        let keys = Set(facts.keys).union(other.facts.keys).sorted()
        return keys.first { facts[$0] != other.facts[$0] }
            .map { ($0, facts[$0] ?? "not set", other.facts[$0] ?? "not set") }
    }
}

extension PictureArchiveRecord {
    /// A checksum of a model's files, which tells one training state from the next.
    ///
    /// - Parameter model: A model and its tokenizer. Their files are read once, a second for each gigabyte or two.
    /// - Returns: 8 hexadecimal digits.
    /// - Throws: ``PictureArchiveError`` where a file cannot be read any more.
    public static func checksum(of model: LoadedModel) throws -> String {
        var sum = Checksum(of: [])
        for file in Set(model.files.flatMap(contents)).sorted() { sum = sum.followed(by: try checksum(ofFile: file)) }
        return digits(sum.value)
    }

    /// Eight hexadecimal digits.
    static func digits(_ value: UInt32) -> String { String(format: "%08x", value) }

    /// The files of a model folder, or the file itself.
    private static func contents(_ path: String) -> [String] {
        let inside = ["config.json", "model.safetensors", "tokenizer.safetensors"].map { path + "/" + $0 }
            .filter(FileManager.default.fileExists(atPath:))
        return inside.isEmpty ? [path] : inside
    }

    private static func checksum(ofFile path: String) throws -> Checksum {
        do {
            let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            defer { try? file.close() }
            var sum = Checksum(of: [])
            while let data = try file.read(upToCount: 1 << 22), !data.isEmpty {
                sum = sum.followed(by: Checksum(of: Array(data)))
            }
            return sum
        } catch {
            throw PictureArchiveError.unreadable(path: path)
        }
    }
}
