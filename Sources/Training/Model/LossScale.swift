import Torch

/// What the loss is multiplied by in float16, whose smallest numbers gradients would fall below (Micikevicius et al.,
/// "Mixed Precision Training", arXiv:1710.03740): halved where a gradient is too large to be a number, doubled after a
/// thousand steps without.
package struct LossScale {
    /// The multiplier and the steps since it changed, `[2]`, float64: a tensor, so that it is saved with the others.
    let state: Tensor
    private static let growthInterval = 1000.0

    /// The first multiplier, the public code's.
    package static let first = 2048.0

    init() throws(TorchError) { state = try Tensor([Self.first, 0], shape: [2]) }

    /// The multiplier of the next step.
    var value: Double { get throws(TorchError) { try state.array(of: Double.self)[0] } }

    /// Takes note of a step.
    ///
    /// - Throws: ``TrainingError`` where no multiplier is small enough.
    func update(wasFinite: Bool, step: Int) throws {
        let values = try state.array(of: Double.self)
        var (scale, age) = (values[0], values[1] + 1)
        if !wasFinite {
            (scale, age) = (scale / 2, 0)
        } else if age >= Self.growthInterval {
            (scale, age) = (min(scale * 2, 0x1p24), 0)
        }
        guard scale >= 0x1p-14 else { throw TrainingError.scaleCollapsed(step: step + 1) }
        try withoutGradients { try state.assign(Tensor([scale, age], shape: [2])) }
    }
}
