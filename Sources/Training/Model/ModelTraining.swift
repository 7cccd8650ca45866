public import Checkpoints
public import ImageTokenizer
import Images
import Models
import NeuralNetworks
import Sampling
import ScaleTransformer
import TokenPyramid
public import Torch

/// A run that trains a transformer in a folder, and can be stopped and resumed.
public struct ModelTraining {
    /// What is trained, and how.
    public let settings: ModelTrainingSettings
    /// Where the run keeps its state.
    public let folder: String
    /// What makes the tokens; it stays as it is.
    public let tokenizer: VisualTokenizer
    /// The tokenizer's tensors, which go into the result beside the transformer's.
    private let tokenizerTensors: [(name: String, tensor: Tensor)]
    private let start: StartingModel?
    private let inputs: RunInputs
    private let tokenizerFingerprint: TokenizerFingerprint

    /// A run.
    ///
    /// - Parameters:
    ///   - settings: What is trained, and how.
    ///   - folder: Where the run keeps its state.
    ///   - tokenizer: What makes the tokens; its device is where all is computed.
    ///   - tokenizerTensors: Its tensors by name, as they are to be written.
    ///   - fingerprint: Their fingerprint where the caller has it already; nil computes it.
    ///   - start: What the run begins with; nil for fresh weights.
    ///   - inputs: Where pictures and tokenizer come from, for the record.
    /// - Throws: ``TrainingError`` where a setting makes no sense, or tokenizer and transformer do not belong together,
    ///   ``Torch/TorchError`` if memory runs out.
    public init(
        _ settings: ModelTrainingSettings, folder: String, tokenizer: VisualTokenizer,
        tokenizerTensors: [(name: String, tensor: Tensor)], fingerprint: TokenizerFingerprint? = nil,
        from start: StartingModel? = nil, inputs: RunInputs = RunInputs()
    ) throws {
        var settings = settings
        if let start { settings.startingModel = start.path }
        try settings.check()
        let (model, shape) = (settings.model, tokenizer.configuration)
        guard model.schedule == shape.schedule else {
            throw TrainingError.invalidSetting(
                "The tokenizer's schedule is \(shape.schedule), the transformer's \(model.schedule).")
        }
        guard model.vocabularySize == shape.vocabularySize, model.latentChannels == shape.latentChannels else {
            throw TrainingError.invalidSetting(
                "The tokenizer has \(shape.vocabularySize) codes of \(shape.latentChannels) channels, "
                    + "the transformer expects \(model.vocabularySize) of \(model.latentChannels).")
        }
        self.settings = settings
        self.folder = folder
        self.tokenizer = tokenizer
        self.tokenizerTensors = tokenizerTensors
        tokenizerFingerprint = try fingerprint ?? TokenizerFingerprint(shape, tensors: tokenizerTensors)
        self.start = start
        self.inputs = inputs
    }

    /// Where the best model so far is: a model folder that the sampler loads as it is.
    public var resultPath: String { folder + "/" + RunFolder.resultName }

    /// Whether a run in a folder has weights of its own to go on with.
    public static func hasCheckpoint(in folder: String) -> Bool { !CheckpointHistory(ofRun: folder).steps.isEmpty }

    /// Throws where a run with some settings makes no sense, or cannot begin, or go on, in a folder, whatever its classes: for
    /// finding out before pictures are read.
    public static func check(_ settings: ModelTrainingSettings, in folder: String, resuming: Bool) throws {
        try settings.check()
        try RunFolder.check(folder, settings: settings, butFor: ["model", "num_classes"], resuming: resuming)
    }

    /// Makes the run's folder, or takes it up again: for doing so before tokens are computed.
    ///
    /// - Parameters:
    ///   - description: Has the defaults of sampling, for the record.
    ///   - resuming: Whether a run is there to go on with.
    /// - Returns: The folder, which no other run can have until it is released.
    /// - Throws: ``TrainingError`` or what writing throws.
    public func open(_ description: ModelDescription = ModelDescription(), resuming: Bool) throws -> RunFolder {
        let sampling = SamplingDefaults(
            guidance: description.guidance, topK: description.topK, topP: description.topP)
        return try RunFolder(
            path: folder, settings: settings, recording: ["inputs": inputs.absolute, "sampling": sampling],
            resuming: resuming)
    }

    /// Throws where the run cannot learn from pictures or tokens, or not go on with them: for finding out before anything is
    /// computed of them.
    ///
    /// - Parameters:
    ///   - source: What is learned from.
    ///   - held: The pictures that are measured on.
    /// - Throws: ``TrainingError``.
    public func check(_ source: TokenSource, heldOut held: PictureSet) throws(TrainingError) {
        try check(source)
        try CheckpointHistory(ofRun: folder).newestCounters?
            .check(identity(source, measured: held.fingerprint), folder: folder)
    }

    private func identity(_ source: TokenSource, measured: String) -> PictureIdentity {
        PictureIdentity(
            learned: source.fingerprint, measured: measured, tokenizer: tokenizerFingerprint.description)
    }

    private func check(_ source: TokenSource) throws(TrainingError) {
        switch source {
        case .tokens where settings.crop == .random:
            throw .invalidSetting(
                "Random crops need pictures: the tokens that were computed are those of their middles.")
        case .tokens(let tokens): try settings.check(pictures: tokens.count)
        case .pictures(let pictures): try settings.check(pictures)
        }
    }

    /// Trains to the end, or until it is interrupted. The weights with the smallest validation loss are kept.
    ///
    /// - Parameters:
    ///   - source: What is learned from: pictures where the settings ask for random crops, else tokens.
    ///   - validation: What is measured on.
    ///   - description: Goes into the result's `config.json`, with the shapes filled in: names of classes, defaults of
    ///     sampling.
    ///   - opened: The run's folder where ``open(_:resuming:)`` was called before.
    ///   - resuming: Whether to go on from the newest whole checkpoint in the folder.
    ///   - processes: Each learns from its share of each batch; the first one reads, writes, measures and reports.
    ///   - report: Gets losses and measurements.
    ///   - notice: Gets how the run goes on.
    ///   - isInterrupted: Asked between steps.
    /// - Returns: How it ended.
    /// - Throws: ``TrainingError`` or what reading and writing throw.
    public func run(
        on source: TokenSource, validation: TokenSet, description: ModelDescription = ModelDescription(),
        in opened: RunFolder? = nil, resuming: Bool = false, processes: ProcessGroup = .alone,
        report: (TrainingReport) throws -> Void = { _ in }, notice: (TrainingNotice) throws -> Void = { _ in },
        isInterrupted: @escaping () -> Bool = { TrainingInterruption.isRequested }
    ) throws -> TrainingOutcome {
        try check(source)
        for label in source.labels + validation.labels where !(0..<settings.model.classes).contains(label) {
            throw TrainingError.invalidSetting("Label \(label) is not in 0..<\(settings.model.classes).")
        }
        let identity = identity(source, measured: validation.fingerprint)
        try processes.requireAgreement(
            on: settings, samples: source.count, identity: identity, device: tokenizer.device)
        let runFolder = try processes.isFirst ? opened ?? open(description, resuming: resuming) : nil
        let fresh = FreshParameters(seed: settings.seed)
        let begun = try start?.parameters(for: settings.model, otherwise: fresh)
        let trainer = try ModelTrainer(
            settings, from: begun ?? fresh, tokenizer: tokenizer, source: source, validation: validation,
            identity: identity, processes: processes)
        try begun?.finish()
        trainer.keepBest = { parameters in
            try ModelFolder(path: resultPath).write(
                completed(description),
                model: parameters.map { ($0.name, try $0.tensor.converted(to: .float16)) },
                tokenizer: tokenizerTensors.map { ($0.name, try $0.tensor.converted(to: .float16)) })
        }
        trainer.drawSamples = { try sheet(by: $0, description) }
        let loop = TrainingLoop(
            folder: runFolder, length: settings.length.resolved(samples: source.count, batch: settings.batch),
            learningRate: settings.highestLearningRate, rhythm: settings.rhythm, isInterrupted: isInterrupted,
            processes: processes)
        return try loop.run(trainer, resuming: resuming, notice: notice, report: report)
    }

    /// Two pictures of each of the first classes, always with the same random numbers.
    private func sheet(
        by transformer: NextScaleTransformer, _ description: ModelDescription
    ) throws -> PixelImage {
        let classes = (0..<min(settings.model.classes, 8)).flatMap { [$0, $0] }
        let parameters = SamplingParameters.published(depth: settings.model.depth, isMVAR: true)
            .overridden(guidance: description.guidance, topK: description.topK, topP: description.topP)
        let generation = try ImageGeneration(
            GenerationRequest(classes: classes, seed: settings.seed, parameters: parameters), transformer: transformer,
            quantizer: tokenizer.quantizer)
        while try generation.advance() != nil {}
        let pictures = try withoutGradients {
            try PixelImage.pictures(of: tokenizer.pictures(of: generation.latent))
        }
        return try PixelImage.grid(pictures, columns: min(classes.count, 8), spacing: 2)
    }

    private func completed(_ description: ModelDescription) -> ModelDescription {
        var description = description
        description.describe(tokenizer.configuration)
        description.describe(settings.model)
        return description
    }
}
