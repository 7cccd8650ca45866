import NeuralNetworks

/// What the parameters of a fresh transformer are scaled by; the defaults are those of the public recipes.
public struct InitialFactors: Codable, Hashable, Sendable {
    /// Of the head: the first predictions are close to uniform. The public code's `hd`.
    public var head: Double
    /// Of AdaLN's scales and shifts: `aln`.
    public var adaLN: Double
    /// Of AdaLN's γ: blocks start close to the identity. `alng`, which the public recipes set.
    public var gain: Double
    /// The standard deviation of all weights: `ini`; nil for √(1 / 3C).
    public var deviation: Double?

    enum CodingKeys: String, CodingKey {
        case head, gain, deviation
        case adaLN = "ada_ln"
    }

    /// Factors.
    public init(head: Double = 0.02, adaLN: Double = 0.5, gain: Double = 1e-3, deviation: Double? = nil) {
        self.head = head
        self.adaLN = adaLN
        self.gain = gain
        self.deviation = deviation
    }
}

/// How the parameters of a fresh transformer are drawn (the public code's `init_weights`).
struct InitialValues {
    private let configuration: TransformerConfiguration
    private let factors: InitialFactors

    init(_ configuration: TransformerConfiguration, _ factors: InitialFactors) {
        self.configuration = configuration
        self.factors = factors
    }

    private var deviation: Double { factors.deviation ?? (1 / Double(3 * configuration.width)).squareRoot() }

    private func normal(_ factor: Double = 1) -> InitialValue {
        .truncatedNormal(standardDeviation: deviation * factor)
    }

    /// Embeddings and projections.
    var weight: InitialValue { normal() }
    /// Projections that write to the residual stream: its variance should not grow with the depth.
    var residualWeight: InitialValue { normal(1 / Double(2 * configuration.depth).squareRoot()) }
    /// The head to the vocabulary.
    var headWeight: InitialValue { normal(factors.head) }
    /// The head's own AdaLN, (scale, shift).
    var headAdaLNWeight: InitialValue { normal(factors.adaLN) }

    /// The AdaLN of a block, `[6 · C, C]`: rows of (γ1, γ2), then of (scale1, scale2, shift1, shift2).
    var adaLNWeight: InitialValue {
        let square = configuration.width * configuration.width
        return .consecutive([
            .init(count: 2 * square, value: normal(factors.gain)),
            .init(count: 4 * square, value: normal(factors.adaLN)),
        ])
    }

    /// The block's own part of a shared AdaLN, `[1, 1, 6, C]`, in the same order.
    var adaLNOffset: InitialValue {
        let deviation = 1 / Double(configuration.width).squareRoot()
        return .consecutive([
            .init(
                count: 2 * configuration.width, value: .normal(standardDeviation: deviation * factors.gain)),
            .init(count: 4 * configuration.width, value: .normal(standardDeviation: deviation * factors.adaLN)),
        ])
    }

    /// The logarithm of each head's temperature: ln 4.
    var logTemperature: InitialValue { .constant(1.3862943611198906) }
}
