import ArgumentParser
import MVAR

/// `mvar train tokenizer`: pictures in, a tokenizer out.
struct TrainTokenizerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokenizer",
        abstract: "Train a tokenizer: pictures to tokens and back.",
        discussion: """
            Prints the PSNR of held-out pictures (in decibels; higher is closer) and the share of the codes that they \
            use. The run's folder shows pictures beside their reconstructions in reconstructions.png.
            """)

    @OptionGroup(title: "Pictures") var pictures: TrainDataOptions
    @OptionGroup(title: "Run") var run: TrainRunOptions

    @Option(help: ArgumentHelp("Channels at full resolution, a multiple of 32.", valueName: "N"))
    var channels: Int = 32

    @Option(
        help: ArgumentHelp(
            "Channels of each level over --channels; each level but the first halves the sides.", valueName: "N,…"),
        transform: Self.multipliers)
    var multipliers: [Int] = [1, 1, 2]

    @Option(help: ArgumentHelp("Channels of the latent.", valueName: "N"))
    var latentChannels: Int = 16

    @Option(help: ArgumentHelp("The number of codes.", valueName: "N"))
    var vocabulary: Int = 1024

    @Option(
        help: ArgumentHelp(
            "The sides of the token maps. The last times the stride is the pictures' side.", valueName: "N,…"),
        transform: { try ScaleSchedule(commaSeparated: $0) })
    var schedule: ScaleSchedule = .published256

    @Option(help: ArgumentHelp("The weight of the mean absolute error.", valueName: "X"))
    var l1: Double = 0.4

    @Option(help: ArgumentHelp("The weight of the mean squared error.", valueName: "X"))
    var l2: Double = 2

    @Option(help: ArgumentHelp("How much the encoder is drawn to the codes (β).", valueName: "X"))
    var commitment: Double = 0.25

    @OptionGroup(title: "Output") var output: OutputOptions

    func run() async throws {
        let shape = TokenizerConfiguration(
            channels: channels, multipliers: multipliers, latentChannels: latentChannels, vocabularySize: vocabulary,
            schedule: schedule)
        let training = try TokenizerTraining(
            TokenizerTrainingSettings(
                tokenizer: shape, batch: run.batch, learningRate: run.learningRate, absoluteWeight: l1,
                squaredWeight: l2, commitment: commitment, averageDecay: run.average, usesBFloat16: run.bfloat16,
                seed: run.seed, length: run.length, rhythm: run.rhythm),
            folder: run.run)
        try training.checkFolder(resuming: run.resume)
        try run.begin()
        let (learned, held) = try pictures.pictures(side: shape.imageSide, output: output)
        let progress = output.progress("training the tokenizer", unit: "step")
        defer { progress.finish() }
        TrainingInterruption.catchSignals()
        let outcome = try training.run(
            pictures: learned, validation: held, resuming: run.resume,
            report: run.reporting("tokenizer", output: output, progress: progress))
        try run.finish(outcome, output: output)
        progress.finish()
        if output.json {
            try output.printJSON(["tokenizer": training.resultPath])
        } else {
            print(training.resultPath)
        }
    }

    private static func multipliers(_ text: String) throws -> [Int] {
        let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
        guard numbers.allSatisfy({ (1...64).contains($0) }), numbers.count <= 8 else {
            throw ValidationError("they are up to 8 numbers in 1...64, as in 1,1,2")
        }
        return numbers
    }
}
