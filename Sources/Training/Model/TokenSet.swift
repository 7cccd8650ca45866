public import ImageTokenizer
import TokenPyramid
import Torch

/// The codes of pictures and of their mirror images, computed once: 2 bytes a token.
public struct TokenSet {
    /// How many pictures are encoded at a time.
    static let batchSize = 8

    /// The tokens of one picture, L.
    public let tokenCount: Int
    /// For every picture its class.
    public let labels: [Int]
    /// Tells these pictures apart from others.
    public let fingerprint: String
    /// `[count, 2, L]`, uint16: plain, then mirrored.
    private let tokens: Tensor

    /// How many pictures there are.
    public var count: Int { labels.count }

    /// Encodes all pictures.
    ///
    /// - Parameters:
    ///   - pictures: Of the tokenizer's size.
    ///   - tokenizer: With at most 65,536 codes.
    ///   - reportUnreadable: Gets every picture that is passed over.
    ///   - report: Gets how many pictures are done.
    /// - Throws: ``Torch/TorchError`` if memory runs out, ``DataError`` where too many pictures cannot be read.
    public init(
        _ pictures: PictureSet, by tokenizer: VisualTokenizer,
        reportingUnreadable reportUnreadable: (UnreadablePicture) -> Void = { _ in },
        reporting report: (Int) -> Void = { _ in }
    ) throws {
        let tokenCount = tokenizer.configuration.schedule.tokenCount
        var tokens: [UInt16] = []
        var labels: [Int] = []
        tokens.reserveCapacity(2 * tokenCount * pictures.count)
        try pictures.forEachBatch(of: Self.batchSize, reportingUnreadable: reportUnreadable) { batch in
            tokens += try Self.tokens(of: batch, by: tokenizer)
            labels += batch.labels
            report(labels.count)
        }
        self.init(
            labels: labels, tokens: try Tensor(tokens, shape: [labels.count, 2, tokenCount]),
            fingerprint: pictures.fingerprint)
    }

    /// Tokens that are there already, `[count, 2, L]`, uint16, perhaps in the memory of a file.
    init(labels: [Int], tokens: Tensor, fingerprint: String) {
        self.labels = labels
        self.tokens = tokens
        self.fingerprint = fingerprint
        tokenCount = tokens.shape[2]
    }

    /// The tokens of pictures and of their mirror images, `[count, 2, L]`.
    static func tokens(of batch: PictureBatch, by tokenizer: VisualTokenizer) throws(TorchError) -> [UInt16] {
        try withoutGradients { () throws(TorchError) in
            try tokenizer.tokens(of: batch.withMirrorImages().images().moved(to: tokenizer.device)).array(
                of: Int32.self
            )
            .map { UInt16(truncatingIfNeeded: $0) }
        }
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
}
