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
    /// Float32 on the CPU has an operator of our own. For the rest, LibTorch's product shares rows out among threads in
    /// blocks of 8 and finishes what is left of a block by another kernel, with other roundings: rows are padded to
    /// whole blocks. Training has no use for either.
    public func rowStableLinear(
        weight: Tensor, bias: Tensor?, activation: Activation = .identity
    ) throws(TorchError) -> Tensor {
        if weight.requiresGradient { return try linear(weight: weight, bias: bias).activated(activation) }
        if dtype == .float32 && device == .cpu {
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

/// A two-dimensional convolution with bias.
public struct Convolution2D {
    /// `[outputs, inputs, k, k]`.
    public let weight: Tensor
    /// `[outputs]`.
    public let bias: Tensor
    private let stride: Int
    private let padding: Int

    /// Reads `weight` and `bias` below `path`; fresh values are PyTorch's default for convolutions.
    public init(
        from inputs: Int, to outputs: Int, kernel: Int, stride: Int = 1, padding: Int, at path: ParameterPath
    ) throws(TorchError) {
        let initial = InitialValue.uniform(bound: 1 / Double(inputs * kernel * kernel).squareRoot())
        weight = try (path / "weight").tensor(outputs, inputs, kernel, kernel, initial: initial)
        bias = try (path / "bias").tensor(outputs, initial: initial)
        self.stride = stride
        self.padding = padding
    }

    /// `[B, inputs, h, w]` → `[B, outputs, h′, w′]`.
    public func callAsFunction(_ x: Tensor) throws(TorchError) -> Tensor {
        try x.batchStableConvolution(weight: weight, bias: bias, stride: stride, padding: padding)
    }
}

extension Tensor {
    /// A convolution, with every picture rounded the same whatever pictures stand beside it, and on any number of
    /// threads.
    ///
    /// On the CPU LibTorch has two algorithms, with different roundings. It takes the plain one for a single picture of
    /// at most 20,480 elements, and for kernels of 1 × 1 without a dilation on one thread
    /// (pytorch@v2.11.0:aten/src/ATen/native/Convolution.cpp, `use_mkldnn`). So that it always takes the other one, such a
    /// picture is computed twice, and 1 × 1 kernels are given a dilation, which changes nothing about them.
    package func batchStableConvolution(
        weight: Tensor, bias: Tensor?, stride: Int, padding: Int
    ) throws(TorchError) -> Tensor {
        let largestPlain = 20_480
        let dilation = weight.shape[2] == 1 ? 2 : 1
        // The order of the elements in memory decides between algorithms too, and is not the same for one picture as for
        // several where an operator may choose it.
        let ordered = device == .cpu ? try contiguous() : self
        let isDoubled = device == .cpu && shape[0] == 1 && count <= largestPlain && !weight.requiresGradient
        let pictures = isDoubled ? try Tensor.concatenated([ordered, ordered]) : ordered
        let result = try pictures.convolved(
            weight: weight, bias: bias, stride: stride, padding: padding, dilation: dilation)
        return isDoubled ? try result.narrowed(axis: 0, 0..<1) : result
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
        try x.groupNormalized(groups: groups, weight: weight, bias: bias, epsilon: epsilon).activated(activation)
    }
}
