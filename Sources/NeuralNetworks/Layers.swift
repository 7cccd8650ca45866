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
