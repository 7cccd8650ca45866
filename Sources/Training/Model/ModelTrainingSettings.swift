public import NeuralNetworks
public import ScaleTransformer
import TokenPyramid

/// Everything that decides what a transformer becomes, beside the tokens.
public struct ModelTrainingSettings: Codable, Hashable, Sendable, TrainingSettings {
    /// The shape of the transformer.
    public var model: TransformerConfiguration
    /// Pictures a step.
    public var batch: Int
    /// Which square of a picture is learned from.
    public var crop: PictureCrop
    /// Whether one in two pictures is mirrored left to right.
    public var mirrors: Bool
    /// The highest learning rate.
    public var learningRate: Double
    /// Of AdamW.
    public var optimizer: AdamW.Settings
    /// The largest gradient norm.
    public var clip: Double
    /// How often a label is replaced by the null class, which guidance needs.
    public var labelDrop: Double
    /// The decay of the averaged weights, which are those that are measured and written; 0 for the last ones.
    public var averageDecay: Double
    /// Which scales a step trains.
    public var groups: ScaleGroups
    /// The model whose weights the run begins with, as it was named; nil for fresh ones.
    public var startingModel: String?
    /// Whether the blocks compute in bfloat16; the head never does.
    public var usesBFloat16: Bool
    /// Of weights, order and dropped labels.
    public var seed: UInt64
    /// How long the run lasts.
    public var length: TrainingLength
    /// How often it saves, measures and reports.
    public var rhythm: TrainingRhythm

    /// Settings for small models.
    public init(
        model: TransformerConfiguration, batch: Int = 16, crop: PictureCrop = .center, mirrors: Bool = true,
        learningRate: Double = 1e-3,
        optimizer: AdamW.Settings = .init(), clip: Double = 2, labelDrop: Double = 0.1, averageDecay: Double = 0.995,
        groups: ScaleGroups = .all, usesBFloat16: Bool = false, seed: UInt64 = 0, length: TrainingLength,
        rhythm: TrainingRhythm = .init(checkpoint: 100, validation: 200, report: 10)
    ) {
        self.model = model
        self.batch = batch
        self.crop = crop
        self.mirrors = mirrors
        self.learningRate = learningRate
        self.optimizer = optimizer
        self.clip = clip
        self.labelDrop = labelDrop
        self.averageDecay = averageDecay
        self.groups = groups
        self.usesBFloat16 = usesBFloat16
        self.seed = seed
        self.length = length
        self.rhythm = rhythm
    }

    /// Throws for the first setting that makes no sense.
    func check() throws(TrainingError) {
        try checkRun()
        try require((0...1).contains(labelDrop), "The share of dropped labels must be in 0...1, not \(labelDrop).")
        if groups != .all {
            try require(
                model.pattern.isWithinScale,
                "With \(model.pattern) all scales are learned in one pass: take the groups all, or scale or spatial-K.")
        }
        try require(model.depth >= 1, "A transformer needs at least 1 block, not \(model.depth).")
        try require(
            model.heads >= 1 && model.width >= 1 && model.width % model.heads == 0,
            "The width \(model.width) must be a multiple of the number of heads, \(model.heads).")
    }
}
