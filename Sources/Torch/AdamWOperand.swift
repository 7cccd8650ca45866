private let atenFusedAdamW = Operator("aten::_fused_adamw_")

/// A parameter that AdamW moves, with all that belongs to it; every tensor in the same shape.
public struct AdamWOperand {
    let parameter: Tensor
    let gradient: Tensor
    let firstMoment: Tensor
    let secondMoment: Tensor
    /// Which of its own steps this is, from 1: what the bias corrections depend on.
    let step: Int

    /// An operand.
    public init(parameter: Tensor, gradient: Tensor, firstMoment: Tensor, secondMoment: Tensor, step: Int) {
        self.parameter = parameter
        self.gradient = gradient
        self.firstMoment = firstMoment
        self.secondMoment = secondMoment
        self.step = step
    }
}

extension [AdamWOperand] {
    /// Moves all parameters and their moments in place, reading and writing each once.
    ///
    /// - Parameters:
    ///   - learningRate: Of this step.
    ///   - beta1: The decay of the first moment.
    ///   - beta2: The decay of the second moment.
    ///   - epsilon: Added to the root of the second moment.
    ///   - weightDecay: What a parameter loses before it moves, as a multiple of the learning rate.
    /// - Throws: ``TorchError`` if shapes do not fit.
    public func moveByAdamW(
        learningRate: Double, beta1: Double, beta2: Double, epsilon: Double, weightDecay: Double
    ) throws(TorchError) {
        guard !isEmpty else { return }
        var gradients: [Tensor] = []
        for operand in self {
            // The operator goes through memory, and does not look whether both lie in the same order.
            gradients.append(try operand.parameter.isContiguous ? operand.gradient.contiguous() : operand.gradient)
        }
        let steps = try Tensor(map { Float($0.step) }, shape: [count]).moved(to: self[0].parameter.device)
            .unbound(axis: 0)
        try atenFusedAdamW.act(
            .tensors(map(\.parameter)), .tensors(gradients), .tensors(map(\.firstMoment)),
            .tensors(map(\.secondMoment)), .tensors([]), .tensors(steps), .number(learningRate), .number(beta1),
            .number(beta2), .number(weightDecay), .number(epsilon), false, false, .none, .none)
    }
}
