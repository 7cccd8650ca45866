import ArgumentParser
import Benchmarking
import MVAR

/// `mvar bench tokenizer`: its parts.
struct BenchTokenizerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokenizer",
        abstract: "Measure the parts of the tokenizer.",
        usage: "mvar bench tokenizer [<options>]",
        discussion: """
            encoder: pixels to features. quantizer: features to tokens. lookup: tokens to the latent. decoder: the \
            latent to pixels, as for blocks of --precision; the others compute in float32.
            """)

    @OptionGroup(title: "Model") var preset: PresetOption
    @OptionGroup(title: "Computing") var batch: BenchBatchOption
    @OptionGroup(title: "Computing") var compute: ComputeOptions
    @OptionGroup(title: "Computing") var runs: BenchRunsOption
    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Computing") var precision: PrecisionOptions
    @OptionGroup(title: "Without effect", visibility: .hidden) var attention: BenchAttentionOption

    func run() async throws {
        let bench = try TokenizerBench(
            preset.preset, batch: batch, device: compute.apply(output), precision: precision, runs: runs)
        try printBench(
            "Tokenizer of \(preset.preset), batch \(bench.batch), seconds a picture", output,
            text: { Self.text(of: $0.result) }, run: { try bench.parts(progress: $0) })
    }

    static func text(of timings: TokenizerTimings) -> String {
        benchTable(
            ["part", "median", "least", "most"],
            timings.rows.map { row in
                [
                    row.part.rawValue, decimals(row.secondsPerImage, 4), decimals(row.secondsPerImageMinimum, 4),
                    decimals(row.secondsPerImageMaximum, 4),
                ]
            })
    }
}

/// `mvar bench decoder`: our algorithm beside LibTorch's.
struct BenchDecoderCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "decoder",
        abstract: "Measure the decoder by the fast algorithm beside the direct one.",
        usage: "mvar bench decoder [<options>]",
        discussion: "As it decodes for blocks of --precision; the direct one is always in float32.")

    @OptionGroup(title: "Model") var preset: PresetOption
    @OptionGroup(title: "Computing") var batch: BenchBatchOption
    @OptionGroup(title: "Computing") var compute: ComputeOptions
    @OptionGroup(title: "Computing") var runs: BenchRunsOption
    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Computing") var precision: PrecisionOptions
    @OptionGroup(title: "Without effect", visibility: .hidden) var attention: BenchAttentionOption

    func run() async throws {
        let bench = try TokenizerBench(
            preset.preset, batch: batch, device: compute.apply(output), precision: precision, runs: runs)
        try printBench(
            "Decoder of \(preset.preset), batch \(bench.batch), seconds a picture", output,
            text: { Self.text(of: $0.result) }, run: { try bench.decoder(progress: $0) })
    }

    static func text(of timings: DecoderTimings) -> String {
        func row(_ name: String, _ median: Double, _ least: Double, _ most: Double) -> [String] {
            [name] + [median, least, most].map { decimals($0, 4) }
        }
        let table = benchTable(
            ["algorithm", "median", "least", "most"],
            [
                row("fast", timings.secondsPerImage, timings.secondsPerImageMinimum, timings.secondsPerImageMaximum),
                row(
                    "direct", timings.directSecondsPerImage, timings.directSecondsPerImageMinimum,
                    timings.directSecondsPerImageMaximum),
            ])
        return table + "\n\n"
            + aligned([
                ("times as fast", decimals(timings.directSecondsPerImage / timings.secondsPerImage, 2)),
                ("rate", "\(decimals(timings.gigaflopsPerSecond, 1)) GFLOP/s"),
            ])
    }
}

extension TokenizerBench {
    fileprivate init(
        _ preset: PresetOption.Preset, batch: BenchBatchOption, device: Device, precision: PrecisionOptions,
        runs: BenchRunsOption
    ) throws {
        self.init(preset: preset.description, tokenizer: preset.tokenizer)
        self.batch = batch.batch
        self.device = device
        self.precision = try precision.chosen(on: device)
        self.runs = runs.runs
    }
}
