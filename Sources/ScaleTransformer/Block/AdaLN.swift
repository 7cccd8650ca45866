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

    /// Before the attention.
    var ofAttention: Modulation { Modulation(scale: attentionScale, shift: attentionShift) }
    /// Before the feed-forward network.
    var ofFeedForward: Modulation { Modulation(scale: feedForwardScale, shift: feedForwardShift) }

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

/// What stands between the products of a block, on a GPU in one pass.
extension Tensor {
    /// Layer normalisation without weights, then a scale and a shift that depend on the class: `[B, T, C]`.
    func normalized(_ modulation: Modulation) throws(TorchError) -> Tensor {
        if hasFusedModulation(by: modulation.scale, modulation.shift) { return try modulated(modulation) }
        return try layerNormalized(epsilon: modulation.epsilon) * (modulation.scale + 1) + modulation.shift
    }

    /// x + γ · branch: `[B, T, C]`, with γ `[B, 1, C]`.
    func adding(_ branch: Tensor, gain: Tensor) throws(TorchError) -> Tensor {
        if hasFusedModulation(by: branch, gain) { return try addingGated(branch, gain: gain) }
        return try self + branch * gain
    }

    /// ``adding(_:gain:)``, and that ``normalized(_:)``.
    func adding(
        _ branch: Tensor, gain: Tensor, thenNormalized modulation: Modulation
    ) throws(TorchError) -> (sum: Tensor, modulated: Tensor) {
        if hasFusedModulation(by: branch, gain, modulation.scale, modulation.shift) {
            return try addingGated(branch, gain: gain, thenModulated: modulation)
        }
        let sum = try adding(branch, gain: gain)
        return (sum, try sum.normalized(modulation))
    }
}

extension Modulation {
    init(scale: Tensor, shift: Tensor) {
        self.init(scale: scale, shift: shift, epsilon: TransformerConfiguration.normalizationEpsilon)
    }
}
