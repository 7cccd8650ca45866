import FileOutput
import Foundation
import Images
import NeuralNetworks
import TensorBoard
import Torch

/// Something that learns step by step: what ``TrainingLoop`` runs, saves and resumes.
protocol StepwiseTrainer: AnyObject {
    /// The parameters, with what their learning carries from step to step.
    var learner: Learner { get }
    /// All that learn in a step: ``learner`` first.
    var learners: [Learner] { get }
    /// What must be kept between sittings beside the learner's state; changed in place only.
    var memory: [(name: String, tensor: Tensor)] { get }
    /// How many pictures are learned from: the order in which they come depends on it.
    var sampleCount: Int { get }
    /// Which pictures these are, and those that it is measured on.
    var identity: PictureIdentity { get }
    /// What was waited for and passed over since the last call.
    func takeFeedReport() -> FeedReport
    /// Carries out one step, which must depend on nothing but the state and the step's number.
    ///
    /// - Returns: What to log; the first is the loss. Where one is no number the parameters have not moved.
    func step(_ step: Int, learningRate: Double) throws -> [TrainingMetric]
    /// Measures on pictures that are not trained on.
    func validate() throws -> [TrainingMetric]
    /// What there is to see of the latest measurement, and what it is called.
    func picture() throws -> (name: String, image: PixelImage)?
    /// Pictures that the trained network makes; nil where it makes none.
    func samples() throws -> PixelImage?
}

extension StepwiseTrainer {
    var learners: [Learner] { [learner] }

    func samples() throws -> PixelImage? { nil }

    func picture() throws -> (name: String, image: PixelImage)? { nil }

    /// Everything that must be kept between sittings, but the optimizer's step counts.
    var state: [(name: String, tensor: Tensor)] { learners.flatMap(\.state) + memory }

    /// The optimizers' step counts, one a parameter.
    var optimizerSteps: [Int] { learners.flatMap(\.optimizer.steps) }

    /// Goes on from a checkpoint.
    func restore(_ saved: CheckpointHistory.Saved) throws {
        for (name, tensor) in state { try saved.restore(tensor, name) }
        guard try goOn(after: saved.counters.optimizerSteps) else {
            throw TrainingError.incompleteCheckpoint(
                file: saved.path, missing: "step counts of \(optimizerSteps.count) parameters")
        }
    }

    /// Takes over the state of the first process.
    func follow(_ counters: CheckpointHistory.Counters, in processes: ProcessGroup) throws {
        try withoutGradients {
            for (_, tensor) in state where tensor.count > 0 { try processes.broadcast(tensor) }
        }
        // A fresh run has no counts yet.
        let isFresh = counters.optimizerSteps.isEmpty
        _ = try goOn(after: isFresh ? optimizerSteps : counters.optimizerSteps)
    }

    /// Hands restored values on, with the optimizers' step counts; false where these are not those of the parameters.
    private func goOn(after steps: [Int]) throws -> Bool {
        guard steps.count == optimizerSteps.count, steps.allSatisfy({ $0 >= 0 }) else { return false }
        var rest = steps[...]
        for learner in learners {
            _ = learner.optimizer.restore(steps: Array(rest.prefix(learner.optimizer.steps.count)))
            rest = rest.dropFirst(learner.optimizer.steps.count)
            try learner.parameters.publish()
        }
        return true
    }
}

/// Tells the pictures of a run apart from others, and what makes tokens of them.
struct PictureIdentity: Codable, Hashable {
    /// The fingerprint of those that it learns from.
    let learned: String
    /// The fingerprint of those that it is measured on.
    let measured: String
    /// The fingerprint of the tokenizer; nil where that is what learns.
    var tokenizer: String?
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
    /// Seconds for which a step since the latest line of the log waited for its pictures.
    public let secondsWaited: Double
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
    /// Steps between sample pictures; 0 for none.
    public var samples: Int

    /// A rhythm.
    public init(checkpoint: Int = 200, validation: Int = 500, report: Int = 10, samples: Int = 0) {
        self.checkpoint = checkpoint
        self.validation = validation
        self.report = report
        self.samples = samples
    }

    /// Throws for an interval below 1.
    func check() throws(TrainingError) {
        for interval in [checkpoint, validation, report] where interval < 1 {
            throw .invalidSetting("The steps between checkpoints, measurements and reports must be at least 1.")
        }
        if samples < 0 {
            throw .invalidSetting("The steps between sample pictures must be at least 0, not \(samples).")
        }
    }
}

/// Runs a trainer from where it stands to its end, and saves it on the way.
struct TrainingLoop {
    /// Nil in all processes but the first, which alone writes, measures and reports.
    let folder: RunFolder?
    let length: TrainingLength
    let learningRate: Double
    let rhythm: TrainingRhythm
    /// Asked between steps.
    let isInterrupted: () -> Bool
    /// Those that each learn from a part of each batch. They have the same state after every step.
    var processes: ProcessGroup = .alone

    func run(
        _ trainer: any StepwiseTrainer, resuming: Bool, notice: (TrainingNotice) throws -> Void,
        report: (TrainingReport) throws -> Void
    ) throws -> TrainingOutcome {
        try namingCheckpoint { try attempt(trainer, resuming: resuming, notice: notice, report: report) }
    }

    /// Does a part of the run; where it fails, the error says what `--resume` goes on from.
    func namingCheckpoint<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as FileOutputError {
            throw TrainingError.unwritable(reason: "\(error)", saved: folder?.checkpoints.latest)
        } catch let error as ProcessGroupError {
            throw TrainingError.processesParted(reason: "\(error)")
        }
    }

    private func attempt(
        _ trainer: any StepwiseTrainer, resuming: Bool, notice: (TrainingNotice) throws -> Void,
        report: (TrainingReport) throws -> Void
    ) throws -> TrainingOutcome {
        var counters = try beginning(trainer, resuming: resuming, notice)
        let log = try folder.map { try MetricsLog(path: $0.metricsPath, keeping: counters.lines) }
        if let folder, let log, log.count < counters.lines {
            try notice(.linesMissing(file: folder.metricsPath, found: log.count, expected: counters.lines))
        }
        var needsSaving = folder?.checkpoints.latest == nil
        func save() throws {
            guard needsSaving, let folder, let log else { return }
            try checkFinite(trainer.state, step: counters.step)
            // On the disk before the checkpoint that counts them.
            try log.synchronize()
            counters.lines = log.count
            counters.optimizerSteps = trainer.optimizerSteps
            try folder.checkpoints.save(counters, tensors: trainer.state)
            needsSaving = false
        }
        let events = try folder.map {
            try EventFile(folder: $0.path, firstStep: counters.step == 0 ? 0 : counters.step + 1)
        }
        let clock = ContinuousClock()
        let start = clock.now
        let (firstStep, earlierSeconds) = (counters.step, counters.seconds)
        var pausedSeconds = 0.0
        // Since the latest line of the log.
        var (waited, waitedSteps) = (Duration.zero, 0)
        func publish(_ metrics: [TrainingMetric], isValidation: Bool, logging: Bool = true) throws {
            guard let log, let events else { return }
            let wait = (waited.inSeconds / Double(max(waitedSteps, 1)) * 1e6).rounded() / 1e6
            if logging {
                let milliseconds = (counters.seconds * 1000).rounded()
                var fields = [("step", Double(counters.step)), ("seconds", milliseconds / 1000)]
                if !isValidation { fields.append(("wait", wait)) }
                fields.append(("learning_rate", counters.learningRate))
                try log.append(fields.map { (key: $0.0, value: $0.1) } + metrics.map { ($0.name, $0.value) })
                try show(metrics, wait: wait, of: trainer, after: counters, isValidation: isValidation, in: events)
            }
            let sitting = counters.seconds - earlierSeconds
            try report(
                TrainingReport(
                    step: counters.step,
                    progress: length.progress(step: counters.step, seconds: counters.seconds),
                    seconds: counters.seconds,
                    secondsPerStep: sitting / Double(max(counters.step - firstStep, 1)), secondsWaited: wait,
                    metrics: metrics, isValidation: isValidation))
        }
        while true {
            // Before a measurement, which may take long: a resumed run makes up for it.
            let (isAsked, seconds) = try agreed(isInterrupted(), seconds: counters.seconds)
            counters.seconds = seconds
            if isAsked {
                try save()
                return .interrupted
            }
            let progress = length.progress(step: counters.step, seconds: counters.seconds)
            let isEnd = progress >= 1
            // Measuring and saving take nothing from a run that is given minutes.
            let pause = clock.now
            if isEnd || counters.step % rhythm.validation == 0, counters.measuredStep != counters.step {
                if processes.isFirst { try publish(trainer.validate(), isValidation: true) }
                counters.measuredStep = counters.step
                needsSaving = true
            } else if isEnd, counters.step == firstStep, processes.isFirst {
                // A finished run was resumed: who watches it still wants to know how it ended.
                try publish(trainer.validate(), isValidation: true, logging: false)
            }
            // By the clock no two runs are alike: what was measured after the last checkpoint would not be found again, and
            // another, worse model could take the place of the best.
            let isUnrepeatable = length.minutes != nil && counters.measuredStep == counters.step
            if isEnd || counters.step > 0 && (counters.step % rhythm.checkpoint == 0 || isUnrepeatable) { try save() }
            if isEnd { return .finished }
            pausedSeconds += pause.duration(to: clock.now).inSeconds

            for learner in trainer.learners { learner.prepare(progress: progress) }
            counters.learningRate = learningRate * length.factor(step: counters.step, progress: progress)
            let metrics = try trainer.step(counters.step, learningRate: counters.learningRate)
            let fed = trainer.takeFeedReport()
            waited += fed.waited
            waitedSteps += 1
            for picture in fed.skipped { try notice(.skipped(picture)) }
            if let metric = metrics.first(where: { !$0.value.isFinite }) {
                throw diverged(metric.name.replacing("_", with: " "), metric.value, step: counters.step + 1)
            }
            counters.step += 1
            needsSaving = true
            counters.seconds = earlierSeconds + start.duration(to: clock.now).inSeconds - pausedSeconds
            if counters.step % rhythm.report == 0 {
                try publish(metrics, isValidation: false)
                (waited, waitedSteps) = (.zero, 0)
            }
            if let folder, let events, rhythm.samples > 0, counters.step % rhythm.samples == 0,
                let image = try trainer.samples()
            {
                try folder.keep(image, as: "\(RunFolder.samplesName)/step-\(counters.step).png", notice)
                try events.write(image, tag: "samples", step: counters.step)
            }
        }
    }

    /// The counters to begin with, and the trainer as it was then: in all processes as the first one finds it.
    private func beginning(
        _ trainer: any StepwiseTrainer, resuming: Bool, _ notice: (TrainingNotice) throws -> Void
    ) throws -> CheckpointHistory.Counters {
        let found = try folder.map { try beginning(trainer, in: $0, resuming: resuming, notice) }
        let own = found ?? CheckpointHistory.Counters()
        guard processes.count > 1 else { return own }
        let counters = try JSONDecoder().decode(
            CheckpointHistory.Counters.self, from: Data(processes.broadcast([UInt8](JSONEncoder().encode(own)))))
        try trainer.follow(counters, in: processes)
        return counters
    }

    private func beginning(
        _ trainer: any StepwiseTrainer, in folder: RunFolder, resuming: Bool, _ notice: (TrainingNotice) throws -> Void
    ) throws -> CheckpointHistory.Counters {
        let fresh = CheckpointHistory.Counters(samples: trainer.sampleCount, identity: trainer.identity)
        guard resuming else { return fresh }
        guard var saved = try folder.checkpoints.newestWhole(notice) else {
            try notice(.beginsAnew)
            return fresh
        }
        guard saved.counters.samples == trainer.sampleCount else {
            throw TrainingError.otherPictures(
                folder: folder.path, before: saved.counters.samples, now: trainer.sampleCount)
        }
        try saved.counters.check(trainer.identity, folder: folder.path)
        saved.counters.identity = trainer.identity
        try trainer.restore(saved)
        try notice(.goesOn(step: saved.counters.step))
        return saved.counters
    }

    /// Whether any process was asked to end, and the time by the clock of the first: all end at the same step.
    private func agreed(_ isInterrupted: Bool, seconds: Double) throws -> (isInterrupted: Bool, seconds: Double) {
        let values = try processes.maxima([isInterrupted ? 1 : 0, processes.isFirst ? seconds : 0])
        return (values[0] > 0, values[1])
    }

    /// Throws instead of saving what no run can go on from: a step can ruin parameters with a loss that is still a number.
    private func checkFinite(_ state: [(name: String, tensor: Tensor)], step: Int) throws {
        try withoutGradients {
            for (name, tensor) in state where tensor.count > 0 {
                let largest = try tensor.magnitude().maximum().item()
                if !largest.isFinite { throw diverged("largest number of \(name)", largest, step: step) }
            }
        }
    }

    private func diverged(_ what: String, _ value: Double, step: Int) -> TrainingError {
        .diverged(what: what, value: value, step: step, saved: folder?.checkpoints.latest)
    }

    /// What TensorBoard shows: what the log has, and a picture.
    private func show(
        _ metrics: [TrainingMetric], wait: Double, of trainer: any StepwiseTrainer,
        after counters: CheckpointHistory.Counters,
        isValidation: Bool, in events: EventFile
    ) throws {
        let stage = isValidation ? "validation/" : "train/"
        let shown =
            isValidation
            ? metrics
            : metrics + [TrainingMetric("wait", wait), TrainingMetric("learning_rate", counters.learningRate)]
        try events.write(shown.map { (tag: stage + $0.name, value: $0.value) }, step: counters.step)
        if isValidation, let (name, image) = try trainer.picture() {
            try events.write(image, tag: stage + name, step: counters.step)
        }
    }
}

extension Duration {
    /// As a number of seconds.
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
