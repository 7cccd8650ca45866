import NeuralNetworks
import Torch

/// x += γ1 · attention(…), x += γ2 · FFN(…).
struct TransformerBlock {
    let adaLN: AdaLN
    private let attention: AttentionBlock
    private let expansion: Linear
    private let contraction: Linear

    init(
        _ configuration: TransformerConfiguration, at path: ParameterPath, initial: InitialValues
    ) throws(TorchError) {
        let width = configuration.width
        let hidden = configuration.hiddenWidth
        if configuration.sharesAdaLN {
            adaLN = .shared(offset: try (path / "ada_gss").tensor(1, 1, 6, width, initial: initial.adaLNOffset))
        } else {
            adaLN = .own(
                try Linear(from: width, to: 6 * width, at: path / "ada_lin" / 1, initial: initial.adaLNWeight))
        }
        attention = try AttentionBlock(configuration, at: path / "attn", initial: initial)
        expansion = try Linear(from: width, to: hidden, at: path / "ffn" / "fc1", initial: initial.weight)
        contraction = try Linear(from: hidden, to: width, at: path / "ffn" / "fc2", initial: initial.residualWeight)
    }

    /// One of its weights, as all of them are kept.
    var weights: Matrix { expansion.weight }

    /// `[B, T, C]` → the same shape.
    func callAsFunction(
        _ x: Tensor, modulation: BlockModulation, reading region: AttentionRegion,
        extending extend: (Tensor, Tensor) throws(TorchError) -> (keys: Tensor, values: Tensor) = { ($0, $1) }
    ) throws(TorchError) -> Tensor {
        let branch = try attention(x.normalized(modulation.ofAttention), reading: region, extending: extend)
        let (x, normed) = try x.adding(
            branch, gain: modulation.attentionGain, thenNormalized: modulation.ofFeedForward)
        return try x.adding(
            contraction(expansion(normed, activation: .geluTanh)), gain: modulation.feedForwardGain)
    }
}
