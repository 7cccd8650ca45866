/// What the tensors of a transformer say about its shape.
///
/// What they leave open is nil: the number of heads without L2-norm, the schedule where `lvl_1L` is absent, and the
/// attention pattern, of which nothing is in a file.
public struct ModelShape: Codable, Hashable, Sendable {
    /// The number of blocks.
    public var depth: Int
    /// Channels of a token.
    public var width: Int
    /// Attention heads; nil without L2-norm, whose temperatures are the only tensors of one element a head.
    public var heads: Int?
    /// Classes, without the null class.
    public var classes: Int
    /// The number of codes.
    public var vocabularySize: Int
    /// Channels of a latent.
    public var latentChannels: Int
    /// Tokens of all scales.
    public var tokenCount: Int
    /// The number of scales.
    public var scaleCount: Int
    /// Channels inside the feed-forward network.
    public var feedForwardWidth: Int
    /// Whether all blocks share one projection of the class vector.
    public var sharesAdaLN: Bool
    /// Whether queries and keys are L2-normalised, with a learned temperature a head.
    public var normalizesQueriesAndKeys: Bool
    /// The side lengths of the scales, where the file says them.
    public var schedule: [Int]?

    /// Width of the feed-forward network over the width.
    public var mlpRatio: Double { Double(feedForwardWidth) / Double(width) }

    /// Reads the shape off a transformer's tensors. Only those that it is read from are looked at.
    ///
    /// - Parameters:
    ///   - tensors: A state dict under the official names.
    ///   - file: What errors call the file.
    /// - Throws: ``CheckpointError`` naming every tensor that is missing, or one of impossible shape.
    public init(_ tensors: TensorTable, file: String) throws(CheckpointError) {
        var reader = ShapeReader(tensors, file: file)
        let word = try reader.shape("word_embed.weight", "[width, latent channels]", axes: 2)
        let classes = try reader.shape("class_emb.weight", "[classes + 1, width]", axes: 2)
        let positions = try reader.shape("pos_1LC", "[1, tokens, width]", axes: 3)
        let levels = try reader.shape("lvl_embed.weight", "[scales, width]", axes: 2)
        let head = try reader.shape("head.weight", "[codes, width]", axes: 2)
        let hidden = try reader.shape("blocks.0.ffn.fc1.weight", "[hidden width, width]", axes: 2)
        try reader.finish()

        depth = ShapeReader.count(of: tensors.names, after: "blocks.")
        width = word[0]
        latentChannels = word[1]
        self.classes = classes[0] - 1
        tokenCount = positions[1]
        scaleCount = levels[0]
        vocabularySize = head[0]
        feedForwardWidth = hidden[0]
        sharesAdaLN = tensors["shared_ada_lin.1.weight"] != nil || tensors["blocks.0.ada_gss"] != nil
        let temperatures = tensors["blocks.0.attn.scale_mul_1H11"]
        normalizesQueriesAndKeys = temperatures != nil
        if let temperatures {
            guard temperatures.shape.count == 4, temperatures.count == temperatures.shape[1], temperatures.count > 0
            else {
                throw reader.wrongShape(temperatures, "[1, heads, 1, 1]")
            }
            heads = temperatures.count
        }
        guard self.classes > 0 else { throw reader.wrongShape("class_emb.weight", "[classes + 1, width]", classes) }
        if let levels = tensors["lvl_1L"] { schedule = try Self.schedule(levels, tokenCount, scaleCount, reader) }
    }

    /// Beyond any schedule: what repeats its elements can claim more tokens than are worth counting.
    private static let largestTokenCount = 1 << 20

    /// The side lengths behind `lvl_1L`, which says of every token which scale it belongs to.
    private static func schedule(
        _ levels: TensorRecord, _ tokenCount: Int, _ scaleCount: Int, _ reader: ShapeReader
    ) throws(CheckpointError) -> [Int] {
        let expected =
            "[1, \(tokenCount)] integers that count scales 0 to \(scaleCount - 1), each of a square number of tokens"
        guard levels.count == tokenCount, tokenCount <= largestTokenCount, scaleCount <= tokenCount,
            let indices = levels.integers()
        else {
            throw reader.wrongShape(levels, expected)
        }
        var counts = [Int](repeating: 0, count: scaleCount)
        var last = 0
        for index in indices {
            guard index >= last, index < scaleCount else { throw reader.wrongShape(levels, expected) }
            counts[index] += 1
            last = index
        }
        let sides = counts.map { Int(Double($0).squareRoot().rounded()) }
        guard zip(sides, counts).allSatisfy({ $0 > 0 && $0 * $0 == $1 }) else {
            throw reader.wrongShape(levels, expected)
        }
        return sides
    }
}
