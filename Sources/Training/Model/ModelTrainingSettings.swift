public import NeuralNetworks
public import ScaleTransformer
import TokenPyramid

/// Everything that decides what a transformer becomes, beside the tokens: Table 5's settings, and those of VAR's trainer.
public struct ModelTrainingSettings: Codable, Hashable, Sendable, TrainingSettings {
    /// The shape of the transformer.
    public var model: TransformerConfiguration
    /// The model whose weights the run begins with, as it was named; nil for fresh ones.
    public var startingModel: String?
    /// How fresh weights are drawn.
    public var initial: InitialFactors
    /// Pictures a step.
    public var batch: Int
    /// Which square of a picture is learned from.
    public var crop: PictureCrop
    /// Whether one in two pictures is mirrored left to right.
    public var mirrors: Bool
    /// In how many parts a step's pictures are gone through, one after another, to save memory.
    public var accumulation: Int
    /// The highest learning rate.
    public var learningRate: Double
    /// The same for 256 pictures a step, instead of ``learningRate``: it grows with the batch. VAR's `tblr`.
    public var baseLearningRate: Double?
    /// Of AdamW.
    public var optimizer: AdamW.Settings
    /// The largest gradient norm; 0 for any.
    public var clip: Double
    /// How often a label is replaced by the null class, which guidance needs.
    public var labelDrop: Double
    /// The share of the target that the loss spreads over all codes.
    public var labelSmoothing: Double
    /// How often a picture leaves out a branch of the last block; evenly less often in the blocks before, never in the
    /// first.
    public var pathDrop: Double
    /// The decay of the averaged weights, which are those that are measured and written; 0 for the last ones.
    public var averageDecay: Double
    /// Which scales a step trains.
    public var groups: ScaleGroups
    /// The scales that are trained at all; nil for all.
    public var scales: ScaleSelection?
    /// How a run begins with few scales; nil where all are trained from the start.
    public var progressive: ProgressiveScales?
    /// What the blocks compute in: float32, bfloat16 or float16; the head never does.
    public var precision: Precision
    /// Whether activations are computed twice to save memory.
    public var recomputesActivations: Bool
    /// Of weights, order and dropped labels.
    public var seed: UInt64
    /// How long the run lasts.
    public var length: TrainingLength
    /// How often it saves, measures and reports.
    public var rhythm: TrainingRhythm

    enum CodingKeys: String, CodingKey {
        case model, initial, batch, crop, mirrors, accumulation, optimizer, clip, groups, scales, progressive,
            precision, seed
        case length, rhythm
        case startingModel = "from"
        case learningRate = "learning_rate"
        case baseLearningRate = "base_learning_rate"
        case labelDrop = "label_drop"
        case labelSmoothing = "label_smoothing"
        case pathDrop = "path_drop"
        case averageDecay = "average_decay"
        case recomputesActivations = "recompute"
    }

    /// Settings for small models.
    public init(
        model: TransformerConfiguration, batch: Int = 8, crop: PictureCrop = .center, mirrors: Bool = true,
        learningRate: Double = 1e-3,
        optimizer: AdamW.Settings = .init(), clip: Double = 2, labelDrop: Double = 0.1, averageDecay: Double = 0.99,
        groups: ScaleGroups = .all, precision: Precision = .float32, seed: UInt64 = 1, length: TrainingLength = .init(),
        rhythm: TrainingRhythm = .init()
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
        self.precision = precision
        self.seed = seed
        self.length = length
        self.rhythm = rhythm
        initial = InitialFactors()
        accumulation = 1
        labelSmoothing = 0
        pathDrop = 0
        recomputesActivations = false
    }

    /// The learning rate that the schedule multiplies.
    var highestLearningRate: Double { baseLearningRate.map { $0 * Double(batch) / 256 } ?? learningRate }

    /// Throws for the first setting that makes no sense.
    func check() throws(TrainingError) {
        try checkRun()
        try require(
            highestLearningRate > 0 && highestLearningRate.isFinite,
            "The base learning rate must be above 0, not \(baseLearningRate ?? 0).")
        try require((0...1).contains(labelDrop), "The share of dropped labels must be in 0...1, not \(labelDrop).")
        try require(
            (0..<1).contains(labelSmoothing), "The label smoothing must be in 0..<1, not \(labelSmoothing).")
        try require((0..<1).contains(pathDrop), "The share of dropped paths must be in 0..<1, not \(pathDrop).")
        try require(
            accumulation >= 1 && batch.isMultiple(of: accumulation),
            "A step's \(batch) pictures do not divide into \(accumulation) parts alike.")
        try require(
            !precision.isInteger, "A model learns in float32, bfloat16 or float16, not in \(precision.rawValue).")
        if case .cycle(let coarseSteps) = groups {
            try require(
                (1...1_000_000).contains(coarseSteps),
                "A cycle has 1 to 1000000 steps on the coarse scales, not \(coarseSteps).")
            try require(
                model.pattern.isWithinScale,
                "With \(model.pattern) all scales are learned in one pass: take the groups all, or scale or spatial-K.")
        }
        try scales?.check(for: model.schedule)
        try progressive?.check(for: model.schedule, length: length)
        try checkShape()
        try checkInitialFactors()
    }

    /// Throws for a number of blocks that no model has.
    static func check(depth: Int) throws(TrainingError) {
        guard (1...1024).contains(depth) else {
            throw .invalidSetting("A transformer must have 1 to 1024 blocks, not \(depth).")
        }
    }

    /// Throws for the first part of the shape that cannot be built or read again, or that nobody means.
    private func checkShape() throws(TrainingError) {
        try Self.check(depth: model.depth)
        try require(
            (1...65_536).contains(model.width), "The width of a transformer must be in 1...65536, not \(model.width).")
        try require(
            model.heads >= 1 && model.width % model.heads == 0,
            "The width \(model.width) must be a multiple of the number of heads, \(model.heads).")
        try require(
            model.mlpRatio > 0 && model.mlpRatio <= 64 && model.hiddenWidth >= 1,
            "The hidden width of a block must be above 0 and at most 64 times its width, not \(model.mlpRatio) times.")
        try require(
            (0...model.schedule.count).contains(model.firstSpatialScale),
            "The first spatial scale must be in 0...\(model.schedule.count), not \(model.firstSpatialScale).")
    }

    private func checkInitialFactors() throws(TrainingError) {
        for (name, factor) in [("head", initial.head), ("AdaLN", initial.adaLN), ("AdaLN's gains", initial.gain)] {
            try require(
                factor >= 0 && factor.isFinite,
                "The factor of fresh weights of the \(name) must be at least 0, not \(factor).")
        }
        if let deviation = initial.deviation {
            try require(
                deviation > 0 && deviation.isFinite,
                "The standard deviation of fresh weights must be above 0, not \(deviation).")
        }
    }

    /// The passes of a step.
    ///
    /// - Parameters:
    ///   - step: From 0.
    ///   - length: That of the run, in steps where ``progressive`` needs them.
    /// - Returns: The passes, in the order in which they are computed.
    func passes(step: Int, length: TrainingLength) -> [ScalePass] {
        var passes = ScalePass.all(model)
        if let scales { passes = passes.compactMap { $0.keeping(scales.indices, for: model.pattern) } }
        if let stage = progressive?.stage(step: step, of: model.schedule.count, length: length) {
            passes = passes.compactMap { $0.keeping(Set(0...stage.last), for: model.pattern) }
                .map { $0.weighing(stage.last, by: stage.weight) }
        }
        return groups.passes(step: step, of: passes)
    }
}
