private let atenSiluInPlace = Operator("aten::silu_")
private let mvarLinear = Operator("mvar::linear")
private let mvarGroupNorm = Operator("mvar::group_norm")
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
    /// Whether ``fusedLinear(weight:bias:activation:)`` takes this tensor.
    package var hasFusedLinear: Bool {
        device == .cpu && (dtype == .float32 || dtype == .bfloat16 && LibTorch.instructionSet == .avx512BFloat16)
    }

    /// Whether the other operators take this tensor with these parameters: float32 on the CPU, and no gradient to be taken.
    package func hasFusedOperators(with parameters: Tensor...) -> Bool {
        dtype == .float32 && device == .cpu && !requiresGradient && !parameters.contains(where: \.requiresGradient)
    }

    /// `linear` and an activation. `weight`: `[outputs, inputs]`, `bias`: `[outputs]`, all of one type: float32, or
    /// bfloat16 on processors that multiply it.
    package func fusedLinear(weight: Tensor, bias: Tensor?, activation: Activation) throws(TorchError) -> Tensor {
        try mvarLinear(.tensor(self), .tensor(weight), .optional(bias), .string(activation.name))
    }

    /// Group normalisation and an activation over `[B, C, h, w]` with channels last in memory.
    package func fusedGroupNorm(
        groups: Int, weight: Tensor, bias: Tensor, epsilon: Double, activation: Activation
    ) throws(TorchError) -> Tensor {
        try mvarGroupNorm(
            .tensor(self), .integer(groups), .tensor(weight), .tensor(bias), .number(epsilon),
            .string(activation.name))
    }

    /// What ``winogradConvolved(weight:bias:tile:enlarging:)`` takes for this kernel, `[outputs, inputs, 3, 3]`.
    package func winogradWeight(tile: Int, enlarging: Bool) throws(TorchError) -> Tensor {
        try mvarWinogradWeight(.tensor(self), .integer(tile), .boolean(enlarging))
    }

    /// A 3 × 3 convolution of stride 1 and padding 1 over `[B, inputs, h, w]` with channels last in memory.
    ///
    /// - Parameters:
    ///   - weight: From ``winogradWeight(tile:enlarging:)`` for the same `tile` and `enlarging`.
    ///   - bias: `[outputs]`.
    ///   - tile: 2, as exact as the definition, or 4, faster and a decimal digit less exact.
    ///   - enlarging: Whether the map is enlarged by two before, by repeating pixels.
    /// - Returns: `[B, outputs, h′, w′]`, channels last.
    /// - Throws: ``TorchError`` if shapes do not fit or memory runs out.
    package func winogradConvolved(
        weight: Tensor, bias: Tensor, tile: Int, enlarging: Bool
    ) throws(TorchError) -> Tensor {
        try mvarWinograd(.tensor(self), .tensor(weight), .tensor(bias), .integer(tile), .boolean(enlarging))
    }
}
