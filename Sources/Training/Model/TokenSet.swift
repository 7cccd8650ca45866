public import ImageTokenizer
import TokenPyramid
public import Torch

/// The codes of pictures and of their mirror images, computed once: 2 bytes a token.
public struct TokenSet {
    /// How many pictures are encoded at a time.
    static let batchSize = 8

    /// The tokens of one picture, L.
    public let tokenCount: Int
    /// For every picture its class.
    public let labels: [Int]
    /// `[count, 2, L]`, uint16: plain, then mirrored.
    private let tokens: Tensor

    /// How many pictures there are.
    public var count: Int { labels.count }

    /// Encodes all pictures.
    ///
    /// - Parameters:
    ///   - pictures: Of the tokenizer's size.
    ///   - tokenizer: With at most 65,536 codes.
    ///   - report: Gets how many pictures are done.
    /// - Throws: ``Torch/TorchError`` if memory runs out.
    public init(
        _ pictures: PictureSet, by tokenizer: VisualTokenizer, reporting report: (Int) -> Void = { _ in }
    ) throws(TorchError) {
        let tokenCount = tokenizer.configuration.schedule.tokenCount
        var tokens: [UInt16] = []
        tokens.reserveCapacity(2 * tokenCount * pictures.count)
        for start in stride(from: 0, to: pictures.count, by: Self.batchSize) {
            let end = min(start + Self.batchSize, pictures.count)
            let indices = (start..<end).flatMap { [$0, $0] }
            let flipped = indices.indices.map { $0 % 2 == 1 }
            let codes = try withoutGradients { () throws(TorchError) in
                try tokenizer.tokens(of: pictures.batch(indices, flipped: flipped)).array(of: Int32.self)
            }
            tokens += codes.map { UInt16(truncatingIfNeeded: $0) }
            report(end)
        }
        self.init(labels: pictures.labels, tokens: try Tensor(tokens, shape: [pictures.count, 2, tokenCount]))
    }

    /// Tokens that are there already, `[count, 2, L]`, uint16, perhaps in the memory of a file.
    init(labels: [Int], tokens: Tensor) {
        self.labels = labels
        self.tokens = tokens
        tokenCount = tokens.shape[2]
    }

    /// The tokens of some pictures, `[B, L]`, int64.
    func batch(_ indices: [Int], flipped: [Bool]) throws -> Tensor {
        let values = try tokens.withContiguousBytes { bytes in
            let all = bytes.bindMemory(to: UInt16.self)
            var values: [Int] = []
            values.reserveCapacity(indices.count * tokenCount)
            for (index, isFlipped) in zip(indices, flipped) {
                let start = (2 * index + (isFlipped ? 1 : 0)) * tokenCount
                values += all[start..<start + tokenCount].lazy.map(Int.init)
            }
            return values
        }
        return try Tensor(values, shape: [indices.count, tokenCount])
    }

    /// Calls `body` with all tokens, as a file holds them.
    func withBytes(_ body: (UnsafeRawBufferPointer) throws -> Void) throws { try tokens.withContiguousBytes(body) }

    /// The largest of all tokens.
    func largestToken() throws -> UInt16? {
        try tokens.withContiguousBytes { $0.bindMemory(to: UInt16.self).max() }
    }
}
