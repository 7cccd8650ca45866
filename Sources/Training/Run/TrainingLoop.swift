import Torch

/// Something that learns step by step: what ``TrainingLoop`` runs, saves and resumes.
protocol StepwiseTrainer: AnyObject {
    /// Carries out one step, which must depend on nothing but the state and the step's number.
    ///
    /// - Returns: What to log; the first is the loss.
    func step(_ step: Int, learningRate: Double) throws -> [TrainingMetric]
    /// Measures on pictures that are not trained on.
    func validate() throws -> [TrainingMetric]
    /// Everything that must be kept between sittings.
    var state: [(name: String, tensor: Tensor)] { get }
    /// The optimizer's steps per parameter.
    var optimizerSteps: [Int] { get }
    /// Goes on from a saved state.
    func restore(optimizerSteps: [Int], tensor: (String) throws -> Tensor) throws
}

/// A number that a run reports.
public struct TrainingMetric: Hashable, Sendable {
    /// Its name in `metrics.jsonl`.
    public let name: String
    /// Its value.
    public let value: Double

    init(_ name: String, _ value: Double) {
        self.name = name
        self.value = value
    }
}

/// What a run tells the one who watches.
public struct TrainingReport: Sendable {
    /// Steps that are done.
    public let step: Int
    /// The share of the run that is done, 0...1.
    public let progress: Double
    /// Seconds of training over all sittings.
    public let seconds: Double
    /// Seconds a step in this sitting.
    public let secondsPerStep: Double
    /// Losses and measurements.
    public let metrics: [TrainingMetric]
    /// Whether these are measurements on held-out pictures.
    public let isValidation: Bool
}

/// How a run ended.
public enum TrainingOutcome: Hashable, Sendable {
    /// At its full length.
    case finished
    /// By request, with its state saved.
    case interrupted
}

/// How often a run saves, measures and reports, in steps.
public struct TrainingRhythm: Codable, Hashable, Sendable {
    /// Steps between checkpoints.
    public var checkpoint: Int
    /// Steps between measurements on held-out pictures; the last step is always measured.
    public var validation: Int
    /// Steps between lines of the log.
    public var report: Int

    /// A rhythm.
    public init(checkpoint: Int = 200, validation: Int = 500, report: Int = 10) {
        self.checkpoint = checkpoint
        self.validation = validation
        self.report = report
    }
}

/// Runs a trainer from where it stands to its end, and saves it on the way.
struct TrainingLoop {
    let folder: RunFolder
    let length: TrainingLength
    let learningRate: Double
    let rhythm: TrainingRhythm
    /// Asked after every step.
    let isInterrupted: () -> Bool

    func run(
        _ trainer: any StepwiseTrainer, resuming: Bool, report: (TrainingReport) throws -> Void
    ) throws -> TrainingOutcome {
        var counters = RunFolder.Counters()
        if resuming {
            let (saved, tensor) = try folder.load()
            counters = saved
            try trainer.restore(optimizerSteps: saved.optimizerSteps, tensor: tensor)
            try folder.dropMetrics(after: saved.step)
        }
        func save() throws {
            counters.optimizerSteps = trainer.optimizerSteps
            try folder.save(counters, tensors: trainer.state)
        }
        let clock = ContinuousClock()
        let start = clock.now
        let (firstStep, earlierSeconds) = (counters.step, counters.seconds)
        var pausedSeconds = 0.0
        func publish(_ metrics: [TrainingMetric], rate: Double, isValidation: Bool) throws {
            let fields = [("step", Double(counters.step)), ("seconds", counters.seconds), ("learning_rate", rate)]
            try folder.log(fields.map { (key: $0.0, value: $0.1) } + metrics.map { ($0.name, $0.value) })
            let sitting = counters.seconds - earlierSeconds
            try report(
                TrainingReport(
                    step: counters.step,
                    progress: length.progress(step: counters.step, seconds: counters.seconds),
                    seconds: counters.seconds,
                    secondsPerStep: sitting / Double(max(counters.step - firstStep, 1)), metrics: metrics,
                    isValidation: isValidation))
        }
        while true {
            let progress = length.progress(step: counters.step, seconds: counters.seconds)
            guard progress < 1 else { break }
            let rate = learningRate * length.factor(step: counters.step, progress: progress)
            let metrics = try trainer.step(counters.step, learningRate: rate)
            if let loss = metrics.first, !loss.value.isFinite {
                throw TrainingError.diverged(step: counters.step, loss: loss.value)
            }
            counters.step += 1
            counters.seconds = earlierSeconds + start.duration(to: clock.now).inSeconds - pausedSeconds
            if counters.step % rhythm.report == 0 { try publish(metrics, rate: rate, isValidation: false) }
            if isInterrupted() {
                try save()
                return .interrupted
            }
            // Measuring and saving take nothing from a run that is given minutes.
            let pause = clock.now
            if counters.step % rhythm.validation == 0 {
                try publish(trainer.validate(), rate: rate, isValidation: true)
            }
            if counters.step % rhythm.checkpoint == 0 { try save() }
            pausedSeconds += pause.duration(to: clock.now).inSeconds
        }
        if counters.step % rhythm.validation != 0 || counters.step == firstStep {
            try publish(trainer.validate(), rate: 0, isValidation: true)
        }
        try save()
        return .finished
    }
}

extension Duration {
    /// As a number of seconds.
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
