import ArgumentParser
import Foundation
import MVAR

/// `mvar train model`: pictures and a tokenizer in, a model out.
struct TrainModelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model",
        abstract: "Train a transformer on a tokenizer's tokens.",
        discussion: """
            Prints the loss on held-out pictures: the mean cross-entropy of a token. The weights with the smallest one \
            are kept. At the end every held-out picture is assigned to the class under which it is likeliest; the share \
            of right ones is printed.
            """)

    @OptionGroup(title: "Pictures") var pictures: TrainDataOptions
    @OptionGroup(title: "Run") var run: TrainRunOptions

    @Option(
        help: ArgumentHelp("The tokenizer: a folder, a .safetensors or a .pth file.", valueName: "path"),
        completion: .file())
    var tokenizer: String

    @Option(help: ArgumentHelp("The number of blocks.", valueName: "N"))
    var depth: Int = 6

    @Option(help: ArgumentHelp("Channels of a token.", valueName: "N"))
    var width: Int = 192

    @Option(help: ArgumentHelp("Attention heads. (default: one for every 64 channels)", valueName: "N"))
    var heads: Int?

    @Option(
        help: ArgumentHelp("Which tokens see which: full, window-N, scale or spatial-K.", valueName: "pattern"),
        transform: Self.pattern)
    var attention: AttentionPattern = .spatial(kernel: 7)

    @Option(help: ArgumentHelp("How often a label is left out, for guidance; in 0...1.", valueName: "X"))
    var labelDrop: Double = 0.1

    @Option(help: ArgumentHelp("How much weights shrink at each step, times the learning rate.", valueName: "X"))
    var weightDecay: Double = 0.05

    @Option(
        help: ArgumentHelp(
            "Names of the classes: a file with lines of class, tab, name (or number, class, name).", valueName: "file"),
        completion: .file())
    var classNames: String?

    @Option(help: ArgumentHelp("What the model recommends for sampling: the strength of guidance.", valueName: "X"))
    var cfg: Double = 1.5

    @Option(help: ArgumentHelp("What the model recommends for sampling: top-k.", valueName: "N"))
    var topK: Int = 0

    @Option(help: ArgumentHelp("What the model recommends for sampling: top-p.", valueName: "X"))
    var topP: Double = 0.96

    @OptionGroup(title: "Output") var output: OutputOptions

    /// What `--json` prints.
    struct Result: Codable {
        let model: String
        let accuracy: Double
        let loss: Double
        /// `[true class][likeliest class]`.
        let confusion: [[Int]]
    }

    func run() async throws {
        try run.begin()
        let tokenizer = try LoadedModel.tokenizer(ModelSource(tokenizer: tokenizer))
        let tensors = try Checkpoint(path: self.tokenizer).requireTokenizer().records.map {
            (name: $0.name, tensor: try $0.tensor())
        }
        let (learned, held) = try pictures.pictures(side: tokenizer.configuration.imageSide, output: output)
        let training = try ModelTraining(
            settings(for: tokenizer.configuration, classes: learned.classes.count), folder: run.run,
            tokenizer: tokenizer, tokenizerTensors: tensors)
        try training.checkFolder(resuming: run.resume)
        let description = try recommendation(classes: learned.classes)

        let encoding = output.progress("computing tokens", unit: "picture")
        defer { encoding.finish() }
        let heldTokens = try TokenSet(held, by: tokenizer)
        let tokens = try TokenSet(learned, by: tokenizer) {
            encoding.update($0, of: learned.count, fraction: Double($0) / Double(learned.count))
        }
        encoding.finish()
        let progress = output.progress("training the model", unit: "step")
        defer { progress.finish() }
        // From here on there is something to save; before, Ctrl-C ends at once.
        TrainingInterruption.catchSignals()
        let outcome = try training.run(
            tokens: tokens, validation: heldTokens, description: description, resuming: run.resume,
            report: run.reporting("model", output: output, progress: progress))
        try run.finish(outcome, output: output)
        progress.announce("reading the model as a classifier")
        let best = try LoadedModel(ModelSource(model: training.resultPath))
        let likelihood = try ClassLikelihood(of: best.transformer, tokenizer: tokenizer, on: heldTokens)
        progress.finish()
        try report(
            Result(
                model: training.resultPath, accuracy: likelihood.accuracy, loss: likelihood.loss,
                confusion: likelihood.confusion),
            pictures: held.count)
    }

    private func settings(for shape: TokenizerConfiguration, classes: Int) -> ModelTrainingSettings {
        ModelTrainingSettings(
            model: TransformerConfiguration(
                depth: depth, width: width, heads: heads ?? max(1, width / 64), classes: classes,
                vocabularySize: shape.vocabularySize, latentChannels: shape.latentChannels, schedule: shape.schedule,
                pattern: attention),
            batch: run.batch, learningRate: run.learningRate, optimizer: .init(weightDecay: weightDecay),
            labelDrop: labelDrop, averageDecay: run.average, usesBFloat16: run.bfloat16, seed: run.seed,
            length: run.length, rhythm: run.rhythm)
    }

    /// What the result's `config.json` says beside shapes.
    private func recommendation(classes: [String]) throws -> ModelDescription {
        var description = ModelDescription()
        description.classIDs = classes
        description.classNames = try names(of: classes)
        (description.guidance, description.topK, description.topP) = (cfg, topK, topP)
        return description
    }

    private func report(_ result: Result, pictures: Int) throws {
        guard !output.json else { return try output.printJSON(result) }
        let chance = 100 / Double(result.confusion.count)
        print(
            "The likeliest class is right for \(decimals(result.accuracy * 100, 1))% of \(pictures) held-out "
                + "pictures; by chance it would be \(decimals(chance, 1))%.")
        print(result.model)
    }

    /// The names of classes, by the file of names where there is one.
    private func names(of classes: [String]) throws -> [String] {
        guard let classNames else { return classes }
        guard let data = FileManager.default.contents(atPath: classNames) else {
            throw OptionError(option: "--class-names", value: classNames, need: "a file that can be read")
        }
        var names: [String: String] = [:]
        for line in String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline) {
            let fields = line.split(separator: "\t").map(String.init)
            if fields.count >= 2 { names[fields[fields.count - 2]] = fields[fields.count - 1] }
        }
        return classes.map { names[$0] ?? $0 }
    }

    private static func pattern(_ text: String) throws -> AttentionPattern {
        guard let pattern = AttentionPattern(text) else {
            throw ValidationError("it is none of full, window-N, scale, spatial-K")
        }
        return pattern
    }
}
