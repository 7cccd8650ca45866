import Checkpoints
public import TokenPyramid
import Torch

/// Codes of pictures in a safetensors file: int32 `tokens`, `[N, L]`.
public struct TokenFile: Hashable, Sendable {
    /// The codes of each picture, all scales one after another.
    public var pictures: [[Int32]]
    /// The token maps that they were made for, where the file says it.
    public var schedule: ScaleSchedule?
    /// The number of codes of the tokenizer that made them, where the file says it.
    public var vocabularySize: Int?

    private static let tensorName = "tokens"
    private static let scheduleKey = "schedule"
    private static let vocabularyKey = "vocab_size"

    /// Codes of pictures.
    public init(pictures: [[Int32]], schedule: ScaleSchedule?, vocabularySize: Int?) {
        self.pictures = pictures
        self.schedule = schedule
        self.vocabularySize = vocabularySize
    }

    /// Whether a file is of this form: safetensors with a tensor `tokens`. Nothing but its header is read.
    public static func isTokenFile(_ path: String) -> Bool {
        (try? Safetensors(path: path))?.tensors[tensorName] != nil
    }

    /// Reads a file.
    ///
    /// - Parameter path: A safetensors file with an integer tensor `tokens`, `[N, L]`.
    /// - Throws: ``Checkpoints/CheckpointError`` where it cannot be read, ``TokenFileError`` where it holds no tokens.
    public init(path: String) throws {
        let file = try Safetensors(path: path)
        guard let record = file.tensors[Self.tensorName] else {
            throw TokenFileError.absent(file: path, found: file.tensors.names)
        }
        guard record.shape.count == 2, record.shape[0] > 0, [.int32, .int64, .int16, .uint8].contains(record.dtype)
        else {
            throw TokenFileError.wrongForm(file: path, shape: record.shape, type: record.dtype.name)
        }
        let values = try record.tensor().array(of: Int64.self)
        let count = record.shape[1]
        // What does not fit into 32 bits is no code of any tokenizer: -1 is refused where it is decoded.
        pictures = (0..<record.shape[0]).map { row in
            values[row * count..<(row + 1) * count].map { Int32(exactly: $0) ?? -1 }
        }
        schedule = file.metadata[Self.scheduleKey].flatMap { try? ScaleSchedule(commaSeparated: $0) }
        vocabularySize = file.metadata[Self.vocabularyKey].flatMap { Int($0) }
    }

    /// Writes a file, which appears whole or not at all.
    ///
    /// - Parameter path: Where it will be; its folder must exist.
    /// - Throws: `FileOutputError` where it cannot be written, ``Torch/TorchError`` if memory runs out.
    public func write(to path: String) throws {
        var metadata: [String: String] = [:]
        metadata[Self.scheduleKey] = schedule?.description
        metadata[Self.vocabularyKey] = vocabularySize.map(String.init)
        let tokens = try Tensor(pictures.flatMap(\.self), shape: [pictures.count, pictures.first?.count ?? 0])
        try Safetensors.write([(Self.tensorName, tokens)], metadata: metadata, to: path)
    }
}

extension ScaleSchedule {
    /// Reads sides as on the command line: `1,2,3`.
    ///
    /// - Parameter text: Whole numbers that grow, with commas between them.
    /// - Throws: ``TokenPyramid/ScheduleError`` where they make no schedule.
    public init(commaSeparated text: String) throws(ScheduleError) {
        let sides = text.split(separator: ",", omittingEmptySubsequences: false)
            .map { Int($0.filter { $0 != " " }) ?? 0 }
        try self.init(sides)
    }
}

/// Why tokens make no picture.
public enum TokenFileError: Error, Hashable, Sendable, CustomStringConvertible {
    case absent(file: String, found: [String])
    case wrongForm(file: String, shape: [Int], type: String)
    case tokenCount(found: Int, expected: Int, schedule: [Int])
    case tokenOutOfRange(Int, vocabularySize: Int)

    /// What is wrong and what to do, on one line.
    public var description: String {
        switch self {
        case .absent(let file, let found):
            "'\(file)' has no tensor 'tokens' (it has \(found.prefix(4).joined(separator: ", "))): make one with "
                + "'mvar tokens encode'."
        case .wrongForm(let file, let shape, let type):
            "'tokens' in '\(file)' is \(type) of shape \(shape), but must be int32 of shape [pictures, tokens]."
        case .tokenCount(let found, let expected, let schedule):
            "A picture has \(found) tokens, but this tokenizer's maps (\(schedule.map(String.init).joined(separator: ","))) "
                + "have \(expected): name the tokenizer that made them with --tokenizer."
        case .tokenOutOfRange(let token, let vocabularySize):
            "Token \(token) is outside 0 to \(vocabularySize - 1), the tokenizer's codes: name the tokenizer that made "
                + "it with --tokenizer."
        }
    }
}
