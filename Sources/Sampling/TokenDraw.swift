public import Torch

/// What random numbers are for; each use has a stream of its own among the scales of ``Torch/Tensor/keyedUniform``.
///
/// Nothing else goes into a number than seed, image, scale and token, so a picture does not depend on its batch, on
/// other pictures, on threads, or on whether its generation was resumed.
enum RandomStream {
    /// The token of every place: one number each.
    case tokens(scale: Int)
    /// The mixture of every place: V numbers each.
    case mixture(scale: Int)
    /// The class of a picture that was asked for without one.
    case imageClass

    /// Schedules have at most 1024 scales, so the streams stay apart.
    private static let width = 1 << 16

    var scale: Int {
        switch self {
        case .tokens(let scale): scale
        case .mixture(let scale): Self.width + scale
        case .imageClass: 2 * Self.width
        }
    }
}

/// Draws one token for every place.
public enum TokenDraw {
    /// The tokens that random numbers choose: inverse transform over cumulative probabilities in float64.
    ///
    /// - Parameters:
    ///   - probabilities: `[…, V]`; of at least one code above 0 in every place. A code at 0 is never chosen.
    ///   - uniform: `[…, 1]`, in 0 ..< 1, float64.
    /// - Returns: `[…]`, int64.
    /// - Throws: ``Torch/TorchError`` if shapes do not fit or memory runs out.
    public static func tokens(from probabilities: Tensor, uniform: Tensor) throws(TorchError) -> Tensor {
        let cumulative = try probabilities.converted(to: .float64).cumulativeSum(axis: -1)
            // A sum of at most u · total is passed by, so 0 rules a code out, also where a parallel sum on a GPU is not
            // the same before and behind it.
            .filled(0, where: probabilities.isAtMost(0))
        // u ≤ 1 - 2⁻⁵³ makes u · total smaller than the total: there is always a sum beyond it.
        let threshold = try uniform * cumulative.maximum(axis: -1, keepingAxis: true)
        return try threshold.isLess(than: cumulative).converted(to: .uint8).indexOfMaximum(axis: -1)
    }

    /// The tokens of one scale: a function of the seed, each image's number, the scale, each place, and its row of
    /// probabilities.
    ///
    /// - Parameters:
    ///   - probabilities: `[B, T, V]`.
    ///   - seed: The key of all draws.
    ///   - images: The number of each picture, in ``GenerationRequest/imageNumbers``.
    ///   - scale: The scale, from 0.
    /// - Returns: `[B, T]`, int64.
    /// - Throws: ``Torch/TorchError`` if shapes do not fit or memory runs out.
    public static func tokens(
        from probabilities: Tensor, seed: UInt64, images: [Int], scale: Int
    ) throws(TorchError) -> Tensor {
        let uniform = try Tensor.keyedUniform(
            seed: seed, images: images, scale: RandomStream.tokens(scale: scale).scale,
            tokens: probabilities.shape[1], draws: 1)
        return try tokens(from: probabilities, uniform: uniform.moved(to: probabilities.device))
    }

    /// The same from logits by one operator of a GPU, which guides and filters too; see
    /// ``Torch/Tensor/hasFusedDraw(codes:on:)``.
    package static func fusedTokens(
        from logits: Tensor, awayFrom unconditional: Tensor? = nil, strength: Double = 0,
        choosing parameters: SamplingParameters, seed: UInt64, images: Tensor, scale: Int
    ) throws(TorchError) -> Tensor {
        try logits.drawnTokens(
            awayFrom: unconditional, strength: strength, temperature: parameters.temperature, topK: parameters.topK,
            topP: parameters.topP, seed: seed, images: images, scale: RandomStream.tokens(scale: scale).scale)
    }
}
