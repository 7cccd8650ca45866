import ArgumentParser
import MVAR

/// `mvar train tokenizer`: pictures in, a tokenizer out.
struct TrainTokenizerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokenizer",
        abstract: "Train a tokenizer: pictures to tokens and back.",
        usage: """
            mvar train tokenizer [<options>] --data <path> ...
            --validation <path> ... --run <folder> (--steps <N> | --minutes <X>)
            """,
        discussion: """
            Prints what held-out pictures lose, now and then and at the end: PSNR (in decibels; higher is closer), SSIM \
            (1 is equal), usage (the share of the codes that occur) and perplexity (how many codes, used equally often, \
            would be as hard to guess); metrics.jsonl has the last two for each scale too. Then the folder of the \
            tokenizer. The run's folder shows pictures beside their reconstructions in reconstructions.png. \
            docs/tokenizer-training.md tells what is minimised.

              mvar train tokenizer --data train.tar --validation val.tar \\
                --run runs/tokenizer --minutes 45
              mvar train tokenizer --data train.tar --validation val.tar \\
                --run runs/sharp --steps 20000 --perceptual lpips.pt --discriminator
            """)

    @OptionGroup(title: "Pictures") var pictures: TrainSourceOptions
    @OptionGroup(title: "Pictures") var augmentation: AugmentationOptions
    @OptionGroup(title: "Pictures") var held: TrainValidationOptions
    @OptionGroup(title: "Run") var run: TrainRunOptions
    @OptionGroup(title: "Tokenizer") var shape: NetworkOptions
    @OptionGroup(title: "Loss") var loss: LossOptions
    @OptionGroup(title: "Loss") var perceptual: PerceptualOptions
    @OptionGroup(title: "Discriminator") var discriminator: DiscriminatorOptions
    @OptionGroup(title: "Codes") var revival: RevivalOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    /// The network that is trained.
    struct NetworkOptions: ParsableArguments {
        @Option(
            parsing: .unconditional,
            help: ArgumentHelp("Channels at full resolution, a multiple of 32.", valueName: "N"))
        var channels: Int = 32

        @Option(
            help: ArgumentHelp(
                "Channels of each level as multiples of --channels. (default: \(defaultMultipliers.map(String.init).joined(separator: ",")))",
                discussion: "Each level but the first halves the sides: three make a latent of a quarter.",
                valueName: "N,…"),
            transform: Self.multipliers)
        var multipliers: [Int] = Self.defaultMultipliers

        @Option(parsing: .unconditional, help: ArgumentHelp("Channels of the latent.", valueName: "N"))
        var latentChannels: Int = 16

        @Option(parsing: .unconditional, help: ArgumentHelp("The number of codes.", valueName: "N"))
        var vocabulary: Int = 1024

        @Option(
            help: ArgumentHelp(
                "The sides of the token maps, coarse to fine. (default: \(ScaleSchedule.published256))",
                discussion: """
                    The last is the side of the latent, and so says the side of the pictures: 16 with three levels is 64 \
                    pixels, to which all pictures are brought.
                    """,
                valueName: "sides"),
            transform: { try ScaleSchedule(commaSeparated: $0) })
        var schedule: ScaleSchedule = .published256

        @Option(
            parsing: .unconditional,
            help: ArgumentHelp(
                "The side of the pictures in pixels, which must be what --schedule and --multipliers make it.",
                discussion: "For being sure: a schedule for other pictures is refused then.", valueName: "N"))
        var side: Int?

        func validate() throws {
            guard let side, side != configuration.imageSide else { return }
            let (stride, levels) = (configuration.stride, multipliers.count)
            guard side > 0, side % stride == 0 else {
                throw OptionError(
                    option: "--side", value: "\(side)",
                    need: "a multiple of \(stride), which is the stride of \(levels) --multipliers")
            }
            throw OptionError(
                option: "--schedule", value: "\(schedule)",
                need: "one that ends with \(side / stride): at a stride of \(stride) pictures of \(side) pixels have "
                    + "latents of \(side / stride) × \(side / stride)")
        }

        var configuration: TokenizerConfiguration {
            TokenizerConfiguration(
                channels: channels, multipliers: multipliers, latentChannels: latentChannels,
                vocabularySize: vocabulary, schedule: schedule)
        }

        private static let defaultMultipliers = [1, 1, 2]

        private static func multipliers(_ text: String) throws -> [Int] {
            let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
            guard numbers.allSatisfy({ (1...64).contains($0) }), numbers.count <= 8 else {
                throw ValidationError("they are up to 8 numbers in 1...64, as in 1,1,2")
            }
            return numbers
        }
    }

    /// What is minimised.
    struct LossOptions: ParsableArguments {
        @Option(parsing: .unconditional, help: ArgumentHelp("The weight of the mean absolute error.", valueName: "X"))
        var l1: Double = 0.4

        @Option(parsing: .unconditional, help: ArgumentHelp("The weight of the mean squared error.", valueName: "X"))
        var l2: Double = 2

        @Option(
            parsing: .unconditional,
            help: ArgumentHelp("How much the encoder is drawn to the codes (β).", valueName: "X"))
        var commitment: Double = 0.25
    }

    /// A network that says how different pictures look.
    struct PerceptualOptions: ParsableArguments {
        @Option(
            help: ArgumentHelp(
                "A perceptual network, a TorchScript file.",
                discussion: """
                    Its forward takes reconstructions and pictures, two float32 tensors [B, 3, H, W] in -1...1, and \
                    returns a tensor of floating point whose mean is the loss; gradients must flow to the first. Its \
                    weights stay as they are. Such a file is a program, which runs with all your rights: take it from \
                    nobody whom you do not trust.
                    """, valueName: "file"),
            completion: .file())
        var perceptual: String?

        @Option(
            parsing: .unconditional,
            help: ArgumentHelp("The weight of what the perceptual network returns. (default: 1)", valueName: "X"))
        var perceptualWeight: Double?

        var settings: PerceptualSettings? {
            perceptual.map { PerceptualSettings(file: $0, weight: perceptualWeight ?? 1) }
        }

        func validate() throws {
            if perceptual == nil, perceptualWeight != nil {
                throw ValidationError("--perceptual-weight is for a network: give --perceptual too")
            }
        }
    }

    /// What tells reconstructions from pictures.
    struct DiscriminatorOptions: ParsableArguments {
        @Flag(help: "Train a patch discriminator beside it, which reconstructions have to pass.")
        var discriminator = false

        @Option(
            parsing: .unconditional,
            help: ArgumentHelp(
                "The step from which it takes part. (default: \(standard.start))",
                discussion: "Until then reconstructions are so far off that it would learn the obvious.",
                valueName: "N"))
        var discriminatorStart: Int?

        @Option(
            parsing: .unconditional,
            help: ArgumentHelp(
                "How strongly it pulls at the decoder's last layer, as a multiple of what the reconstruction error does. (default: \(standard.weight))",
                valueName: "X"))
        var discriminatorWeight: Double?

        @Option(
            parsing: .unconditional,
            help: ArgumentHelp(
                "Its highest learning rate; it rises and falls as --learning-rate does. (default: \(standard.learningRate))",
                valueName: "X"))
        var discriminatorLearningRate: Double?

        @Option(
            parsing: .unconditional,
            help: ArgumentHelp(
                "Channels of its first convolution, a multiple of 32. (default: \(standard.channels))", valueName: "N"))
        var discriminatorChannels: Int?

        @Option(
            parsing: .unconditional,
            help: ArgumentHelp(
                "How often it halves the sides: 1, 2, 3 and 4 judge patches of 16, 34, 70 and 142 pixels. (default: \(standard.layers))",
                valueName: "N"))
        var discriminatorLayers: Int?

        private static let standard = DiscriminatorSettings()

        var settings: DiscriminatorSettings? {
            guard discriminator else { return nil }
            let standard = Self.standard
            return DiscriminatorSettings(
                channels: discriminatorChannels ?? standard.channels, layers: discriminatorLayers ?? standard.layers,
                weight: discriminatorWeight ?? standard.weight, start: discriminatorStart ?? standard.start,
                learningRate: discriminatorLearningRate ?? standard.learningRate)
        }

        func validate() throws {
            guard !discriminator else { return }
            let given: [(String, Bool)] = [
                ("start", discriminatorStart != nil), ("weight", discriminatorWeight != nil),
                ("learning-rate", discriminatorLearningRate != nil), ("channels", discriminatorChannels != nil),
                ("layers", discriminatorLayers != nil),
            ]
            if let (name, _) = given.first(where: \.1) {
                throw ValidationError("--discriminator-\(name) needs --discriminator")
            }
        }
    }

    /// New life for codes that nothing uses.
    struct RevivalOptions: ParsableArguments {
        @Option(
            parsing: .unconditional,
            help: ArgumentHelp(
                "Steps between looks for codes that nothing uses, which move to vectors of the latest pictures.",
                valueName: "N"))
        var reviveEvery: Int = 10

        @Option(
            parsing: .unconditional,
            help: ArgumentHelp(
                "Codes used less than this share of the mean are moved; 0 or more and below 1, 0 moves none.",
                valueName: "X"))
        var reviveBelow: Double = 0.02
    }

    /// What `--json` prints.
    struct Result: Encodable {
        let tokenizer: String
        /// Steps of the run.
        let step: Int
        /// What was measured at the end: `psnr`, `ssim`, `usage`, `usage_1`, …; null where it is no number.
        let measured: [String: Double?]
    }

    func validate() throws { try pictures.requireData() }

    mutating func run() async throws {
        let processes = try run.begin()
        if !processes.isFirst { output.quiet = true }
        try processes.run(train)
    }

    private func train(_ processes: ProcessGroup) throws {
        let configuration = shape.configuration
        let training = try TokenizerTraining(
            TokenizerTrainingSettings(
                tokenizer: configuration, batch: run.batch, crop: augmentation.crop, mirrors: !augmentation.noFlip,
                learningRate: run.learningRate, absoluteWeight: loss.l1, squaredWeight: loss.l2,
                commitment: loss.commitment, perceptual: perceptual.settings,
                discriminator: discriminator.settings, averageDecay: run.average,
                revivalInterval: revival.reviveEvery, deadShare: revival.reviveBelow, usesBFloat16: run.bfloat16,
                seed: run.seed, length: run.length, rhythm: run.rhythm),
            folder: run.run)
        if processes.isFirst { try training.checkFolder(resuming: run.resume) }
        let learned = try pictures.pictures(
            side: configuration.imageSide, crop: augmentation.crop, output: output)
        try training.check(learned)
        let held = try self.held.pictures(
            of: pictures.chosenClasses, side: configuration.imageSide, workers: pictures.workers, output: output)
        self.held.remark(
            learned.count, classes: learned.classes.count, held: held, skipped: learned.unreadable.count, output: output
        )
        let watch = TrainingWatch("tokenizer", output: output)
        defer { watch.end() }
        let outcome = try training.run(
            pictures: learned, validation: held, resuming: run.resume, processes: processes,
            report: watch.receive, notice: watch.remark)
        try watch.check(outcome, run: run.run)
        guard output.json else { return try OutputOptions.printResult(training.resultPath) }
        try output.printJSON(
            Result(
                tokenizer: training.resultPath, step: watch.measured?.step ?? 0,
                measured: watch.measured?.values ?? [:]))
    }
}
