import Checkpoints
import FileOutput
import ImageTokenizer
import Images
import Models
import TokenPyramid
import Torch

/// A run that trains a tokenizer in a folder, and can be stopped and resumed.
public struct TokenizerTraining {
    /// What is trained, and how.
    public let settings: TokenizerTrainingSettings
    /// Where the run keeps its state.
    public let folder: String

    /// A run.
    ///
    /// - Parameters:
    ///   - settings: What is trained, and how.
    ///   - folder: Where the run keeps its state.
    /// - Throws: ``TrainingError`` where a setting makes no sense.
    public init(_ settings: TokenizerTrainingSettings, folder: String) throws(TrainingError) {
        try settings.check()
        self.settings = settings
        self.folder = folder
    }

    /// Throws where the run cannot begin, or go on, in its folder: for finding out before pictures are read.
    public func checkFolder(resuming: Bool) throws {
        try RunFolder.check(folder, settings: settings, resuming: resuming)
    }

    /// Trains to the end, or until it is interrupted.
    ///
    /// - Parameters:
    ///   - pictures: What is learned from.
    ///   - validation: What is measured on.
    ///   - resuming: Whether to go on from the newest whole checkpoint in the folder.
    ///   - report: Gets losses and measurements.
    ///   - notice: Gets how the run goes on.
    ///   - isInterrupted: Asked between steps.
    /// - Returns: How it ended, and the measurement of the weights that were written.
    /// - Throws: ``TrainingError`` or what reading and writing throw.
    public func run(
        pictures: PictureSet, validation: PictureSet, resuming: Bool = false,
        report: (TrainingReport) throws -> Void = { _ in },
        notice: (TrainingNotice) throws -> Void = { _ in },
        isInterrupted: @escaping () -> Bool = { TrainingInterruption.isRequested }
    ) throws -> TrainingOutcome {
        let runFolder = try RunFolder(path: folder, settings: settings, resuming: resuming)
        let trainer = try TokenizerTrainer(settings, pictures: pictures, validation: validation)
        let loop = TrainingLoop(
            folder: runFolder, length: settings.length, learningRate: settings.learningRate, rhythm: settings.rhythm,
            isInterrupted: isInterrupted)
        let outcome = try loop.run(trainer, resuming: resuming, notice: notice) { progress in
            if progress.isValidation { try writeExamples(trainer.latestMeasurement) }
            try report(progress)
        }
        if outcome == .finished { try write(trainer.learner.result) }
        return outcome
    }

    /// Where the finished tokenizer is: a model folder without a transformer.
    public var resultPath: String { folder + "/" + RunFolder.resultName }

    private func write(_ parameters: [(name: String, tensor: Tensor)]) throws {
        var description = ModelDescription()
        description.describe(settings.tokenizer)
        try ModelFolder(path: resultPath).write(
            description, model: nil,
            tokenizer: parameters.map { ($0.name, try $0.tensor.converted(to: .float16)) })
    }

    private func writeExamples(_ measurement: TokenizerMeasurement?) throws {
        try measurement?.exampleGrid()?.write(to: folder + "/reconstructions.png")
    }
}

extension TokenizerTrainingSettings: TrainingSettings {
    /// Throws for the first setting that makes no sense.
    func check() throws(TrainingError) {
        try checkRun()
        try require(revivalInterval >= 1, "The steps between revivals must be at least 1, not \(revivalInterval).")
        try require(
            tokenizer.channels > 0 && tokenizer.channels % 32 == 0,
            "The channels of a tokenizer must be a multiple of 32, not \(tokenizer.channels).")
        try require(
            !tokenizer.multipliers.isEmpty && tokenizer.multipliers.allSatisfy { $0 > 0 },
            "The channel multipliers must be above 0, not \(tokenizer.multipliers).")
        try require(
            tokenizer.vocabularySize >= 2 && tokenizer.vocabularySize <= 65_536,
            "A vocabulary must have 2 to 65536 codes, not \(tokenizer.vocabularySize).")
        try require(
            tokenizer.latentChannels >= 1,
            "A latent needs at least 1 channel, not \(tokenizer.latentChannels).")
    }
}

extension TrainingLength {
    /// Throws where the run would never end.
    func check() throws(TrainingError) {
        guard steps != nil || minutes != nil else {
            throw .invalidSetting("A run needs an end: give --steps or --minutes.")
        }
        if let steps, steps < 1 { throw .invalidSetting("A run needs at least 1 step, not \(steps).") }
        if let minutes, !(minutes > 0) || !minutes.isFinite {
            throw .invalidSetting("The minutes of a run must be above 0, not \(minutes).")
        }
        guard warmUpSteps >= 0 else {
            throw .invalidSetting("The warm-up must have at least 0 steps, not \(warmUpSteps).")
        }
    }
}

extension TrainingRhythm {
    /// Throws for an interval below 1.
    func check() throws(TrainingError) {
        for interval in [checkpoint, validation, report] where interval < 1 {
            throw .invalidSetting("The steps between checkpoints, measurements and reports must be at least 1.")
        }
    }
}
