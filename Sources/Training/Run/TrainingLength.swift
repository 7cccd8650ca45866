/// How long a run lasts, and how its learning rate moves: a linear rise, a plateau, a fall to nearly nothing.
///
/// The fall follows the share of the run that is done, so that a run that is given minutes instead of steps still falls to
/// the end of its schedule. Run by steps, the rate is that of VAR's trainer to the step.
public struct TrainingLength: Codable, Hashable, Sendable {
    /// After how many steps the run ends; `nil` for no such end.
    public var steps: Int?
    /// After how many looks at every picture the run ends; `nil` for no such end.
    public var epochs: Double?
    /// After how many minutes of training, over all sittings, the run ends; `nil` for no such end. Such a run cannot be
    /// repeated bit for bit.
    public var minutes: Double?
    /// The number of steps in which the learning rate rises.
    public var warmUpSteps: Int
    /// The same in epochs; nil for steps.
    public var warmUpEpochs: Double?
    /// What the learning rate begins with, as a share of its highest value.
    public var initialFactor: Double
    /// How the learning rate falls.
    public var fall: RateFall
    /// The share of the run, after the rise, at whose end the fall begins: 0 for a fall from the start.
    public var plateau: Double
    /// What is left of the learning rate at the end.
    public var finalFactor: Double
    /// Filled in by ``resolved(samples:batch:)``.
    private(set) var stepsPerEpoch: Double?

    enum CodingKeys: String, CodingKey {
        case steps, epochs, minutes, fall, plateau
        case warmUpSteps = "warm_up_steps"
        case warmUpEpochs = "warm_up_epochs"
        case initialFactor = "initial_factor"
        case finalFactor = "final_factor"
    }

    /// A length; at least one of `steps`, `epochs` and `minutes` should be given, else the run never ends.
    public init(
        steps: Int? = nil, epochs: Double? = nil, minutes: Double? = nil, warmUpSteps: Int = 100,
        warmUpEpochs: Double? = nil, initialFactor: Double = 0.005, fall: RateFall = .cosine, plateau: Double = 0.4,
        finalFactor: Double = 0.02
    ) {
        self.steps = steps
        self.epochs = epochs
        self.minutes = minutes
        self.warmUpSteps = warmUpSteps
        self.warmUpEpochs = warmUpEpochs
        self.initialFactor = initialFactor
        self.fall = fall
        self.plateau = plateau
        self.finalFactor = finalFactor
    }

    /// The same length in steps and minutes.
    ///
    /// - Parameters:
    ///   - samples: How many pictures there are.
    ///   - batch: Pictures a step.
    /// - Returns: A length without epochs.
    func resolved(samples: Int, batch: Int) -> TrainingLength {
        var length = self
        let stepsPerEpoch = Double(samples) / Double(max(batch, 1))
        func steps(_ epochs: Double) -> Int { max(1, Int((epochs * stepsPerEpoch).rounded())) }
        if let epochs { length.steps = min(length.steps ?? .max, steps(epochs)) }
        if let warmUpEpochs { length.warmUpSteps = steps(warmUpEpochs) }
        (length.epochs, length.warmUpEpochs) = (nil, nil)
        length.stepsPerEpoch = stepsPerEpoch
        return length
    }

    /// The share of the run that is done, 0...1.
    public func progress(step: Int, seconds: Double) -> Double {
        var progress = 0.0
        if let steps { progress = max(progress, Double(step) / Double(max(steps, 1))) }
        if let minutes { progress = max(progress, seconds / max(minutes * 60, 1e-9)) }
        return min(progress, 1)
    }

    /// What the learning rate is multiplied by in a step, from 0.
    public func factor(step: Int, progress: Double) -> Double {
        if step < warmUpSteps {
            return initialFactor + (1 - initialFactor) * Double(step) / Double(warmUpSteps)
        }
        guard minutes == nil, let steps else { return fall.factor(progress, from: plateau, to: finalFactor) }
        let fallen = Double(step - warmUpSteps) / Double(max(steps - 1 - warmUpSteps, 1))
        return fall.factor(min(fallen, 1), from: plateau, to: finalFactor)
    }
}

extension TrainingLength {
    /// So many that the steps of any data set's epochs can be counted.
    static let mostEpochs = 1e8

    /// Throws where the run would never end, or a number makes no sense.
    func check() throws(TrainingError) {
        guard steps != nil || epochs != nil || minutes != nil else {
            throw .invalidSetting("A run needs an end: give --steps, --epochs or --minutes.")
        }
        if let steps, steps < 1 { throw .invalidSetting("A run needs at least 1 step, not \(steps).") }
        for (name, value) in [("epochs", epochs), ("minutes", minutes)] {
            guard let value, !(value > 0) || !value.isFinite else { continue }
            throw .invalidSetting("The \(name) of a run must be above 0, not \(value).")
        }
        if let epochs, epochs > Self.mostEpochs {
            throw .invalidSetting("The epochs of a run must be at most \(Int(Self.mostEpochs)), not \(epochs).")
        }
        guard warmUpSteps >= 0 else {
            throw .invalidSetting("The warm-up must have at least 0 steps, not \(warmUpSteps).")
        }
        if let warmUpEpochs, !(0...Self.mostEpochs).contains(warmUpEpochs) {
            throw .invalidSetting(
                "The warm-up must be in 0...\(Int(Self.mostEpochs)) epochs, not \(warmUpEpochs).")
        }
        for (name, value) in [("at the start", initialFactor), ("at the end", finalFactor)] {
            guard !(0...1).contains(value) || value == 0 && fall == .exponential else { continue }
            throw .invalidSetting(
                "What is left of the learning rate \(name) must be a share in 0...1, not \(value)"
                    + (value == 0 ? ", which no exponential fall reaches." : "."))
        }
        guard (0...1).contains(plateau) else {
            throw .invalidSetting("The plateau must be a share of the run, in 0...1, not \(plateau).")
        }
    }
}
