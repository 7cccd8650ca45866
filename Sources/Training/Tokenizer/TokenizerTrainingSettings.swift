public import ImageTokenizer
public import NeuralNetworks

/// Everything that decides what a tokenizer becomes, beside the pictures.
public struct TokenizerTrainingSettings: Codable, Hashable, Sendable {
    /// The shape of the tokenizer.
    public var tokenizer: TokenizerConfiguration
    /// Pictures a step.
    public var batch: Int
    /// Which square of a picture is learned from.
    public var crop: PictureCrop
    /// Whether one in two pictures is mirrored left to right.
    public var mirrors: Bool
    /// The highest learning rate.
    public var learningRate: Double
    /// Of AdamW. Convolutions are not decayed by default: nothing over-fits here.
    public var optimizer: AdamW.Settings
    /// The largest gradient norm; 0 for any.
    public var clip: Double
    /// The weight of the mean absolute error, of pictures in -1...1.
    public var absoluteWeight: Double
    /// The weight of the mean squared error.
    public var squaredWeight: Double
    /// The weight of the quantizer's losses.
    public var quantizerWeight: Double
    /// β: how much the encoder is drawn towards the codes, as a share of how much the codes are drawn to it.
    public var commitment: Double
    /// A network that says how different pictures look; nil for none.
    public var perceptual: PerceptualSettings?
    /// A discriminator that reconstructions have to pass; nil for none.
    public var discriminator: DiscriminatorSettings?
    /// The decay of the averaged weights that are written in the end; 0 for the last ones.
    public var averageDecay: Double
    /// Steps between revivals of codes that nothing uses.
    public var revivalInterval: Int
    /// The share of the mean usage below which a code counts as dead, in 0..<1; 0 revives none.
    public var deadShare: Double
    /// What encoder and decoder compute in, float32 or bfloat16; the quantizer always in float32.
    public var precision: Precision
    /// Of weights, order and revival.
    public var seed: UInt64
    /// How long the run lasts.
    public var length: TrainingLength
    /// How often it saves, measures and reports.
    public var rhythm: TrainingRhythm

    enum CodingKeys: String, CodingKey {
        case tokenizer, batch, crop, mirrors, optimizer, clip, commitment, perceptual, discriminator, precision, seed
        case length, rhythm
        case learningRate = "learning_rate"
        case absoluteWeight = "l1"
        case squaredWeight = "l2"
        case quantizerWeight = "quantizer_weight"
        case averageDecay = "average_decay"
        case revivalInterval = "revival_interval"
        case deadShare = "dead_share"
    }

    /// Settings for small tokenizers.
    public init(
        tokenizer: TokenizerConfiguration, batch: Int = 8, crop: PictureCrop = .center, mirrors: Bool = true,
        learningRate: Double = 1e-3,
        optimizer: AdamW.Settings = .init(weightDecay: 0), clip: Double = 1, absoluteWeight: Double = 0.4,
        squaredWeight: Double = 2, quantizerWeight: Double = 1, commitment: Double = 0.25,
        perceptual: PerceptualSettings? = nil, discriminator: DiscriminatorSettings? = nil,
        averageDecay: Double = 0.99, revivalInterval: Int = 10, deadShare: Double = 0.02,
        precision: Precision = .float32,
        seed: UInt64 = 1, length: TrainingLength = .init(), rhythm: TrainingRhythm = .init()
    ) {
        self.tokenizer = tokenizer
        self.batch = batch
        self.crop = crop
        self.mirrors = mirrors
        self.learningRate = learningRate
        self.optimizer = optimizer
        self.clip = clip
        self.absoluteWeight = absoluteWeight
        self.squaredWeight = squaredWeight
        self.quantizerWeight = quantizerWeight
        self.commitment = commitment
        self.perceptual = perceptual
        self.discriminator = discriminator
        self.averageDecay = averageDecay
        self.revivalInterval = revivalInterval
        self.deadShare = deadShare
        self.precision = precision
        self.seed = seed
        self.length = length
        self.rhythm = rhythm
    }

    var usesBFloat16: Bool { precision == .bfloat16 }
}
