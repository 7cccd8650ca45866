public import Torch

/// Adam with decoupled weight decay (Loshchilov and Hutter, arXiv:1711.05101), by PyTorch's fused operator.
///
/// A parameter without a gradient is passed over: it neither decays nor coasts, and its own step count, on which the bias
/// correction depends, stands still.
public final class AdamW {
    /// What stays the same during a run.
    public struct Settings: Codable, Hashable, Sendable {
        /// The decay of the first moment.
        public var beta1: Double
        /// The decay of the second moment.
        public var beta2: Double
        /// Added to the root of the second moment.
        public var epsilon: Double
        /// How much of a decayed parameter goes at each step, as a multiple of the learning rate.
        public var weightDecay: Double
        /// What ``weightDecay`` moves to over a run, by half a wave; nil for no move.
        public var finalWeightDecay: Double?

        enum CodingKeys: String, CodingKey {
            case beta1, beta2, epsilon
            case weightDecay = "weight_decay"
            case finalWeightDecay = "final_weight_decay"
        }

        /// Settings; the defaults are those of the public recipes.
        public init(
            beta1: Double = 0.9, beta2: Double = 0.95, epsilon: Double = 1e-8, weightDecay: Double = 0.05,
            finalWeightDecay: Double? = nil
        ) {
            self.beta1 = beta1
            self.beta2 = beta2
            self.epsilon = epsilon
            self.weightDecay = weightDecay
            self.finalWeightDecay = finalWeightDecay
        }
    }

    private struct Slot {
        let name: String
        let parameter: Tensor
        let decays: Bool
        let firstMoment: Tensor
        let secondMoment: Tensor
        var steps = 0
    }

    /// What stays the same during a run.
    public let settings: Settings
    /// How much of a decayed parameter goes at the next step: that of ``settings`` until it is changed.
    public var weightDecay: Double
    private var slots: [Slot] = []

    /// - Parameters:
    ///   - parameters: What is trained, by name. Gradients are read where `backward` leaves them.
    ///   - settings: What stays the same during a run.
    ///   - decays: Whether the parameter of that name shrinks; see ``isDecayed(_:_:)``.
    /// - Throws: ``Torch/TorchError`` if memory runs out.
    public init(
        _ parameters: [(name: String, tensor: Tensor)], settings: Settings = Settings(),
        decaying decays: (String, Tensor) -> Bool = AdamW.isDecayed
    ) throws(TorchError) {
        self.settings = settings
        weightDecay = settings.weightDecay
        for (name, tensor) in parameters {
            slots.append(
                Slot(
                    name: name, parameter: tensor, decays: decays(name, tensor),
                    firstMoment: try tensor.zerosLike(), secondMoment: try tensor.zerosLike()))
        }
    }

    /// Which parameters the public code lets decay: not vectors, biases, positions, levels, AdaLN offsets, temperatures.
    public static func isDecayed(_ name: String, _ parameter: Tensor) -> Bool {
        let exempt = [
            "cls_token", "start_token", "task_token", "cfg_uncond", "pos_embed", "pos_1LC", "pos_start", "start_pos",
            "lvl_embed", "gamma", "beta", "ada_gss", "moe_bias", "scale_mul",
        ]
        return parameter.rank > 1 && !name.hasSuffix("bias") && !exempt.contains { name.contains($0) }
    }

    /// Moves every parameter that has a gradient; the gradients stay.
    public func step(learningRate: Double) throws(TorchError) {
        try withoutGradients { () throws(TorchError) in
            for decays in [true, false] {
                var moving: [AdamWOperand] = []
                for index in slots.indices where slots[index].decays == decays {
                    guard let gradient = slots[index].parameter.gradient else { continue }
                    slots[index].steps += 1
                    let slot = slots[index]
                    moving.append(
                        AdamWOperand(
                            parameter: slot.parameter, gradient: gradient, firstMoment: slot.firstMoment,
                            secondMoment: slot.secondMoment, step: slot.steps))
                }
                try moving.moveByAdamW(
                    learningRate: learningRate, beta1: settings.beta1, beta2: settings.beta2,
                    epsilon: settings.epsilon, weightDecay: decays ? weightDecay : 0)
            }
        }
    }

    // MARK: Between sittings

    /// The moments as tensors with names, to be saved.
    public var moments: [(name: String, tensor: Tensor)] {
        slots.flatMap { [($0.name + ".exp_avg", $0.firstMoment), ($0.name + ".exp_avg_sq", $0.secondMoment)] }
    }

    /// How many steps each parameter has taken, in the order in which they were given.
    public var steps: [Int] { slots.map(\.steps) }

    /// Goes on from what ``steps`` said, where ``moments`` have been given their values.
    ///
    /// - Parameter steps: One count a parameter.
    /// - Returns: Whether there is one count, of 0 or more, for each; if not, nothing has changed.
    public func restore(steps: [Int]) -> Bool {
        guard steps.count == slots.count, steps.allSatisfy({ $0 >= 0 }) else { return false }
        for (index, count) in steps.enumerated() { slots[index].steps = count }
        return true
    }

    /// Forgets what the optimizer knows of some rows of a parameter, whose values were replaced from outside.
    ///
    /// - Parameters:
    ///   - rows: Which rows, `[n]`, int64.
    ///   - name: The parameter; nothing happens where there is none of that name.
    /// - Throws: ``Torch/TorchError`` if a row is outside.
    public func forget(rows: Tensor, of name: String) throws(TorchError) {
        guard let slot = slots.first(where: { $0.name == name }) else { return }
        try slot.firstMoment.zeroRows(rows)
        try slot.secondMoment.zeroRows(rows)
    }
}

extension Tensor {
    /// Sets whole rows of this tensor itself to 0.
    fileprivate func zeroRows(_ rows: Tensor) throws(TorchError) {
        try addRows(rows, self.rows(rows).negated())
    }
}

/// Scales all gradients so that their common Euclidean norm is at most a bound.
///
/// - Parameters:
///   - parameters: Those without a gradient count as 0.
///   - bound: The largest norm.
/// - Returns: The norm before.
/// - Throws: ``Torch/TorchError`` if memory runs out.
public func clipGradients(of parameters: [Tensor], to bound: Double) throws(TorchError) -> Double {
    try withoutGradients { () throws(TorchError) in
        let gradients = parameters.compactMap(\.gradient)
        guard !gradients.isEmpty else { return 0 }
        let norm = try Tensor.stacked(gradients.norms()).norm().item()
        // Written so that NaN scales everything to NaN, and does not pass for a small norm.
        let factor = bound / (norm + 1e-6)
        if !(factor >= 1) { try gradients.multiply(by: factor) }
        return norm
    }
}
