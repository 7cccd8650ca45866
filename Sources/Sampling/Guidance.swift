public import Torch

/// Classifier-free guidance that grows from scale to scale: away from what the model predicts without a class.
public struct Guidance: Hashable, Sendable {
    /// The strength at the last scale, cfg.
    public let strength: Double

    /// Guidance of that strength; 0 is none.
    public init(strength: Double) { self.strength = strength }

    /// The strength t at a scale. `progress`: 0 at the first, 1 at the last.
    public func strength(at progress: Double) -> Double { strength * progress }

    /// (1 + t) · conditional - t · unconditional.
    ///
    /// - Parameters:
    ///   - conditional: The logits for the class, any shape.
    ///   - unconditional: The logits for the null class, the same shape.
    ///   - progress: Which scale: 0 for the first, 1 for the last.
    /// - Returns: The guided logits.
    /// - Throws: ``Torch/TorchError`` if shapes do not fit or memory runs out.
    public func combined(
        conditional: Tensor, unconditional: Tensor, progress: Double
    ) throws(TorchError) -> Tensor {
        let t = strength(at: progress)
        return try conditional * (1 + t) - unconditional * t
    }
}
