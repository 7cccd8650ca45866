public import Torch

/// Normalises groups of channels to mean 0 and variance 1, then scales and shifts each channel.
public struct GroupNorm {
    private let groups: Int
    private let epsilon: Double
    private let weight: Tensor  // [C]
    private let bias: Tensor  // [C]

    /// Reads `weight` and `bias` below `path`.
    public init(channels: Int, groups: Int, epsilon: Double, at path: ParameterPath) throws(TorchError) {
        self.groups = groups
        self.epsilon = epsilon
        weight = try (path / "weight").tensor(channels, initial: .ones)
        bias = try (path / "bias").tensor(channels, initial: .zeros)
    }

    /// `[B, C, h, w]` → the same shape.
    public func callAsFunction(_ x: Tensor, activation: Activation = .identity) throws(TorchError) -> Tensor {
        // After a fast convolution, or on a GPU.
        if x.isChannelsLast, x.hasFusedGroupNorm(with: weight, bias) {
            return try x.fusedGroupNorm(
                groups: groups, weight: weight, bias: bias, epsilon: epsilon, activation: activation)
        }
        return try x.groupNormalized(groups: groups, weight: weight, bias: bias, epsilon: epsilon)
            .activated(activation)
    }

    /// Whether ``factors(of:)`` takes such a map.
    func hasFactors(for x: Tensor) -> Bool { x.hasFusedOperators(with: weight, bias) }

    /// What this does to each channel of a map with channels last in memory: `[B, 2, C]`, factors and then summands.
    func factors(of map: FeatureMap) throws(TorchError) -> Tensor {
        try map.tensor.groupNormFactors(
            statistics: map.statistics, groups: groups, weight: weight, bias: bias, epsilon: epsilon)
    }
}
