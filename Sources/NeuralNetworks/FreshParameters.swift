public import Torch

/// Draws parameters at random, each from its own stream: a value depends on the seed and on the order of the layers.
public final class FreshParameters: ParameterSource {
    private let seed: UInt64

    /// All parameters that were asked for, in that order.
    public private(set) var parameters: [(name: String, tensor: Tensor)] = []

    /// A source with its own seed.
    public init(seed: UInt64) { self.seed = seed }

    /// Draws a parameter; a name that was drawn before is the same tensor.
    public func parameter(_ name: String, shape: [Int], initial: InitialValue) throws(TorchError) -> Tensor {
        let tensor = try initial.drawn(shape: shape, seed: seed, stream: parameters.count)
        parameters.append((name, tensor))
        return tensor
    }
}

extension InitialValue {
    /// A float32 tensor of such values.
    ///
    /// `part` tells the parts of one parameter apart.
    func drawn(shape: [Int], seed: UInt64, stream: Int, part: Int = 0) throws(TorchError) -> Tensor {
        /// `[count, draws]` numbers in 0 ..< 1.
        func uniform(draws: Int) throws(TorchError) -> Tensor {
            try Tensor.keyedUniform(
                seed: seed, images: [stream], scale: part, tokens: shape.reduce(1, *), draws: draws)
        }
        /// Inverse transform: √2 · erf⁻¹(2u - 1) is standard normal where u is uniform.
        func normal(from uniform: Tensor, standardDeviation: Double) throws(TorchError) -> Tensor {
            // u = 0 would be infinite.
            try (uniform.clamped(to: 1e-12...) * 2 - 1).inverseErrorFunction() * (2.0.squareRoot() * standardDeviation)
        }
        let values: Tensor
        switch self {
        case .constant(let value): return try Tensor.full(shape, value)
        case .consecutive(let parts):
            var drawn: [Tensor] = []
            for (index, part) in parts.enumerated() {
                drawn.append(try part.value.drawn(shape: [part.count], seed: seed, stream: stream, part: index))
            }
            return try Tensor.concatenated(drawn).reshaped(shape)
        case .uniform(let bound): values = try uniform(draws: 1) * (2 * bound) - bound
        case .normal(let deviation): values = try normal(from: uniform(draws: 1), standardDeviation: deviation)
        case .truncatedNormal(let deviation):
            values = try normal(from: uniform(draws: 1), standardDeviation: deviation).clamped(to: -2...2)
        }
        return try values.reshaped(shape).converted(to: .float32)
    }
}
