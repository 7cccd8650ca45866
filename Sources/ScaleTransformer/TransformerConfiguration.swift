public import TokenPyramid

/// The shape of a transformer over token maps (VAR, arXiv:2404.02905; MVAR, arXiv:2505.12742).
public struct TransformerConfiguration: Codable, Hashable, Sendable {
    /// The number of blocks, d.
    public var depth: Int
    /// The width of the residual stream, C.
    public var width: Int
    /// The number of attention heads, H; divides ``width``.
    public var heads: Int
    /// The hidden width of the feed-forward network as a multiple of ``width``.
    public var mlpRatio: Double
    /// The number of classes; the null class comes after the last.
    public var classes: Int
    /// The number of codes, V.
    public var vocabularySize: Int
    /// Channels of the tokenizer's latent, Z.
    public var latentChannels: Int
    /// The token maps.
    public var schedule: ScaleSchedule
    /// Which tokens a token may look at.
    public var pattern: AttentionPattern
    /// The first scale, from 0, at which ``AttentionPattern/spatial(kernel:)`` attends in windows.
    public var firstSpatialScale: Int
    /// Whether queries and keys are normalised and sharpened by a learned temperature per head.
    public var normalizesQueriesAndKeys: Bool
    /// Whether all blocks share one AdaLN projection.
    public var sharesAdaLN: Bool

    /// A configuration; the defaults are those of the published models.
    public init(
        depth: Int, width: Int, heads: Int, mlpRatio: Double = 4, classes: Int = 1000, vocabularySize: Int = 4096,
        latentChannels: Int = 32, schedule: ScaleSchedule = .published256,
        pattern: AttentionPattern = .spatial(kernel: 7), firstSpatialScale: Int? = nil,
        normalizesQueriesAndKeys: Bool = true, sharesAdaLN: Bool = false
    ) {
        self.depth = depth
        self.width = width
        self.heads = heads
        self.mlpRatio = mlpRatio
        self.classes = classes
        self.vocabularySize = vocabularySize
        self.latentChannels = latentChannels
        self.schedule = schedule
        self.pattern = pattern
        self.firstSpatialScale = firstSpatialScale ?? schedule.defaultFirstSpatialScale
        self.normalizesQueriesAndKeys = normalizesQueriesAndKeys
        self.sharesAdaLN = sharesAdaLN
    }

    /// The published shape of a depth: as many heads, 64 channels each.
    public static func published(depth: Int, pattern: AttentionPattern = .spatial(kernel: 7)) -> Self {
        TransformerConfiguration(depth: depth, width: 64 * depth, heads: depth, pattern: pattern)
    }

    /// The published models by name: d12 to d30 for 256 pixels, d36-s for 512.
    public static let presets: [String: TransformerConfiguration] = {
        var presets = Dictionary(uniqueKeysWithValues: [12, 16, 20, 24, 30].map { ("d\($0)", published(depth: $0)) })
        presets["d36-s"] = TransformerConfiguration(
            depth: 36, width: 64 * 36, heads: 36, schedule: .published512, sharesAdaLN: true)
        return presets
    }()

    /// The hidden width of the feed-forward network.
    public var hiddenWidth: Int { Int((Double(width) * mlpRatio).rounded(.toNearestOrEven)) }
    /// The label of the null class, by which guidance is unconditional.
    public var nullClass: Int { classes }
    /// Layer normalisation's epsilon.
    static let normalizationEpsilon = 1e-6

    /// The names in `config.json`, those of the public code; `attention` is ours.
    enum CodingKeys: String, CodingKey {
        case depth
        case width = "embed_dim"
        case heads = "num_heads"
        case mlpRatio = "mlp_ratio"
        case classes = "num_classes"
        case vocabularySize = "vocab_size"
        case latentChannels = "z_channels"
        case schedule
        case pattern = "attention"
        case firstSpatialScale = "refine_step"
        case normalizesQueriesAndKeys = "attn_l2_norm"
        case sharesAdaLN = "shared_aln"
    }
}
