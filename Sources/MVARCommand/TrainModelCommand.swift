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
            --run <folder> (--steps <N> | --minutes <X>)
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
                --data pictures --validation held-out --run runs/d16 --steps 20000 \\
                --learning-rate 1e-5
            """)

    @OptionGroup(title: "Pictures") var pictures: TrainSourceOptions
    @OptionGroup(title: "Pictures") var cached: CacheOption
    @OptionGroup(title: "Pictures") var augmentation: AugmentationOptions
    @OptionGroup(title: "Pictures") var held: TrainValidationOptions
    @OptionGroup(title: "Run") var run: TrainRunOptions
    @OptionGroup(title: "Model") var tokenizer: TrainTokenizerOption
    @OptionGroup(title: "Model") var shape: NetworkOptions
    @OptionGroup(title: "Learning") var scales: GroupsOption
    @OptionGroup(title: "Learning") var learning: LearningOptions
    @OptionGroup(title: "For sampling") var recommended: RecommendationOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    /// Tokens instead of pictures.
    struct CacheOption: ParsableArguments {
        @Option(
            help: ArgumentHelp(
                "Instead of --data: the tokens of the pictures, made by 'mvar train cache'.", valueName: "file"),
            completion: .file(extensions: ["safetensors"]))
        var cache: String?
    }

    /// The network that is trained.
    struct NetworkOptions: ParsableArguments {
        @Option(
            help: ArgumentHelp(
                "Begin with the weights of this model: a file of VAR or MVAR, a .safetensors file, or a folder.",
                discussion: """
                    Its shape is taken, but for the attention pattern, which is --attention's whatever masks the file \
                    holds. Where there is another number of classes, only their vectors begin anew.
                    """, valueName: "path"),
            completion: .file())
        var from: String?

        @Option(
            parsing: .unconditional,
            help: ArgumentHelp("The number of blocks. (default: 6, or --from's)", valueName: "N"))
        var depth: Int?

        @Option(
            parsing: .unconditional,
            help: ArgumentHelp("Channels of a token. (default: 192, or --from's)", valueName: "N"))
        var width: Int?

        @Option(
            parsing: .unconditional,
            help: ArgumentHelp(
                "Attention heads, a divisor of --width. (default: one for every 64 channels)", valueName: "N"))
        var heads: Int?

        @Option(
            help: ArgumentHelp(
                "Which tokens see which.", discussion: ShapeOptions.patterns, valueName: "pattern"))
        var attention: AttentionPattern = .spatial(kernel: 7)

        func validate() throws {
            guard let from else { return }
            let shape = [("--depth", depth), ("--width", width), ("--heads", heads)]
            if let (option, value) = shape.first(where: { $0.1 != nil }), let value {
                throw OptionError(
                    option: option, value: "\(value)", need: "left out: the shape is that of '\(from)'")
            }
        }

        func start(for tokenizer: TokenizerConfiguration) throws -> StartingModel? {
            try from.map { try StartingModel($0, schedule: tokenizer.schedule) }
        }

        func configuration(
            for tokenizer: TokenizerConfiguration, classes: Int, from start: StartingModel?
        ) -> TransformerConfiguration {
            if let start { return start.configuration(classes: classes, pattern: attention) }
            let width = width ?? 192
            return TransformerConfiguration(
                depth: depth ?? 6, width: width, heads: heads ?? max(1, width / 64), classes: classes,
                vocabularySize: tokenizer.vocabularySize, latentChannels: tokenizer.latentChannels,
                schedule: tokenizer.schedule, pattern: attention)
        }
    }

    /// How it learns.
    struct LearningOptions: ParsableArguments {
        @Option(
            parsing: .unconditional,
            help: ArgumentHelp("How often a label is left out, for guidance; in 0...1.", valueName: "X"))
        var labelDrop: Double = 0.1

        @Option(
            parsing: .unconditional,
            help: ArgumentHelp("How much weights shrink at each step, times the learning rate.", valueName: "X"))
        var weightDecay: Double = 0.05
    }

    /// What the model's configuration says for `mvar sample`.
    struct RecommendationOptions: ParsableArguments {
        @Option(
            help: ArgumentHelp(
                "A file with the names of the classes, a line each: the folder's name, a tab, the name; or a number and a tab before them. (default: the folders' names)",
                valueName: "file"),
            completion: .file())
        var classNames: String?

        @Option(
            parsing: .unconditional,
            help: ArgumentHelp("Guidance, by the formula that 'mvar sample --help' gives.", valueName: "X"))
        var cfg: Double = 1.5

        @Option(parsing: .unconditional, help: ArgumentHelp("Top-k, 0 for all tokens.", valueName: "N"))
        var topK: Int = 0

        @Option(parsing: .unconditional, help: ArgumentHelp("Top-p, 0 for all tokens.", valueName: "X"))
        var topP: Double = 0.96

        func validate() throws { try SamplingParameters(guidance: cfg, topK: topK, topP: topP).check() }
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
        if pictures.data.isEmpty == (cached.cache == nil) {
            throw ValidationError("pictures come from --data or their tokens from --cache: give one of them")
        }
        if cached.cache != nil, pictures.classes != nil {
            throw ValidationError("--classes is for pictures: give it to 'mvar train cache'")
        }
        if cached.cache != nil, augmentation.crop == .random {
            throw ValidationError(
                "--crop random needs pictures: --cache has the tokens of their middles; give --data instead")
        }
    }

    mutating func run() async throws {
        let processes = try run.begin()
        if !processes.isFirst { output.quiet = true }
        try processes.run(train)
    }

    private func train(_ processes: ProcessGroup) throws {
        let tokenizer = try self.tokenizer.load()
        let tensors = try self.tokenizer.tensors()
        let configuration = tokenizer.configuration
        let start = try shape.start(for: configuration)
        let (found, classes, skipped) = try source(for: configuration, tensors: tensors)
        let held = try self.held.pictures(
            of: classes, side: configuration.imageSide, workers: pictures.workers, output: output)
        self.held.remark(found.count, classes: classes.count, held: held, skipped: skipped, output: output)
        let training = try ModelTraining(
            settings(shape.configuration(for: configuration, classes: classes.count, from: start)), folder: run.run,
            tokenizer: tokenizer, tokenizerTensors: tensors, from: start)
        if processes.isFirst { try training.checkFolder(resuming: run.resume) }
        try training.check(found, heldOut: held)
        let description = try recommendation(classes: classes)

        let encoding = output.progress("computing tokens", unit: "picture")
        defer { encoding.finish() }
        let heldTokens = try TokenSet(held, by: tokenizer)
        let source = try computed(found, by: tokenizer, progress: encoding)
        encoding.finish()
        let watch = TrainingWatch("model", output: output)
        defer { watch.end() }
        let outcome = try training.run(
            on: source, validation: heldTokens, description: description, resuming: run.resume,
            processes: processes, report: watch.receive, notice: watch.remark)
        try watch.check(outcome, run: run.run)
        guard processes.isFirst else { return }
        watch.announce("reading the model as a classifier")
        let best = try LoadedModel(ModelSource(model: training.resultPath))
        let likelihood = try ClassLikelihood(of: best.transformer, tokenizer: tokenizer, on: heldTokens)
        watch.end()
        try report(
            Result(
                model: training.resultPath, accuracy: likelihood.accuracy, loss: likelihood.loss,
                confusion: likelihood.confusion),
            pictures: held.count)
    }

    /// What is learned from, before anything is computed; the classes, and how many pictures were skipped.
    private func source(
        for configuration: TokenizerConfiguration, tensors: [(name: String, tensor: Tensor)]
    ) throws -> (TokenSource, classes: [String], skipped: Int) {
        if let path = cached.cache {
            let cache = try TokenCache(
                path: path, configuration: configuration,
                fingerprint: TokenizerFingerprint(configuration, tensors: tensors))
            return (.tokens(cache.tokens), cache.classes, 0)
        }
        let learned = try pictures.pictures(
            side: configuration.imageSide, crop: augmentation.crop, output: output)
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

    private func settings(_ configuration: TransformerConfiguration) -> ModelTrainingSettings {
        ModelTrainingSettings(
            model: configuration, batch: run.batch, crop: augmentation.crop, mirrors: !augmentation.noFlip,
            learningRate: run.learningRate, optimizer: .init(weightDecay: learning.weightDecay),
            labelDrop: learning.labelDrop,
            averageDecay: run.average, groups: scales.groups, usesBFloat16: run.bfloat16, seed: run.seed,
            length: run.length, rhythm: run.rhythm)
    }

    /// What the result's `config.json` says beside shapes.
    private func recommendation(classes: [String]) throws -> ModelDescription {
        var description = ModelDescription()
        description.classIDs = classes
        description.classNames = try names(of: classes)
        description.guidance = recommended.cfg
        description.topK = recommended.topK
        description.topP = recommended.topP
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
    private func names(of classes: [String]) throws -> [String] {
        guard let classNames = recommended.classNames else { return classes }
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
