private let mvarModulated = Operator("mvar::modulated")
private let mvarGatedSum = Operator("mvar::gated_sum")
private let mvarGatedSumModulated = Operator("mvar::gated_sum_modulated")
private let mvarDraw = Operator("mvar::draw")
private let atenLinearActivation = Operator("aten::_addmm_activation")

/// What is done to rows by vectors of their picture, each `[B, 1, C]`.
package struct Modulation {
    /// Of ``Tensor/modulated(_:)``: (1 + scale) · x + shift.
    package let scale: Tensor, shift: Tensor
    /// Added to the variance.
    package let epsilon: Double

    /// What these vectors do.
    package init(scale: Tensor, shift: Tensor, epsilon: Double) {
        self.scale = scale
        self.shift = shift
        self.epsilon = epsilon
    }
}

// Operators of our own for NVIDIA GPUs alone (Sources/CKernels/CUDA): in float32, bfloat16 or float16, of which only
// results are rounded. Each result is a sum in one fixed order, whatever stands beside it. Modulation and gated sums
// have gradients, which are such sums too; the others have none.
extension Tensor {
    /// Whether ``modulated(_:)`` and ``addingGated(_:gain:)`` take rows of this shape and type with these vectors: in
    /// registers of a warp, in steps of 16 bytes (CKernels/CUDA/Device/modulation.h).
    package func hasFusedModulation(by vectors: Tensor...) -> Bool {
        guard device != .cpu, rank == 3, shape[2].isMultiple(of: 8), shape[2] <= 4096 else { return false }
        return isOfKernels && vectors.allSatisfy { $0.dtype == dtype }
            && !LibTorch.withheldOperators.contains(.modulation)
    }

    /// Whether the kernels for GPUs have this type.
    var isOfKernels: Bool { dtype == .float32 || dtype == .bfloat16 || dtype == .float16 }

    /// Layer normalisation without weights, then a scale and a shift: `[B, T, C]` → the same shape.
    package func modulated(_ modulation: Modulation) throws(TorchError) -> Tensor {
        try mvarModulated(
            .tensor(self), .tensor(modulation.scale), .tensor(modulation.shift), .number(modulation.epsilon))
    }

    /// This and a branch times its gain, `[B, 1, C]`: `[B, T, C]` → the same shape.
    package func addingGated(_ branch: Tensor, gain: Tensor) throws(TorchError) -> Tensor {
        try mvarGatedSum(.tensor(self), .tensor(branch), .tensor(gain))
    }

    /// ``addingGated(_:gain:)``, and ``modulated(_:)`` of that, in one pass.
    package func addingGated(
        _ branch: Tensor, gain: Tensor, thenModulated modulation: Modulation
    ) throws(TorchError) -> (sum: Tensor, modulated: Tensor) {
        let results = try mvarGatedSumModulated.results(
            .tensor(self), .tensor(branch), .tensor(gain), .tensor(modulation.scale), .tensor(modulation.shift),
            .number(modulation.epsilon))
        return (results[0], results[1])
    }

    /// Whether a GPU's library of products adds a bias and takes GELU of the sum as it writes these results.
    package func hasLinearGELU(weight: Tensor, bias: Tensor?) -> Bool {
        guard device != .cpu, let bias else { return false }
        return isOfKernels && !requiresGradient && !weight.requiresGradient && !bias.requiresGradient
            && !LibTorch.withheldOperators.contains(.linear)
    }

    /// GELU, in its tanh form, of x · weightᵀ + bias on a GPU: `[…, inputs]` → `[…, outputs]`.
    package func linearGELU(weight: Tensor, bias: Tensor) throws(TorchError) -> Tensor {
        let (inputs, outputs) = (weight.shape[1], weight.shape[0])
        return try atenLinearActivation(
            .tensor(bias), .tensor(reshaped(-1, inputs)), .tensor(weight.transposed(0, 1)), .number(1), .number(1),
            .boolean(true)
        ).reshaped(shape.dropLast() + [outputs])
    }

    /// Whether ``drawnTokens(awayFrom:strength:temperature:topK:topP:seed:images:scale:)`` takes logits of so many codes:
    /// a block has registers for them (CKernels/CUDA/Device/draw.h).
    package static func hasFusedDraw(codes: Int, on device: Device) -> Bool {
        device != .cpu && codes <= 16_384 && !LibTorch.withheldOperators.contains(.draw)
    }

    /// The tokens that random numbers choose from logits, `[B, T, V]` float32 on a GPU; the same as on the CPU, but where
    /// rounding decides.
    ///
    /// - Parameters:
    ///   - unconditional: The logits that guidance leads away from, in the same shape; nil without guidance.
    ///   - strength: t of (1 + t) · logits - t · unconditional.
    ///   - temperature: Above 0.
    ///   - topK: Only so many codes are drawn from; 0 for all.
    ///   - topP: Only the likeliest that have this share of the probability; 0 for all.
    ///   - seed: The key of all draws.
    ///   - images: The number of each picture, `[B]`, int64, on the same GPU.
    ///   - scale: The stream of random numbers, as of ``keyedUniform(seed:images:scale:tokens:draws:)``.
    /// - Returns: `[B, T]`, int64; -1 where logits are no numbers.
    /// - Throws: ``TorchError`` if shapes or types do not fit or memory runs out.
    package func drawnTokens(
        awayFrom unconditional: Tensor?, strength: Double, temperature: Double, topK: Int, topP: Double, seed: UInt64,
        images: Tensor, scale: Int
    ) throws(TorchError) -> Tensor {
        try mvarDraw(
            .tensor(self), .optional(unconditional), .number(strength), .number(temperature), .integer(topK),
            .number(topP), .integer(Int(bitPattern: UInt(seed))), .tensor(images), .integer(scale))
    }
}
