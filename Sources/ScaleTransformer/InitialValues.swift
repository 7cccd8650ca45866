import NeuralNetworks

/// How the parameters of a fresh transformer are drawn (the public code's `init_weights`).
struct InitialValues {
    private let configuration: TransformerConfiguration

    init(_ configuration: TransformerConfiguration) { self.configuration = configuration }

    /// What the γ rows of AdaLN are scaled by: blocks start close to the identity. The public recipes' `--alng=1e-3`.
    private static let gammaFactor = 1e-3
    /// What the other rows of AdaLN are scaled by.
    private static let adaLNFactor = 0.5
    /// What the head is scaled by: the first predictions are close to uniform.
    private static let headFactor = 0.02

    private var deviation: Double { (1 / Double(3 * configuration.width)).squareRoot() }

    private func normal(_ factor: Double = 1) -> InitialValue {
        .truncatedNormal(standardDeviation: deviation * factor)
    }

    /// Embeddings and projections.
    var weight: InitialValue { normal() }
    /// Projections that write to the residual stream: its variance should not grow with the depth.
    var residualWeight: InitialValue { normal(1 / Double(2 * configuration.depth).squareRoot()) }
    /// The head to the vocabulary.
    var headWeight: InitialValue { normal(Self.headFactor) }
    /// The head's own AdaLN, (scale, shift).
    var headAdaLNWeight: InitialValue { normal(Self.adaLNFactor) }

    /// The AdaLN of a block, `[6 · C, C]`: rows of (γ1, γ2), then of (scale1, scale2, shift1, shift2).
    var adaLNWeight: InitialValue {
        let square = configuration.width * configuration.width
        return .consecutive([
            .init(count: 2 * square, value: normal(Self.gammaFactor)),
            .init(count: 4 * square, value: normal(Self.adaLNFactor)),
        ])
    }

    /// The block's own part of a shared AdaLN, `[1, 1, 6, C]`, in the same order.
    var adaLNOffset: InitialValue {
        let deviation = 1 / Double(configuration.width).squareRoot()
        return .consecutive([
            .init(
                count: 2 * configuration.width, value: .normal(standardDeviation: deviation * Self.gammaFactor)),
            .init(count: 4 * configuration.width, value: .normal(standardDeviation: deviation * Self.adaLNFactor)),
        ])
    }

    /// The logarithm of each head's temperature: ln 4.
    var logTemperature: InitialValue { .constant(1.3862943611198906) }
}
