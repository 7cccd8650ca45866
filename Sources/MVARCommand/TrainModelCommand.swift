import ArgumentParser
import Foundation
import MVAR

/// `mvar train model`: pictures and a tokenizer in, a model out.
struct TrainModelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model",
        abstract: "Train a transformer on a tokenizer's tokens.",
        usage: """
            mvar train model [<options>] --tokenizer <path>
            (--data <path> ... | --cache <file>) --validation <path> ...
            --run <folder> (--steps <N> | --epochs <X> | --minutes <X>)
            """,
        discussion: """
            Prints the loss on held-out pictures, now and then and at the end: the mean cross-entropy of a token. The \
            weights with the smallest one are kept. At the end every held-out picture is assigned to the class under \
            which it is likeliest; the share of right ones is printed, and the folder of the model. From a cache of \
            tokens ('mvar train cache') it learns the same as from the pictures. With --crop random every step encodes \
            other squares of the pictures; otherwise their tokens are computed once, before the first step.

              mvar train model --tokenizer runs/tokenizer/model \\
                --data train.tar --validation val.tar \\
                --run runs/model --minutes 45
              mvar train model --tokenizer vae_ch160v4096z32.pth --from var_d16.pth \\
                --config recipes/mvar-d16-fine-tuned.json \\
                --data pictures --validation held-out --run runs/d16
            """)

    @OptionGroup(title: "Pictures") var pictures: TrainSourceOptions
    @OptionGroup(title: "Pictures") var cached: CacheOption
    @OptionGroup(title: "Pictures") var augmentation: AugmentationOptions
    @OptionGroup(title: "Pictures") var held: TrainValidationOptions
    @OptionGroup(title: "Run") var run: TrainRunOptions
    @OptionGroup(title: "Model") var tokenizer: TrainTokenizerOption
    @OptionGroup(title: "Model") var shape: TrainedNetworkOptions
    @OptionGroup(title: "Learning") var length: LengthOptions
    @OptionGroup(title: "Learning") var scales: GroupsOption
    @OptionGroup(title: "Learning") var learning: ModelLearningOptions
    @OptionGroup(title: "For sampling") var recommended: RecommendationOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    /// Tokens instead of pictures.
    struct CacheOption: ParsableArguments, SettingOptions {
        @Option(
            help: ArgumentHelp(
                "Instead of --data: the tokens of the pictures, made by 'mvar train cache'.", valueName: "file"),
            completion: .file(extensions: ["safetensors"]))
        var cache: String?

        func set(in overlay: inout SettingsOverlay) throws {
            if cache != nil { for key in ["data", "classes"] { overlay.remove("inputs", key) } }
            try overlay.set("inputs", "cache", to: cache)
        }
    }

    /// What the model's configuration says for `mvar sample`.
    struct RecommendationOptions: ParsableArguments, SettingOptions {
        @Option(
            help: ArgumentHelp(
                "A file with the names of the classes, a line each: the folder's name, a tab, the name; or a number and a tab before them. (default: the folders' names)",
                valueName: "file"),
            completion: .file())
        var classNames: String?

        @Option(
            parsing: .unconditional,
            help: ArgumentHelp(
                "Guidance, by the formula that 'mvar sample --help' gives. (default: 1.5)", valueName: "X"))
        var cfg: Double?

        @Option(
            parsing: .unconditional, help: ArgumentHelp("Top-k, 0 for all tokens. (default: 0)", valueName: "N"))
        var topK: Int?

        @Option(
            parsing: .unconditional, help: ArgumentHelp("Top-p, 0 for all tokens. (default: 0.96)", valueName: "X"))
        var topP: Double?

        static let defaults = SamplingDefaults(guidance: 1.5, topK: 0, topP: 0.96)

        func validate() throws {
            try SamplingDefaults(guidance: cfg, topK: topK, topP: topP).check()
        }

        func set(in overlay: inout SettingsOverlay) throws {
            try overlay.set("inputs", "class_names", to: classNames)
            try overlay.set("sampling", "cfg", to: cfg)
            try overlay.set("sampling", "top_k", to: topK)
            try overlay.set("sampling", "top_p", to: topP)
        }
    }

    /// What `--json` prints.
    struct Result: Codable {
        let model: String
        let accuracy: Double
        let loss: Double
        /// `[true class][likeliest class]`.
        let confusion: [[Int]]
    }

    func validate() throws {
        if !pictures.data.isEmpty, cached.cache != nil { throw Self.oneSource }
        if cached.cache != nil, augmentation.crop == .random {
            throw ValidationError(
                "--crop random needs pictures: --cache has the tokens of their middles; give --data instead")
        }
        if length.learningRate != nil, learning.baseLearningRate != nil {
            throw ValidationError("--base-learning-rate says the same as --learning-rate: give one of them")
        }
        if !run.hasFile { try length.requireEnd() }
    }

    mutating func run() async throws {
        let processes = try run.begin()
        let device = try run.device(of: processes, output)
        // Before the processes meet: whoever cannot begin must not keep the others waiting.
        let overlay = try overlay()
        let chosen = try overlay.section("training").applied(to: ModelTrainingSettings(model: .published(depth: 1)))
        try TrainingError.requireEqualShares(ofBatch: chosen.batch, processes: processes.count)
        if !processes.isFirst { output.quiet = true }
        let command = self
        try processes.run { try command.train($0, overlay, chosen, on: device) }
    }

    /// - Parameters:
    ///   - processes: Those that train together.
    ///   - overlay: The settings of the file and of options.
    ///   - chosen: These with the defaults of all others, but for the shape.
    ///   - device: Where to compute.
    /// - Throws: One line for the person at the terminal: a source, a folder or a setting that does not fit.
    private func train(
        _ processes: ProcessGroup, _ overlay: SettingsOverlay, _ chosen: ModelTrainingSettings, on device: Device
    ) throws {
        let inputs = try overlay.section("inputs").applied(to: RunInputs())
        let file = try tokenizerFile(checking: inputs)
        let sampling = try overlay.section("sampling").applied(to: RecommendationOptions.defaults)
        try sampling.check()
        try run.check(chosen.precision, on: device)

        let tokenizer = try file.load(on: device)
        let tensors = try file.tensors()
        let configuration = tokenizer.configuration
        // A run that goes on has its own weights by now; the file may be gone.
        let goesOn = run.resume && ModelTraining.hasCheckpoint(in: run.run)
        let start = try (goesOn ? nil : chosen.startingModel).map {
            try StartingModel($0, schedule: configuration.schedule)
        }
        func settings(classes: Int?) throws -> ModelTrainingSettings {
            try ModelTrainingSettings(
                overlay.section("training"), tokenizer: configuration, classes: classes, from: start)
        }
        if processes.isFirst {
            try ModelTraining.check(settings(classes: nil), in: run.run, resuming: run.resume)
        }
        let fingerprint = try TokenizerFingerprint(configuration, tensors: tensors)
        let (found, classes, skipped) = try source(inputs, crop: chosen.crop, for: configuration, fingerprint)
        let held = try inputs.validationPictures(
            of: classes, side: configuration.imageSide, workers: pictures.workers, output: output)
        TrainValidationOptions.remark(found.count, classes: classes.count, held: held, skipped: skipped, output: output)
        let run = try ModelTraining(
            settings(classes: classes.count), folder: run.run, tokenizer: tokenizer, tokenizerTensors: tensors,
            fingerprint: fingerprint, from: start, inputs: inputs)
        try run.check(found, heldOut: held)
        let description = try Self.recommendation(sampling, inputs, classes: classes)
        let folder = try processes.isFirst ? run.open(description, resuming: self.run.resume) : nil

        let encoding = output.progress("computing tokens", unit: "picture")
        defer { encoding.finish() }
        let heldTokens = try TokenSet(held, by: tokenizer)
        let source = try computed(found, by: tokenizer, progress: encoding)
        encoding.finish()
        let watch = TrainingWatch("model", output: output)
        defer { watch.end() }
        let outcome = try run.run(
            on: source, validation: heldTokens, description: description, in: folder, resuming: self.run.resume,
            processes: processes, report: watch.receive, notice: watch.remark)
        try watch.check(outcome, run: self.run.run)
        guard processes.isFirst else { return }
        watch.announce("reading the model as a classifier")
        var result = ModelSource(model: run.resultPath)
        result.device = device
        let best = try LoadedModel(result)
        let likelihood = try ClassLikelihood(of: best.transformer, tokenizer: tokenizer, on: heldTokens)
        watch.end()
        try report(
            Result(
                model: run.resultPath, accuracy: likelihood.accuracy, loss: likelihood.loss,
                confusion: likelihood.confusion),
            pictures: likelihood.pictures)
    }

    /// What is learned from, before anything is computed; the classes, and how many pictures were skipped.
    private func source(
        _ inputs: RunInputs, crop: PictureCrop, for configuration: TokenizerConfiguration,
        _ fingerprint: TokenizerFingerprint
    ) throws -> (TokenSource, classes: [String], skipped: Int) {
        if let path = inputs.cache {
            let cache = try TokenCache(path: path, configuration: configuration, fingerprint: fingerprint)
            return (.tokens(cache.tokens), cache.classes, 0)
        }
        let learned = try inputs.pictures(
            side: configuration.imageSide, crop: crop, workers: pictures.workers, output: output)
        try learned.requireClasses()
        return (.pictures(learned), learned.classes, learned.unreadable.count)
    }

    /// The tokens of pictures of which every step sees the same square.
    private func computed(
        _ source: TokenSource, by tokenizer: VisualTokenizer, progress: ProgressLine
    ) throws -> TokenSource {
        guard case .pictures(let pictures) = source, pictures.crop == .center else { return source }
        let tokens = try TokenSet(
            pictures, by: tokenizer,
            reportingUnreadable: { picture in
                progress.finish()
                output.remark(skipped: picture)
            },
            reporting: { progress.update($0, of: pictures.count) })
        return .tokens(tokens)
    }

    /// The settings of the file and of options.
    func overlay() throws -> SettingsOverlay {
        var overlay = try run.overlay(
            cached, pictures, augmentation, held, shape, length, scales, learning, recommended)
        try overlay.refuse("training", "tokenizer", of: "mvar train tokenizer")
        try overlay.set("inputs", "tokenizer", to: tokenizer.tokenizer)
        try overlay.requireSections(["inputs", "sampling", "training"])
        return overlay
    }

    private static let oneSource = ValidationError(
        "pictures come from --data or their tokens from --cache: give one of them")

    /// The tokenizer; throws where something is missing that options or a file should have named.
    private func tokenizerFile(checking inputs: RunInputs) throws -> TokenizerFile {
        if inputs.data.isEmpty == (inputs.cache == nil) { throw Self.oneSource }
        if inputs.cache != nil, inputs.classes != nil {
            throw ValidationError("--classes is for pictures: give it to 'mvar train cache'")
        }
        let file = try TokenizerFile(inputs.tokenizer)
        try inputs.requireValidation()
        return file
    }

    /// What the result's `config.json` says beside shapes.
    private static func recommendation(
        _ sampling: SamplingDefaults, _ inputs: RunInputs, classes: [String]
    ) throws -> ModelDescription {
        var description = ModelDescription()
        description.classIDs = classes
        description.classNames = try names(of: classes, in: inputs.classNames)
        description.guidance = sampling.guidance
        description.topK = sampling.topK
        description.topP = sampling.topP
        return description
    }

    private func report(_ result: Result, pictures: Int) throws {
        guard !output.json else { return try output.printJSON(result) }
        let chance = 100 / Double(result.confusion.count)
        try OutputOptions.printResult(
            "The likeliest class is right for \(decimals(result.accuracy * 100, 1))% of "
                + "\(counted(pictures, "held-out picture")); by chance it would be \(decimals(chance, 1))%.")
        try OutputOptions.printResult(result.model)
    }

    /// The names of classes, by the file of names where there is one.
    private static func names(of classes: [String], in file: String?) throws -> [String] {
        guard let classNames = file else { return classes }
        guard let data = FileManager.default.contents(atPath: classNames) else {
            throw OptionError(option: "--class-names", value: classNames, need: "a file that can be read")
        }
        var names: [String: String] = [:]
        for line in String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline) {
            let fields = line.split(separator: "\t").map(String.init)
            if fields.count >= 2 { names[fields[fields.count - 2]] = fields[fields.count - 1] }
        }
        guard classes.contains(where: { names[$0] != nil }) else {
            throw OptionError(
                option: "--class-names", value: classNames,
                need: "lines of a class, a tab and a name, and none is of '\(classes[0])' or another class here")
        }
        return classes.map { names[$0] ?? $0 }
    }
}
