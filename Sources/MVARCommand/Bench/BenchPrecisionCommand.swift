import ArgumentParser
import Benchmarking
import MVAR

/// `mvar bench precision`: what precisions lose.
struct BenchPrecisionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "precision",
        abstract: "Measure what precisions lose against float32.",
        usage: "mvar bench precision [<options>]",
        discussion: """
            Pictures are generated in float32, and their tokens given to the model in each precision (teacher forcing). \
            For what it then predicts, place by place: tokens, the share whose likeliest token is float32's; logits, \
            the largest error over the largest of all; pictures, the likeliest tokens decoded, beside float32's, as \
            PSNR; decoder, the same of the given tokens. Random weights are such that every layer acts on the result, \
            but are no trained ones: --model measures those that you have.

              mvar bench precision --preset d16 --precision int16,int8
              mvar bench precision --model mvar-d16.pth --count 8 --json
            """)

    @OptionGroup(title: "Model") var preset: PresetOption
    @OptionGroup(title: "Model") var model: ModelOption
    @OptionGroup(title: "Model") var tokenizer: TokenizerFileOption
    @OptionGroup(title: "Model") var shape: ShapeOptions
    @OptionGroup(title: "Computing") var comparison: ComparisonOptions
    @OptionGroup(title: "Computing") var compute: ComputeOptions
    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Without effect", visibility: .hidden) var batch: BenchBatchOption
    @OptionGroup(title: "Without effect", visibility: .hidden) var runs: BenchRunsOption
    @OptionGroup(title: "Without effect", visibility: .hidden) var force: ForcePrecisionFlag

    /// A model that is there.
    struct ModelOption: ParsableArguments {
        @Option(
            help: ArgumentHelp(
                "A model instead of random weights: a .pth file of VAR or MVAR, a .safetensors file, or a folder.",
                valueName: "path"),
            completion: .file())
        var model: String?
    }

    /// What is compared.
    struct ComparisonOptions: ParsableArguments {
        @Option(
            help: ArgumentHelp(
                "What is compared with float32. (default: all that the device has)", valueName: "type,…"),
            transform: { text in
                try text.split(separator: ",", omittingEmptySubsequences: false).map { name in
                    guard let choice = PrecisionOptions.Choice(rawValue: String(name)) else {
                        let names = PrecisionOptions.Choice.allCases.map(\.rawValue).joined(separator: ", ")
                        throw ValidationError("precisions are \(names), with commas between")
                    }
                    return choice
                }
            })
        var precision: [PrecisionOptions.Choice] = []

        @Option(
            parsing: .unconditional,
            help: ArgumentHelp("Pictures, of classes spread over the model's, in 1...256.", valueName: "N"))
        var count = 4

        @Option(
            parsing: .unconditional,
            help: ArgumentHelp(
                "Guidance, with which pictures are made and logits compared, 0 or more. (default: the model's)",
                valueName: "X"))
        var cfg: Double?

        func validate() throws {
            if !(1...256).contains(count) {
                throw OptionError(option: "--count", value: "\(count)", need: "in 1...256: all logits are kept")
            }
            if let cfg { try SamplingParameters(guidance: cfg).check() }
        }
    }

    func validate() throws {
        guard model.model == nil else { return }
        let options = [
            ("--tokenizer", tokenizer.tokenizer != nil), ("--heads", shape.heads != nil),
            ("--window", shape.window != nil), ("--first-spatial-scale", shape.firstSpatialScale != nil),
        ]
        if let (option, _) = options.first(where: \.1) {
            throw ValidationError("\(option) is for files: random weights have the preset's shape; name a --model")
        }
    }

    func run() async throws {
        let device = try compute.apply(output)
        var bench = try bench(on: device)
        bench.device = device
        bench.pictures = comparison.count
        bench.guidance = comparison.cfg
        if comparison.precision.isEmpty {
            bench.precisions = Precision.allCases.filter { $0 != .float32 && (device == .cpu || !$0.isInteger) }
        } else {
            bench.precisions = try comparison.precision.map { choice in
                guard let precision = Precision(rawValue: choice.rawValue) else { return .automatic(on: device) }
                if device != .cpu { try ComputeCheck.check(precision, on: device) }
                return precision
            }
        }
        try printBench(
            "Losses against float32: \(bench.name), \(counted(bench.pictures, "picture"))", output,
            text: { Self.text(of: $0.result) }, run: { try bench.run(progress: $0) })
    }

    private func bench(on device: Device) throws -> PrecisionBench {
        if let path = model.model {
            return PrecisionBench(path) { precision in
                try LoadedModel(
                    shape.source(model: path, tokenizer: tokenizer.tokenizer, device: device, precision: precision))
            }
        }
        let preset = shape.schedule.schedule.map(preset.preset.with) ?? preset.preset
        var transformer = preset.transformer
        transformer.pattern = shape.attention ?? BenchAttentionOption.usual
        let weights = try RandomModel(transformer, preset.tokenizer, weights: .acting)
        return PrecisionBench("random weights of \(preset)") { try weights.load(precision: $0, device: device) }
    }

    static func text(of losses: PrecisionLosses) -> String {
        benchTable(
            ["precision", "tokens", "logits", "pictures", "decoder"],
            losses.rows.map { row in
                [
                    row.precision.rawValue, decimals(100 * row.tokenAgreement, 2) + "%",
                    scientific(row.logitError), decibels(row.pictureDecibels),
                    decibels(row.decoderDecibels),
                ]
            })
    }

    private static func decibels(_ ratio: Double?) -> String { ratio.map { decimals($0, 1) + " dB" } ?? "the same" }
}
