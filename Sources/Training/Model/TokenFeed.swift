import ImageTokenizer
import TokenPyramid
import Torch

/// What a transformer learns from.
public enum TokenSource {
    /// The tokens of the middles of pictures, computed before.
    case tokens(TokenSet)
    /// Pictures whose tokens are computed in every step: it sees other squares of them.
    case pictures(PictureSet)

    /// How many pictures there are.
    public var count: Int {
        switch self {
        case .tokens(let tokens): tokens.count
        case .pictures(let pictures): pictures.count
        }
    }

    var labels: [Int] {
        switch self {
        case .tokens(let tokens): tokens.labels
        case .pictures(let pictures): pictures.labels
        }
    }

    var fingerprint: String {
        switch self {
        case .tokens(let tokens): tokens.fingerprint
        case .pictures(let pictures): pictures.fingerprint
        }
    }
}

/// Gives a transformer the tokens of one step after another.
final class TokenFeed {
    private enum Content {
        case tokens(TokenSet)
        case pictures(PictureFeed, VisualTokenizer)
    }

    private let content: Content
    private var order: ShuffledOrder
    private var waited = Duration.zero

    init(_ source: TokenSource, by tokenizer: VisualTokenizer, order: ShuffledOrder) {
        self.order = order
        content =
            switch source {
            case .tokens(let tokens): .tokens(tokens)
            case .pictures(let pictures): .pictures(PictureFeed(pictures, order: order), tokenizer)
            }
    }

    /// The tokens of a step, `[B, L]`, int64; the class of each picture, and its place in the whole batch.
    ///
    /// - Throws: ``DataError`` where too many pictures cannot be read, ``Torch/TorchError`` if memory runs out.
    func batch(step: Int) throws -> (tokens: Tensor, labels: [Int], positions: Range<Int>) {
        switch content {
        case .tokens(let set):
            let clock = ContinuousClock()
            let start = clock.now
            defer { waited += start.duration(to: clock.now) }
            let samples = order.samples(ofStep: step)
            let tokens = try set.batch(samples.map(\.index), flipped: samples.map(\.isMirrored))
            return (tokens, samples.map { set.labels[$0.index] }, order.part)
        case .pictures(let feed, let tokenizer):
            let batch = try feed.batch(step: step)
            return (try Self.tokens(of: batch, by: tokenizer), batch.labels, order.part)
        }
    }

    /// What happened since the last call.
    func takeReport() -> FeedReport {
        switch content {
        case .tokens:
            defer { waited = .zero }
            return FeedReport(waited: waited)
        case .pictures(let feed, _): return feed.takeReport()
        }
    }

    private static func tokens(of batch: PictureBatch, by tokenizer: VisualTokenizer) throws(TorchError) -> Tensor {
        try withoutGradients { () throws(TorchError) in
            let images = try batch.images().moved(to: tokenizer.device)
            var parts: [Tensor] = []
            // Few at a time: the encoder's activations are far larger than the transformer's.
            for start in stride(from: 0, to: batch.count, by: TokenSet.batchSize) {
                let rows = Array(start..<min(start + TokenSet.batchSize, batch.count))
                parts.append(try tokenizer.tokens(of: images.rows(Tensor(rows, shape: [rows.count]))))
            }
            return try Tensor.concatenated(parts).converted(to: .int64)
        }
    }
}
