import Checkpoints
import FileOutput
import ImageTokenizer
import Images
import Models
import NeuralNetworks
import TokenPyramid
public import Torch

/// A run that trains a tokenizer in a folder, and can be stopped and resumed.
public struct TokenizerTraining {
    /// What is trained, and how.
    public let settings: TokenizerTrainingSettings
    /// Where the run keeps its state.
    public let folder: String
    private let inputs: RunInputs
    private let perceptual: PerceptualNetwork?
    private let device: Device

    /// A run. A perceptual network is loaded and tried: a program that comes with its file.
    ///
    /// - Parameters:
    ///   - settings: What is trained, and how.
    ///   - folder: Where the run keeps its state.
    ///   - inputs: Where the pictures come from, for the record.
    ///   - device: Where to compute.
    /// - Throws: ``TrainingError`` where a setting makes no sense or the perceptual network cannot serve.
    public init(
        _ settings: TokenizerTrainingSettings, folder: String, inputs: RunInputs = RunInputs(), on device: Device = .cpu
    ) throws(TrainingError) {
        try settings.check()
        perceptual = try settings.perceptual.map { (network) throws(TrainingError) in
            try PerceptualNetwork(
                path: network.file, batch: settings.batch, side: settings.tokenizer.imageSide, on: device)
        }
        self.settings = settings
        self.folder = folder
        self.inputs = inputs
        self.device = device
    }

    /// Throws where the run cannot begin, or go on, in its folder: for finding out before pictures are read.
    public func checkFolder(resuming: Bool) throws {
        try RunFolder.check(folder, settings: settings, resuming: resuming)
    }

    /// Throws where the run cannot learn from pictures: for finding out before others are read.
    public func check(_ pictures: PictureSet) throws(TrainingError) { try settings.check(pictures) }

    /// Trains to the end, or until it is interrupted.
    ///
    /// - Parameters:
    ///   - pictures: What is learned from.
    ///   - validation: What is measured on.
    ///   - resuming: Whether to go on from the newest whole checkpoint in the folder.
    ///   - processes: Each learns from its share of each batch; the first one reads, writes, measures and reports.
    ///   - report: Gets losses and measurements.
    ///   - notice: Gets how the run goes on.
    ///   - isInterrupted: Asked between steps.
    /// - Returns: How it ended, and the measurement of the weights that were written.
    /// - Throws: ``TrainingError`` or what reading and writing throw.
    public func run(
        pictures: PictureSet, validation: PictureSet, resuming: Bool = false,
        processes: ProcessGroup = .alone, report: (TrainingReport) throws -> Void = { _ in },
        notice: (TrainingNotice) throws -> Void = { _ in },
        isInterrupted: @escaping () -> Bool = { TrainingInterruption.isRequested }
    ) throws -> TrainingOutcome {
        try settings.check(pictures)
        try processes.requireAgreement(
            on: settings, samples: pictures.count,
            identity: PictureIdentity(learned: pictures.fingerprint, measured: validation.fingerprint), device: device)
        let runFolder =
            try processes.isFirst
            ? RunFolder(path: folder, settings: settings, recording: ["inputs": inputs.absolute], resuming: resuming)
            : nil
        let trainer = try TokenizerTrainer(
            settings, perceptual: perceptual, pictures: pictures, validation: validation, processes: processes,
            on: device)
        let loop = TrainingLoop(
            folder: runFolder, length: settings.length.resolved(samples: pictures.count, batch: settings.batch),
            learningRate: settings.learningRate, rhythm: settings.rhythm, isInterrupted: isInterrupted,
            processes: processes)
        let outcome = try loop.run(trainer, resuming: resuming, notice: notice) { progress in
            if progress.isValidation, let examples = try trainer.latestMeasurement?.exampleGrid() {
                try runFolder?.keep(examples, as: "reconstructions.png", notice)
            }
            try report(progress)
        }
        if outcome == .finished, processes.isFirst {
            try loop.namingCheckpoint { try write(trainer.learner.result) }
        }
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
}

extension TokenizerTrainingSettings: TrainingSettings {
    /// Throws for the first setting that makes no sense.
    func check() throws(TrainingError) {
        try checkRun()
        try require(
            precision == .float32 || precision == .bfloat16,
            "A tokenizer learns in float32 or bfloat16, not in \(precision.rawValue).")
        try checkLosses()
        try require(revivalInterval >= 1, "The steps between revivals must be at least 1, not \(revivalInterval).")
        try require(
            (0..<1).contains(deadShare),
            "The share of the mean use below which a code is revived must be in 0..<1, not \(deadShare).")
        try tokenizer.check()
        if let discriminator { try check(discriminator) }
    }

    private func checkLosses() throws(TrainingError) {
        var weights = [
            ("absolute error", absoluteWeight), ("squared error", squaredWeight), ("quantizer's loss", quantizerWeight),
            ("commitment", commitment),
        ]
        if let perceptual { weights.append(("perceptual loss", perceptual.weight)) }
        for (name, weight) in weights {
            try require(
                weight >= 0 && weight.isFinite, "The weight of the \(name) must be at least 0, not \(weight).")
        }
        try require(
            absoluteWeight > 0 || squaredWeight > 0 || (perceptual?.weight ?? 0) > 0,
            "Reconstruction needs a weight above 0: of the absolute, the squared or the perceptual error.")
    }

    private func check(_ discriminator: DiscriminatorSettings) throws(TrainingError) {
        let (channels, layers) = (discriminator.channels, discriminator.layers)
        try require(
            (32...1024).contains(channels) && channels % 32 == 0,
            "The channels of a discriminator must be a multiple of 32 up to 1024, not \(channels).")
        try require((1...8).contains(layers), "The layers of a discriminator must be in 1...8, not \(layers).")
        try require(
            tokenizer.imageSide >= discriminator.smallestSide,
            "A discriminator of \(layers) layers needs pictures of at least \(discriminator.smallestSide) pixels, "
                + "and these have \(tokenizer.imageSide): take fewer layers.")
        try require(
            discriminator.weight > 0 && discriminator.weight.isFinite,
            "The weight of the discriminator must be above 0, not \(discriminator.weight).")
        try require(
            discriminator.start >= 0,
            "The step from which the discriminator takes part must be at least 0, not \(discriminator.start).")
        try require(
            discriminator.learningRate > 0 && discriminator.learningRate.isFinite,
            "The learning rate of the discriminator must be above 0, not \(discriminator.learningRate).")
        try check(discriminator.optimizer)
    }
}

extension TokenizerConfiguration {
    /// Throws for the first part of a shape that cannot be built, or that nobody means.
    fileprivate func check() throws(TrainingError) {
        func require(_ holds: Bool, _ text: String) throws(TrainingError) {
            if !holds { throw .invalidSetting(text) }
        }
        try require(
            (32...4096).contains(channels) && channels % 32 == 0,
            "The channels of a tokenizer must be a multiple of 32 up to 4096, not \(channels).")
        try require(
            (1...8).contains(multipliers.count) && multipliers.allSatisfy { (1...64).contains($0) },
            "The channel multipliers must be up to 8 numbers in 1...64, not \(multipliers).")
        try require(
            (2...65_536).contains(vocabularySize),
            "A vocabulary must have 2 to 65536 codes, not \(vocabularySize).")
        try require(
            (1...4096).contains(latentChannels),
            "A latent must have 1 to 4096 channels, not \(latentChannels).")
    }
}
