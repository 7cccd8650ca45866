import ArgumentParser
import MVAR

/// `mvar train tokenizer`: pictures in, a tokenizer out.
struct TrainTokenizerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokenizer",
        abstract: "Train a tokenizer: pictures to tokens and back.",
        usage: """
            mvar train tokenizer [<options>] --data <path> ...
            --validation <path> ... --run <folder>
            (--steps <N> | --epochs <X> | --minutes <X>)
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
    @OptionGroup(title: "Tokenizer") var shape: TrainedTokenizerOptions
    @OptionGroup(title: "Learning") var length: LengthOptions
    @OptionGroup(title: "Loss") var loss: ReconstructionOptions
    @OptionGroup(title: "Loss") var perceptual: PerceptualOptions
    @OptionGroup(title: "Discriminator") var discriminator: DiscriminatorOptions
    @OptionGroup(title: "Codes") var revival: RevivalOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    /// What `--json` prints.
    struct Result: Encodable {
        let tokenizer: String
        /// Steps of the run.
        let step: Int
        /// What was measured at the end: `psnr`, `ssim`, `usage`, `usage_1`, …; null where it is no number.
        let measured: [String: Double?]
    }

    func validate() throws {
        guard !run.hasFile else { return }
        try TrainSourceOptions.require(pictures.data)
        try length.requireEnd()
    }

    mutating func run() async throws {
        let processes = try run.begin()
        let device = try run.device(of: processes, output)
        // Before the processes meet: whoever cannot begin must not keep the others waiting.
        let overlay = try overlay()
        let settings = try overlay.section("training").applied(to: TokenizerTrainingSettings(tokenizer: .small))
        try TrainingError.requireEqualShares(ofBatch: settings.batch, processes: processes.count)
        if !processes.isFirst { output.quiet = true }
        let command = self
        try processes.run { try command.train($0, overlay, settings, on: device) }
    }

    /// The settings of the file and of options.
    func overlay() throws -> SettingsOverlay {
        let overlay = try run.overlay(
            pictures, augmentation, held, shape, length, loss, perceptual, discriminator, revival)
        try overlay.refuse("training", "model", of: "mvar train model")
        try overlay.requireSections(["inputs", "training"])
        return overlay
    }

    private func train(
        _ processes: ProcessGroup, _ overlay: SettingsOverlay, _ settings: TokenizerTrainingSettings, on device: Device
    ) throws {
        let inputs = try overlay.section("inputs").applied(to: RunInputs())
        try TrainSourceOptions.require(inputs.data)
        try inputs.requireValidation()
        try shape.checkSide(of: settings.tokenizer)
        try run.check(settings.precision, on: device)
        let training = try TokenizerTraining(settings, folder: run.run, inputs: inputs, on: device)
        if processes.isFirst { try training.checkFolder(resuming: run.resume) }
        let side = settings.tokenizer.imageSide
        let learned = try inputs.pictures(
            side: side, crop: settings.crop, workers: pictures.workers, output: output)
        try training.check(learned)
        let held = try inputs.validationPictures(
            of: inputs.classes, side: side, workers: pictures.workers, output: output)
        TrainValidationOptions.remark(
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
