public import TokenPyramid

/// The shape of a tokenizer: a convolutional pair around a multi-scale residual quantizer (VAR, arXiv:2404.02905,
/// section 3.2).
public struct TokenizerConfiguration: Codable, Hashable, Sendable {
    /// Channels at full resolution; a multiple of 32.
    public var channels: Int
    /// Channels of each level as a multiple of ``channels``, full resolution first; each level but the first halves the
    /// sides.
    public var multipliers: [Int]
    /// Channels of the latent, Z.
    public var latentChannels: Int
    /// The number of codes, V.
    public var vocabularySize: Int
    /// The token maps; the last is as large as the latent.
    public var schedule: ScaleSchedule
    /// How many φ convolutions there are: 0 for one per scale, 1 for one shared by all, else that many, each serving
    /// the scales nearest to it.
    public var sharedResidualConvolutions: Int
    /// How much of φ is convolution: q in φ(h) = (1 - q) · h + q · conv(h).
    public var residualRatio: Double
    /// Whether codes are compared by cosine instead of Euclidean distance.
    public var comparesByCosine: Bool

    /// A configuration; the defaults are those of the published tokenizers.
    public init(
        channels: Int = 160, multipliers: [Int] = [1, 1, 2, 2, 4], latentChannels: Int = 32,
        vocabularySize: Int = 4096, schedule: ScaleSchedule = .published256, sharedResidualConvolutions: Int = 4,
        residualRatio: Double = 0.5, comparesByCosine: Bool = false
    ) {
        self.channels = channels
        self.multipliers = multipliers
        self.latentChannels = latentChannels
        self.vocabularySize = vocabularySize
        self.schedule = schedule
        self.sharedResidualConvolutions = sharedResidualConvolutions
        self.residualRatio = residualRatio
        self.comparesByCosine = comparesByCosine
    }

    /// The published tokenizer: 109 M parameters.
    public static let published = TokenizerConfiguration()

    /// A tokenizer of 64 pixels that 2 cores can train: about 1 M parameters.
    public static let small = TokenizerConfiguration(
        channels: 32, multipliers: [1, 1, 2], latentChannels: 16, vocabularySize: 1024)

    /// How many pixels a latent cell covers along a side.
    public var stride: Int { 1 << (multipliers.count - 1) }
    /// The side of the pictures in pixels.
    public var imageSide: Int { stride * schedule.latentSide }

    /// The number of groups of every group normalisation.
    static let normalizationGroups = 32
    /// Residual blocks per level of the encoder; the decoder has one more.
    static let encoderBlocks = 2

    /// The names in `config.json`, those of the public code.
    enum CodingKeys: String, CodingKey {
        case channels = "ch"
        case multipliers = "ch_mult"
        case latentChannels = "z_channels"
        case vocabularySize = "vocab_size"
        case schedule
        case sharedResidualConvolutions = "share_quant_resi"
        case residualRatio = "quant_resi"
        case comparesByCosine = "using_znorm"
    }
}
