public import Torch

/// y = x · weightᵀ + bias over the last axis.
public struct Linear {
    /// `[outputs, inputs]`.
    public let weight: Matrix
    /// `[outputs]`.
    public let bias: Tensor

    /// Reads `weight` and `bias` below `path`.
    public init(
        from inputs: Int, to outputs: Int, at path: ParameterPath, initial: InitialValue, bias: InitialValue = .zeros
    ) throws(TorchError) {
        weight = try (path / "weight").matrix(outputs, inputs, initial: initial)
        self.bias = try (path / "bias").tensor(outputs, initial: bias)
    }

    /// `[…, inputs]` → `[…, outputs]`.
    public func callAsFunction(_ x: Tensor, activation: Activation = .identity) throws(TorchError) -> Tensor {
        try x.rowStableLinear(weight: weight, bias: bias, activation: activation)
    }
}

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
        // After a fast convolution.
        if x.isChannelsLast, x.hasFusedOperators(with: weight, bias) {
            return try x.fusedGroupNorm(
                groups: groups, weight: weight, bias: bias, epsilon: epsilon, activation: activation)
        }
        return try x.groupNormalized(groups: groups, weight: weight, bias: bias, epsilon: epsilon)
            .activated(activation)
    }
}
