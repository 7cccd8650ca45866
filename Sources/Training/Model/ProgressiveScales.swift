import TokenPyramid

/// A run that begins with few scales and takes in one after another (the public code's `pg`, `pg0` and `pgwp`).
public struct ProgressiveScales: Codable, Hashable, Sendable {
    /// The share of the run after which all scales are trained, above 0: `pg`.
    public var until: Double
    /// How many scales are trained at first: `pg0` and one.
    public var first: Int
    /// Epochs in which a scale that is new counts more and more: `pgwp`.
    public var warmUpEpochs: Double

    enum CodingKeys: String, CodingKey {
        case until, first
        case warmUpEpochs = "warm_up_epochs"
    }

    /// Stages; the defaults are those of the public code.
    public init(until: Double, first: Int = 5, warmUpEpochs: Double = 0) {
        self.until = until
        self.first = first
        self.warmUpEpochs = warmUpEpochs
    }

    /// Throws where a number makes no sense.
    func check(for schedule: ScaleSchedule, length: TrainingLength) throws(TrainingError) {
        guard until > 0, until <= 1 else {
            throw .invalidSetting("The share of the run with fewer scales must be above 0 and at most 1, not \(until).")
        }
        guard (1...schedule.count).contains(first) else {
            throw .invalidSetting("A run begins with 1 to \(schedule.count) scales, not \(first).")
        }
        guard (0...TrainingLength.mostEpochs).contains(warmUpEpochs) else {
            throw .invalidSetting(
                "The warm-up of a new scale must be in 0...\(Int(TrainingLength.mostEpochs)) epochs, "
                    + "not \(warmUpEpochs).")
        }
        guard length.minutes == nil, length.steps != nil || length.epochs != nil else {
            throw .invalidSetting("Scales are taken in by the share of steps: give --steps or --epochs, not --minutes.")
        }
    }

    /// What is trained in a step.
    ///
    /// - Parameters:
    ///   - step: From 0.
    ///   - count: The number of scales.
    ///   - length: Of the run, with its steps, warm-up and steps of an epoch filled in.
    /// - Returns: The last scale, from 0, and how much it counts; nil where all are trained in full.
    func stage(step: Int, of count: Int, length: TrainingLength) -> (last: Int, weight: Double)? {
        let steps = Double(length.steps ?? 1)
        let warmUp = Double(length.warmUpSteps)
        func last(_ step: Int) -> Int {
            if Double(step) <= warmUp { return first - 1 }
            let progress = (Double(step) - warmUp) / max(steps * until - warmUp, 1)
            let added = min(progress, 1) * Double(count - first)
            return first - 1 + Int(added.rounded(.toNearestOrEven))
        }
        let now = last(step)
        guard now < count - 1 else { return nil }
        let rise = warmUpEpochs * (length.stepsPerEpoch ?? 0)
        // The first stage rises with the learning rate already.
        guard now >= first, rise > 0 else { return (now, 1) }
        var age = 1
        while age < Int(rise.rounded(.up)), step - age >= 0, last(step - age) == now { age += 1 }
        return (now, min(max(Double(age) / rise, 0.01), 1))
    }
}
