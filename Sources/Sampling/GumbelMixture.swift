public import Torch

/// `--smooth`: the mean of all codes under a Gumbel softmax, instead of one code (`more_smooth` in
/// VAR@main:models/var.py).
///
/// It sees the logits that top-k and top-p left, -∞ included, and grows colder from scale to scale.
public struct GumbelMixture: Hashable, Sendable {
    /// Which scale: 0 for the first, 1 for the last.
    public let progress: Double

    /// The mixture of a scale.
    public init(progress: Double) { self.progress = progress }

    /// The temperature of the softmax.
    public var temperature: Double { max(0.27 * (1 - progress * 0.95), 0.005) }

    /// How much each code weighs.
    ///
    /// - Parameters:
    ///   - logits: `[B, T, V]`, float32, filtered.
    ///   - exponential: `[B, T, V]`, float32: noise with the standard exponential distribution, above 0.
    /// - Returns: `[B, T, V]`, adding up to 1 over V.
    /// - Throws: ``Torch/TorchError`` if shapes do not fit or memory runs out.
    public func weights(_ logits: Tensor, exponential: Tensor) throws(TorchError) -> Tensor {
        let gumbel = try exponential.log().negated()
        return try ((logits * (1 + progress) + gumbel) / temperature).softmax(axis: -1)
    }

    /// The noise of one scale: a function of seed, image, scale, place and code.
    ///
    /// - Parameters:
    ///   - seed: The key of all draws.
    ///   - images: The number of each picture.
    ///   - scale: The scale, from 0.
    ///   - tokens: How many places, T.
    ///   - vocabularySize: How many codes, V.
    /// - Returns: `[B, T, V]`, float32, above 0, on the CPU.
    /// - Throws: ``Torch/TorchError`` if memory runs out.
    public static func exponential(
        seed: UInt64, images: [Int], scale: Int, tokens: Int, vocabularySize: Int
    ) throws(TorchError) -> Tensor {
        let uniform = try Tensor.keyedUniform(
            seed: seed, images: images, scale: RandomStream.mixture(scale: scale).scale, tokens: tokens,
            draws: vocabularySize)
        // -ln u. 0 has no logarithm; the next number that can be drawn is 2⁻⁵³. None is 1, so nothing comes out as 0.
        return try uniform.clamped(to: 0x1p-54...).log().negated().converted(to: .float32)
    }
}
