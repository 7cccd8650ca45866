import Foundation
import NeuralNetworks
import Torch

@testable import Training

/// Learns three numbers: everything that a run saves, in a file of less than two kilobytes, at no cost.
final class TinyTrainer: StepwiseTrainer {
    struct Settings: Codable, TrainingSettings {
        var batch = 1
        var crop = PictureCrop.center
        var learningRate = 0.1
        var optimizer = AdamW.Settings()
        var clip = 1.0
        var averageDecay = 0.9
        var length = TrainingLength(steps: 12, warmUpSteps: 2)
        var rhythm = TrainingRhythm(checkpoint: 3, validation: 4, report: 1)
    }

    let learner: Learner
    let sampleCount: Int
    let identity: PictureIdentity
    private let weight: Tensor
    private let smallest: Tensor
    private let damage: Damage?

    /// What goes wrong in a step.
    enum Damage {
        case loss(step: Int)
        case parameters(step: Int)
    }

    init(
        _ settings: Settings, samples: Int = 5,
        identity: PictureIdentity = PictureIdentity(learned: "a", measured: "b"),
        damage: Damage? = nil
    ) throws {
        let parameters = TrainableParameters(FreshParameters(seed: 1))
        weight = try (ParameterPath(parameters) / "weight").tensor(3, initial: .normal(standardDeviation: 1))
        learner = try Learner(
            parameters, settings: settings.optimizer, clip: settings.clip, averageDecay: settings.averageDecay)
        smallest = try Tensor.full([1], 1e30, dtype: .float64)
        sampleCount = samples
        self.identity = identity
        self.damage = damage
    }

    var memory: [(name: String, tensor: Tensor)] { [("smallest", smallest)] }

    /// Another time in every sitting.
    func takeFeedReport() -> FeedReport { FeedReport(waited: .nanoseconds(Int.random(in: 0...1_000_000))) }

    func step(_ step: Int, learningRate: Double) throws -> [TrainingMetric] {
        try learner.parameters.dropGradients()
        var target = Double(step % sampleCount) * 0.1
        if case .loss(step) = damage { target = .nan }
        let difference = try weight - target
        let loss = try (difference * difference).sum()
        try loss.backward()
        let norm = try learner.clippedGradients()
        let metrics = [TrainingMetric("loss", try loss.detached().item()), TrainingMetric("gradient_norm", norm)]
        guard metrics.allSatisfy(\.value.isFinite) else { return metrics }
        try learner.move(step: step, learningRate: learningRate)
        if case .parameters(step) = damage {
            try withoutGradients { () throws(TorchError) in try weight.assign(Tensor.full([3], .infinity)) }
        }
        return metrics
    }

    func validate() throws -> [TrainingMetric] {
        let loss = try learner.result[0].tensor.detached().norm().item()
        try smallest.assign(Tensor([min(loss, smallest.item())], shape: [1]))
        return [TrainingMetric("loss", loss), TrainingMetric("smallest", try smallest.item())]
    }
}

/// A run of a ``TinyTrainer`` in a folder.
struct TinyRun {
    let folder: String
    var settings = TinyTrainer.Settings()
    var samples = 5
    var identity = PictureIdentity(learned: "a", measured: "b")
    var damage: TinyTrainer.Damage?

    /// What ends a run from outside, as a signal that cannot be caught would.
    struct Killed: Error {}

    /// One sitting.
    ///
    /// - Parameters:
    ///   - resuming: Whether it goes on.
    ///   - kill: After which report to end without another word.
    ///   - stop: After which report to ask for an end.
    ///   - watch: Gets the step of every report.
    /// - Returns: How it ended, and what it remarked.
    /// - Throws: What ended it.
    @discardableResult
    func sit(
        resuming: Bool = false, killAfter kill: Int? = nil, stopAfter stop: Int? = nil,
        watching watch: (Int) throws -> Void = { _ in }
    ) throws -> (outcome: TrainingOutcome, notices: [TrainingNotice]) {
        var reports = 0
        var notices: [TrainingNotice] = []
        let runFolder = try RunFolder(path: folder, settings: settings, resuming: resuming)
        let loop = TrainingLoop(
            folder: runFolder, length: settings.length, learningRate: settings.learningRate, rhythm: settings.rhythm,
            isInterrupted: { stop.map { reports >= $0 } ?? false })
        let trainer = try TinyTrainer(settings, samples: samples, identity: identity, damage: damage)
        func receive(_ report: TrainingReport) throws {
            reports += 1
            if reports == kill { throw Killed() }
            try watch(report.step)
        }
        let outcome = try loop.run(
            trainer, resuming: resuming, notice: { notices.append($0) }, report: receive)
        return (outcome, notices)
    }

    var checkpoints: CheckpointHistory { CheckpointHistory(ofRun: folder) }

    var metricsPath: String { folder + "/metrics.jsonl" }

    /// The lines of the log without their times, which no two runs share.
    func lines() throws -> [String] { try Self.lines(of: metricsPath) }

    static func lines(of path: String) throws -> [String] {
        try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false)
            .map { String($0.replacing(#/"(seconds|wait)":[^,]*,/#, with: "")) }
    }
}
