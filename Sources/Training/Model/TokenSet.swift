public import ImageTokenizer
import TokenPyramid
public import Torch

/// The codes of pictures and of their mirror images, computed once: 2 bytes a token.
public struct TokenSet {
    /// The tokens of one picture, L.
    public let tokenCount: Int
    /// For every picture its class.
    public let labels: [Int]
    /// `[count, 2, L]`: plain, then mirrored.
    private let tokens: [UInt16]

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
        tokenCount = tokenizer.configuration.schedule.tokenCount
        labels = pictures.labels
        var tokens: [UInt16] = []
        tokens.reserveCapacity(2 * tokenCount * pictures.count)
        for start in stride(from: 0, to: pictures.count, by: 8) {
            let indices = (start..<min(start + 8, pictures.count)).flatMap { [$0, $0] }
            let flipped = indices.indices.map { $0 % 2 == 1 }
            let codes = try withoutGradients { () throws(TorchError) in
                try tokenizer.tokens(of: pictures.batch(indices, flipped: flipped)).array(of: Int32.self)
            }
            tokens += codes.map { UInt16(truncatingIfNeeded: $0) }
            report(min(start + 8, pictures.count))
        }
        self.tokens = tokens
    }

    /// The tokens of some pictures, `[B, L]`, int64.
    func batch(_ indices: [Int], flipped: [Bool]) throws(TorchError) -> Tensor {
        var values: [Int] = []
        values.reserveCapacity(indices.count * tokenCount)
        for (index, isFlipped) in zip(indices, flipped) {
            let start = (2 * index + (isFlipped ? 1 : 0)) * tokenCount
            values += tokens[start..<start + tokenCount].lazy.map(Int.init)
        }
        return try Tensor(values, shape: [indices.count, tokenCount])
    }
}
