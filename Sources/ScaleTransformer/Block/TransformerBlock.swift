import NeuralNetworks
import Torch

/// How a class changes a block: six vectors, each `[B, 1, C]`.
struct BlockModulation {
    let attentionGain: Tensor  // γ1
    let feedForwardGain: Tensor  // γ2
    let attentionScale: Tensor
    let feedForwardScale: Tensor
    let attentionShift: Tensor
    let feedForwardShift: Tensor

    /// From all six, `[B, 6, C]`, in the order above.
    init(_ vectors: Tensor) throws(TorchError) { self.init(parts: try vectors.unsqueezed(2).unbound(axis: 1)) }

    /// From each of them, in the order above.
    init(parts: [Tensor]) {
        attentionGain = parts[0]
        feedForwardGain = parts[1]
        attentionScale = parts[2]
        feedForwardScale = parts[3]
        attentionShift = parts[4]
        feedForwardShift = parts[5]
    }

    /// Each of them, in the order above.
    var parts: [Tensor] {
        [attentionGain, feedForwardGain, attentionScale, feedForwardScale, attentionShift, feedForwardShift]
    }

    /// The vectors with the gains multiplied: by 0 where a picture leaves a branch of the block out.
    func multiplyingGains(attention: Tensor, feedForward: Tensor) throws(TorchError) -> BlockModulation {
        BlockModulation(parts: [try attentionGain * attention, try feedForwardGain * feedForward] + parts.dropFirst(2))
    }

    /// The vectors of pictures that `pictures` chooses along the first axis.
    func choosing(_ pictures: (Tensor) throws(TorchError) -> Tensor) throws(TorchError) -> BlockModulation {
        // [B, 1, C] each
        return try BlockModulation(pictures(Tensor.concatenated(parts, axis: 1)))
    }
}

/// Where a block's modulation comes from.
enum AdaLN {
    /// A projection of its own, SiLU(c) → 6C.
    case own(Linear)
    /// What all blocks share, plus this offset: `[1, 1, 6, C]`.
    case shared(offset: Tensor)

    /// - Parameters:
    ///   - activated: SiLU(c), `[B, C]`.
    ///   - common: The shared projection of it, `[B, 6, C]`, where there is one.
    /// - Returns: The six vectors of the block.
    /// - Throws: ``Torch/TorchError`` if memory runs out.
    func modulation(_ activated: Tensor, common: Tensor?) throws(TorchError) -> BlockModulation {
        switch self {
        case .own(let projection):
            let shape = activated.shape
            return try BlockModulation(projection(activated).reshaped(shape[0], 6, shape[1]))
        case .shared(let offset):
            guard let common else { preconditionFailure("a block with a shared AdaLN got no shared vectors") }
            return try BlockModulation(common + offset.squeezed(0))
        }
    }

    /// Lets go of the projection until the next classes: a third of a model's weights, used once a batch.
    func discardMemory() {
        if case .own(let projection) = self { projection.weight.discardMemory() }
    }
}

/// Layer normalisation without weights, then a scale and a shift that depend on the class.
func modulated(_ x: Tensor, scale: Tensor, shift: Tensor) throws(TorchError) -> Tensor {
    try x.layerNormalized(epsilon: TransformerConfiguration.normalizationEpsilon) * (scale + 1) + shift
}

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
        let normed = try modulated(x, scale: modulation.attentionScale, shift: modulation.attentionShift)
        let x = try x + attention(normed, reading: region, extending: extend) * modulation.attentionGain
        let hidden = try expansion(
            modulated(x, scale: modulation.feedForwardScale, shift: modulation.feedForwardShift),
            activation: .geluTanh)
        return try x + contraction(hidden) * modulation.feedForwardGain
    }
}
