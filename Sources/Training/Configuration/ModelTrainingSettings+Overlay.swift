public import ImageTokenizer
import ScaleTransformer
import TokenPyramid

extension ModelTrainingSettings {
    /// The settings of a run, completed by what it trains on.
    ///
    /// - Parameters:
    ///   - overlay: The settings that were chosen; of the shape only what is to be other than by default.
    ///   - tokenizer: Whose tokens are learned.
    ///   - classes: How many classes the pictures have; nil while nobody knows, for a look at all else.
    ///   - start: What the run begins with, whose shape it has; nil for fresh weights.
    /// - Throws: ``ConfigurationError`` for a name or value that cannot be, ``TrainingError`` for a shape other than that
    ///   of `start` or than the pictures'.
    public init(
        _ overlay: SettingsOverlay, tokenizer: TokenizerConfiguration, classes: Int?, from start: StartingModel?
    ) throws {
        let depth = overlay.value("model", "depth") ?? 6
        try Self.check(depth: depth)
        let known = classes ?? overlay.value("model", "num_classes") ?? 1
        // As in the published models: 64 channels for every block and every head.
        let width = overlay.value("model", "embed_dim") ?? 64 * depth
        let pattern = overlay.value("model", "attention") ?? AttentionPattern.spatial(kernel: 7)
        let shape =
            start?.configuration(classes: known, pattern: pattern)
            ?? TransformerConfiguration(
                depth: depth, width: width, heads: overlay.value("model", "num_heads") ?? max(1, width / 64),
                classes: known, vocabularySize: tokenizer.vocabularySize,
                latentChannels: tokenizer.latentChannels, schedule: tokenizer.schedule, pattern: pattern)
        self = try overlay.applied(to: ModelTrainingSettings(model: shape))
        if let start {
            var expected = shape
            expected.firstSpatialScale = model.firstSpatialScale
            guard model == expected else {
                throw TrainingError.invalidSetting(
                    "The shape of the run is not that of '\(start.path)', which it begins with: leave the shape out.")
            }
        }
        guard model.classes == known else {
            throw TrainingError.invalidSetting(
                "The run is one of \(model.classes) classes, the pictures have \(known).")
        }
    }
}
