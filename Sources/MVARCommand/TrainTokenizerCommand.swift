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
            Prints the PSNR of held-out pictures (in decibels; higher is closer) and the share of the codes that they \
            use, now and then and at the end; then the folder of the tokenizer. The run's folder shows pictures beside \
            their reconstructions in reconstructions.png.

              mvar train tokenizer --data train.tar --validation val.tar \\
                --run runs/tokenizer --minutes 45
            """)

    @OptionGroup(title: "Pictures") var pictures: TrainSourceOptions
    @OptionGroup(title: "Pictures") var held: TrainValidationOptions
    @OptionGroup(title: "Run") var run: TrainRunOptions
    @OptionGroup(title: "Tokenizer") var shape: NetworkOptions
    @OptionGroup(title: "Loss") var loss: LossOptions
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

    /// What `--json` prints.
    struct Result: Encodable {
        let tokenizer: String
        /// Steps of the run.
        let step: Int
        /// What was measured at the end: `psnr`, `usage`, `usage_1`, …; null where it is no number.
        let measured: [String: Double?]
    }

    func validate() throws { try pictures.requireData() }

    func run() async throws {
        let configuration = shape.configuration
        let training = try TokenizerTraining(
            TokenizerTrainingSettings(
                tokenizer: configuration, batch: run.batch, learningRate: run.learningRate, absoluteWeight: loss.l1,
                squaredWeight: loss.l2, commitment: loss.commitment, averageDecay: run.average,
                usesBFloat16: run.bfloat16, seed: run.seed, length: run.length, rhythm: run.rhythm),
            folder: run.run)
        try training.checkFolder(resuming: run.resume)
        try run.begin()
        let learned = try pictures.pictures(side: configuration.imageSide, output: output)
        let held = try self.held.pictures(of: learned.classes, side: configuration.imageSide, output: output)
        self.held.remark(
            learned.count, classes: learned.classes.count, held: held, skipped: learned.unreadable.count, output: output
        )
        let watch = TrainingWatch("tokenizer", output: output)
        defer { watch.end() }
        let outcome = try training.run(
            pictures: learned, validation: held, resuming: run.resume, report: watch.receive,
            notice: watch.remark)
        try watch.check(outcome, run: run.run)
        guard output.json else { return try OutputOptions.printResult(training.resultPath) }
        try output.printJSON(
            Result(
                tokenizer: training.resultPath, step: watch.measured?.step ?? 0,
                measured: watch.measured?.values ?? [:]))
    }
}
