/// How long a run lasts, and how its learning rate moves: a linear rise, a plateau, a cosine fall to nearly nothing.
///
/// Everything follows the share of the run that is done, so that a run that is given minutes instead of steps still falls
/// to the end of its schedule.
public struct TrainingLength: Codable, Hashable, Sendable {
    /// After how many steps the run ends; `nil` for no such end.
    public var steps: Int?
    /// After how many minutes of training, over all sittings, the run ends; `nil` for no such end. Such a run cannot be
    /// repeated bit for bit.
    public var minutes: Double?
    /// The number of steps in which the learning rate rises.
    public var warmUpSteps: Int
    /// The share of the run at whose end the fall begins: 0 for a fall from the start.
    public var plateau: Double
    /// What is left of the learning rate at the end.
    public var finalFactor: Double

    /// A length; at least one of `steps` and `minutes` should be given, else the run never ends.
    public init(
        steps: Int? = nil, minutes: Double? = nil, warmUpSteps: Int = 100, plateau: Double = 0.4,
        finalFactor: Double = 0.02
    ) {
        self.steps = steps
        self.minutes = minutes
        self.warmUpSteps = warmUpSteps
        self.plateau = plateau
        self.finalFactor = finalFactor
    }

    /// The share of the run that is done, 0...1.
    public func progress(step: Int, seconds: Double) -> Double {
        var progress = 0.0
        if let steps { progress = max(progress, Double(step) / Double(max(steps, 1))) }
        if let minutes { progress = max(progress, seconds / max(minutes * 60, 1e-9)) }
        return min(progress, 1)
    }

    /// What the learning rate is multiplied by in a step.
    public func factor(step: Int, progress: Double) -> Double {
        let rise = warmUpSteps > 0 ? min(1, Double(step + 1) / Double(warmUpSteps)) : 1
        guard progress > plateau, plateau < 1 else { return rise }
        let fallen = (progress - plateau) / (1 - plateau)
        return rise * (finalFactor + (1 - finalFactor) * 0.5 * (1 + cosine(of: .pi * fallen)))
    }
}
