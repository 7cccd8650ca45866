import Checkpoints
import Foundation
public import ImageTokenizer
import TokenPyramid
import Torch

/// The tokens of a whole data set in a safetensors file, for training without its pictures.
///
/// `tokens` is uint16 `[N, 2, L]`: of every picture its own, then those of its mirror image. `labels` is int32 `[N]`. The
/// metadata say what made it: `tokenizer` (a fingerprint), `schedule`, `vocab_size`; and `classes`, a JSON list of their
/// names in the order of the labels.
public struct TokenCache {
    static let form = "mvar token cache 1"
    static let formKey = "format"
    static let tokensName = "tokens"
    static let labelsName = "labels"
    static let scheduleKey = "schedule"
    static let vocabularyKey = "vocab_size"
    static let tokenizerKey = "tokenizer"
    static let classesKey = "classes"

    /// The classes in the order of their labels.
    public let classes: [String]
    /// The tokens, which stay on the disk until they are used.
    public let tokens: TokenSet

    /// Opens a cache. Every number in it is checked, for which it is read once.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - configuration: Of the tokenizer that is trained with.
    ///   - fingerprint: Of the same.
    /// - Throws: ``TokenCacheError`` where the file is no cache, or one of another tokenizer;
    ///   ``Checkpoints/CheckpointError`` where it cannot be read.
    public init(path: String, configuration: TokenizerConfiguration, fingerprint: TokenizerFingerprint) throws {
        let file = try Safetensors(path: path)
        guard file.metadata[Self.formKey] == Self.form, let tokens = file.tensors[Self.tokensName],
            let labels = file.tensors[Self.labelsName]
        else { throw TokenCacheError.noCache(path: path) }
        try Self.check(file.metadata, path: path, configuration: configuration, fingerprint: fingerprint)
        guard let text = file.metadata[Self.classesKey],
            let classes = try? JSONDecoder().decode([String].self, from: Data(text.utf8)), !classes.isEmpty
        else { throw TokenCacheError.damaged(path: path, reason: "its classes are not listed") }
        let (count, length) = (labels.count, configuration.schedule.tokenCount)
        guard count > 0, labels.shape == [count], labels.dtype == .int32, tokens.dtype == .uint16,
            tokens.shape == [count, 2, length]
        else {
            throw TokenCacheError.damaged(
                path: path,
                reason: "tokens are \(tokens.dtype.name) \(tokens.shape), labels \(labels.dtype.name) "
                    + "\(labels.shape), and \(length) tokens a picture are expected")
        }
        let values = try labels.tensor().array(of: Int.self)
        if let wrong = values.first(where: { !classes.indices.contains($0) }) {
            throw TokenCacheError.damaged(path: path, reason: "it has label \(wrong) of \(classes.count) classes")
        }
        let all = try tokens.tensor()
        var sum = ContentSum()
        let largest = try all.withContiguousBytes { bytes in
            sum.add(bytes)
            return bytes.bindMemory(to: UInt16.self).max()
        }
        if let largest, Int(largest) >= configuration.vocabularySize {
            throw TokenCacheError.damaged(
                path: path, reason: "it has token \(largest) of \(configuration.vocabularySize) codes")
        }
        values.withUnsafeBytes { sum.add($0) }
        self.classes = classes
        self.tokens = TokenSet(labels: values, tokens: all, fingerprint: sum.description)
    }

    private static func check(
        _ metadata: [String: String], path: String, configuration: TokenizerConfiguration,
        fingerprint: TokenizerFingerprint
    ) throws(TokenCacheError) {
        let (schedule, vocabulary) = (metadata[scheduleKey] ?? "", metadata[vocabularyKey] ?? "")
        guard schedule == configuration.schedule.description else {
            throw .otherSchedule(path: path, found: schedule, expected: configuration.schedule.description)
        }
        let found = metadata[tokenizerKey] ?? ""
        guard found == fingerprint.description, vocabulary == String(configuration.vocabularySize) else {
            throw .otherTokenizer(path: path, found: found, expected: fingerprint.description)
        }
    }
}

/// Why a cache of tokens cannot be used or made.
public enum TokenCacheError: Error, Hashable, Sendable {
    /// The file is a safetensors file of another kind.
    case noCache(path: String)
    /// The cache was made for other token maps.
    case otherSchedule(path: String, found: String, expected: String)
    /// The cache was made by another tokenizer.
    case otherTokenizer(path: String, found: String, expected: String)
    /// The cache contradicts itself.
    case damaged(path: String, reason: String)
    /// The pictures can be read only once, and are needed twice.
    case readOnce(path: String)
    /// The pictures are others than when they were counted.
    case changedMeanwhile(paths: [String])
    /// The cache would go to a device or a pipe.
    case noPlace(path: String)
    /// The tokenizer has more codes than 16 bits tell apart.
    case tooManyCodes(Int)
}

extension TokenCacheError: CustomStringConvertible {
    /// What is wrong and what to do, on one line.
    public var description: String { printable(message) }

    private var message: String {
        switch self {
        case .noCache(let path): "'\(path)' is no cache of tokens; make one with 'mvar train cache'."
        case .otherSchedule(let path, let found, let expected):
            "'\(path)' was made for the token maps \(found), and this tokenizer's are \(expected). \(Self.advice)"
        case .otherTokenizer(let path, let found, let expected):
            "'\(path)' was made by another tokenizer (\(found), this one is \(expected)). \(Self.advice)"
        case .damaged(let path, let reason):
            "'\(path)' is damaged: \(reason). Get another copy, or make it again with 'mvar train cache'."
        case .readOnce(let path):
            "'\(path)' can be read only once; pictures are first counted and then encoded. Save it to a file first."
        case .changedMeanwhile(let paths):
            "\(paths.joined(separator: ", ")) changed while the tokens were computed. Start again when nothing writes there."
        case .noPlace(let path): "'\(path)' is no place for a cache, which is written to a file; name one."
        case .tooManyCodes(let count):
            "The tokenizer has \(count) codes, and a cache holds at most 65536. Train on the pictures: --data."
        }
    }

    private static let advice = "Give the tokenizer that made it, or make a cache by this one with 'mvar train cache'."
}
