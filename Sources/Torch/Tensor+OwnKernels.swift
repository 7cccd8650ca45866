private let atenSiluInPlace = Operator("aten::silu_")
private let mvarLinear = Operator("mvar::linear")
private let mvarQuantized = Operator("mvar::quantized")
private let mvarGroupNorm = Operator("mvar::group_norm")
private let mvarGroupNormFactors = Operator("mvar::group_norm_factors")
private let mvarWinograd = Operator("mvar::winograd")
private let mvarWinogradWeight = Operator("mvar::winograd_weight")

/// What the results of a layer go through.
public enum Activation: Hashable, Sendable {
    /// Nothing.
    case identity
    /// GELU in its tanh form.
    case geluTanh
    /// x · sigmoid(x).
    case silu

    /// What the operators of our own call it.
    fileprivate var name: StaticString {
        switch self {
        case .identity: "identity"
        case .geluTanh: "gelu_tanh"
        case .silu: "silu"
        }
    }
}

extension Tensor {
    /// This tensor, which nobody else uses, after an activation; its memory is used again where no gradient needs it.
    package consuming func activated(_ activation: Activation) throws(TorchError) -> Tensor {
        switch activation {
        case .identity: self
        case .geluTanh: try geluTanh()
        case .silu: requiresGradient ? try silu() : try atenSiluInPlace(.tensor(self))
        }
    }
}

// Operators of our own (Sources/CKernels): on the CPU, without gradients, in float32 where nothing else is said. Each
// result is a sum in one fixed order, whatever stands beside it and however many threads there are.
extension Tensor {
    /// Whether ``fusedLinear(weight:scales:bias:activation:)`` takes this tensor.
    package var hasFusedLinear: Bool {
        device == .cpu && dtype == .float32 && !LibTorch.withheldOperators.contains(.linear)
    }

    /// Whether the other operators take this tensor with these parameters: float32 on the CPU, and no gradient to be taken.
    package func hasFusedOperators(with parameters: Tensor...) -> Bool {
        dtype == .float32 && device == .cpu && !requiresGradient && !parameters.contains(where: \.requiresGradient)
            && !LibTorch.withheldOperators.contains(.convolution)
    }

    /// `linear` and an activation, of float32.
    ///
    /// - Parameters:
    ///   - weight: `[outputs, inputs]`, float32, bfloat16, float16, int16 or int8.
    ///   - scales: `[outputs]`, what 1 stands for in each row of whole numbers; nil for others.
    ///   - bias: `[outputs]`, float32.
    ///   - activation: What the results go through.
    /// - Returns: `[…, outputs]`, float32.
    /// - Throws: ``TorchError`` if shapes or types do not fit or memory runs out.
    package func fusedLinear(
        weight: Tensor, scales: Tensor? = nil, bias: Tensor?, activation: Activation
    ) throws(TorchError) -> Tensor {
        try mvarLinear(
            .tensor(self), .tensor(weight), .optional(scales), .optional(bias), .string(activation.name))
    }

    /// The rows of a matrix as whole numbers: x ≈ scale · n with |n| ≤ `largest`.
    ///
    /// - Parameters:
    ///   - dtype: int16 or int8.
    ///   - largest: At most 2047 in int16, 127 in int8.
    /// - Returns: The numbers, in this shape, and the scale of each row.
    /// - Throws: ``TorchError`` if memory runs out.
    package func quantizedRows(
        to dtype: DType, largest: Int
    ) throws(TorchError) -> (values: Tensor, scales: Tensor) {
        let results = try mvarQuantized.results(.tensor(self), .dtype(dtype), .integer(largest))
        return (results[0], results[1])
    }

    /// Whether ``fusedGroupNorm(groups:weight:bias:epsilon:activation:)`` takes this map with channels last: as the other
    /// operators, and on GPUs also halves, of channels in steps of 16 bytes (CKernels/CUDA/Device/group_norm.h).
    package func hasFusedGroupNorm(with weight: Tensor, _ bias: Tensor) -> Bool {
        guard device != .cpu else { return hasFusedOperators(with: weight, bias) }
        let isServed = isOfKernels && shape[1].isMultiple(of: 8) && shape[1] <= 3072
        return isServed && !requiresGradient && !weight.requiresGradient && !bias.requiresGradient
            && weight.dtype == dtype && !LibTorch.withheldOperators.contains(.convolution)
    }

    /// Group normalisation and an activation over `[B, C, h, w]` with channels last in memory.
    package func fusedGroupNorm(
        groups: Int, weight: Tensor, bias: Tensor, epsilon: Double, activation: Activation
    ) throws(TorchError) -> Tensor {
        try mvarGroupNorm(
            .tensor(self), .integer(groups), .tensor(weight), .tensor(bias), .number(epsilon),
            .string(activation.name))
    }

    /// What normalises groups of the channels of `[B, C, h, w]`, channels last in memory: `[B, 2, C]`, factors and then
    /// summands. `statistics` are those of ``winogradConvolved(weight:bias:enlarging:prepared:addedTo:products:)``, if there are any.
    package func groupNormFactors(
        statistics: Tensor?, groups: Int, weight: Tensor, bias: Tensor, epsilon: Double
    ) throws(TorchError) -> Tensor {
        try mvarGroupNormFactors(
            .tensor(self), .optional(statistics), .integer(groups), .tensor(weight), .tensor(bias), .number(epsilon))
    }

    /// This kernel, `[outputs, inputs, 3, 3]`, arranged for ``winogradConvolved(weight:bias:enlarging:prepared:addedTo:products:)``.
    ///
    /// - Parameter halves: Whether it is rounded to float16.
    /// - Returns: `[panels of 32 outputs, inputs rounded up to 16, 9, 32]`.
    /// - Throws: ``TorchError`` if this is no such kernel or memory runs out.
    package func winogradWeight(halves: Bool) throws(TorchError) -> Tensor {
        try mvarWinogradWeight(.tensor(self), .boolean(halves))
    }

    /// A 3 × 3 convolution of stride 1 and padding 1 over `[B, inputs, h, w]` with channels last in memory.
    ///
    /// - Parameters:
    ///   - weight: From ``winogradWeight(halves:)``.
    ///   - bias: `[outputs]`.
    ///   - enlarging: Whether the map is enlarged by two before, by repeating pixels.
    ///   - preparation: What the map goes through before: factors and summands of its channels, `[B, 2, inputs]`, then an
    ///     activation.
    ///   - total: A map like the result, channels last, that the result is added to, in its place.
    ///   - products: float32, or bfloat16 to round factors to that where the processor multiplies such.
    /// - Returns: `[B, outputs, h′, w′]`, channels last, and the means and sums of squared distances of its channels,
    ///   `[B, 2, outputs]` float64.
    /// - Throws: ``TorchError`` if shapes do not fit or memory runs out.
    package func winogradConvolved(
        weight: Tensor, bias: Tensor, enlarging: Bool = false,
        prepared preparation: (factors: Tensor, activation: Activation)? = nil, addedTo total: Tensor? = nil,
        products: DType = .float32
    ) throws(TorchError) -> (map: Tensor, statistics: Tensor) {
        let results = try mvarWinograd.results(
            .tensor(self), .tensor(weight), .tensor(bias), .boolean(enlarging), .optional(preparation?.factors),
            .string((preparation?.activation ?? .identity).name), .optional(total), .dtype(products))
        return (results[0], results[1])
    }
}
