public import Torch

/// y = x · weightᵀ + bias over the last axis.
public struct Linear {
    /// `[outputs, inputs]`.
    public let weight: Tensor
    /// `[outputs]`.
    public let bias: Tensor

    /// Reads `weight` and `bias` below `path`.
    public init(
        from inputs: Int, to outputs: Int, at path: ParameterPath, initial: InitialValue, bias: InitialValue = .zeros
    ) throws(TorchError) {
        weight = try (path / "weight").tensor(outputs, inputs, initial: initial)
        self.bias = try (path / "bias").tensor(outputs, initial: bias)
    }

    /// `[…, inputs]` → `[…, outputs]`.
    public func callAsFunction(_ x: Tensor, activation: Activation = .identity) throws(TorchError) -> Tensor {
        try x.rowStableLinear(weight: weight, bias: bias, activation: activation)
    }
}

extension Tensor {
    /// `linear` and an activation, with every row rounded the same whatever rows stand beside it, and on any number of
    /// threads, so that a picture is the same in every batch (docs/decisions/0004).
    ///
    /// The CPU has an operator of our own. For types that it does not take, LibTorch's product shares rows out among threads in
    /// blocks of 8 and finishes what is left of a block by another kernel, with other roundings: rows are padded to
    /// whole blocks. Training has no use for either.
    public func rowStableLinear(
        weight: Tensor, bias: Tensor?, activation: Activation = .identity
    ) throws(TorchError) -> Tensor {
        if weight.requiresGradient || requiresGradient || bias?.requiresGradient == true {
            return try linear(weight: weight, bias: bias).activated(activation)
        }
        if hasFusedLinear {
            return try fusedLinear(weight: weight, bias: bias, activation: activation)
        }
        let block = 8
        let shape = shape
        let rows = shape.dropLast().reduce(1, *)
        guard !rows.isMultiple(of: block) else {
            return try linear(weight: weight, bias: bias).activated(activation)
        }
        return try reshaped(rows, shape[shape.count - 1]).zeroPadded([0, 0, 0, block - rows % block])
            .linear(weight: weight, bias: bias).narrowed(axis: 0, 0..<rows)
            .reshaped(shape.dropLast() + [weight.shape[0]]).activated(activation)
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
