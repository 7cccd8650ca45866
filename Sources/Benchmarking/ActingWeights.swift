import MVAR

/// Random weights with which every layer acts on the result, as a trained model's do.
///
/// Those of a fresh model leave its blocks nearly silent, so that no precision of theirs would lose anything. The
/// deviations are those of the golden files' models (scripts/fixtures/make_golden.py).
enum ActingWeights {
    private static let deviations = [
        "class_emb.weight": 1, "quantize.embedding.weight": 1, "pos_start": 0.7, "pos_1LC": 0.7,
        "lvl_embed.weight": 0.7,
    ]

    /// How a parameter is drawn in place of its `initial` value.
    static func value(_ name: String, shape: [Int], initial: InitialValue) -> InitialValue {
        if let deviation = deviations[name] { return .normal(standardDeviation: deviation) }
        if name.hasSuffix("ada_lin.1.bias") {
            // Of six vectors the first two are what a block's results are multiplied by.
            let gains = shape[0] / 3
            return .consecutive([.init(count: gains, value: .ones), .init(count: shape[0] - gains, value: .zeros)])
        }
        if name.hasSuffix("ada_gss") { return .normal(standardDeviation: 0.4) }
        if shape.count < 2 || name.hasSuffix("scale_mul_1H11") { return initial }
        let deviation = 1 / Double(shape.dropFirst().reduce(1, *)).squareRoot()
        return .normal(standardDeviation: name == "head.weight" ? 3 * deviation : deviation)
    }
}
