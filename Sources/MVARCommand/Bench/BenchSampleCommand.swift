import ArgumentParser
import Benchmarking
import MVAR

/// `mvar bench sample`: whole pictures.
struct BenchSampleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sample",
        abstract: "Measure guided pictures, from the class to pixels.",
        usage: "mvar bench sample [<options>]",
        discussion: """
            The share of the ceiling is the rate over that of a large matrix product by LibTorch, measured between the \
            runs; work is counted as the definition has it, so that a faster algorithm shows as a higher rate.
            """)

    @OptionGroup(title: "Model") var preset: PresetOption
    @OptionGroup(title: "Model") var schedule: BenchScheduleOption
    @OptionGroup(title: "Model") var attention: BenchAttentionOption
    @OptionGroup(title: "Computing") var batch: BenchBatchOption
    @OptionGroup(title: "Computing") var compute: ComputeOptions
    @OptionGroup(title: "Computing") var precision: PrecisionOptions
    @OptionGroup(title: "Computing") var runs: BenchRunsOption
    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Comparing", visibility: .hidden) var comparing: ComparingOptions

    /// For programs that compare (Benchmarks).
    struct ComparingOptions: ParsableArguments {
        @Flag(help: "Make one batch for each line of standard input, and print its figures as JSON at once.")
        var eachLine = false

        @Option(
            help: ArgumentHelp(
                "Leave these savings out: attention, convolution, linear, modulation, draw (LibTorch's operators instead), graph (each operator anew), memory (freed memory goes back).",
                valueName: "saving,…"),
            transform: { text in
                try text.split(separator: ",", omittingEmptySubsequences: false).map { name in
                    guard let saving = Saving(rawValue: String(name)) else {
                        throw ValidationError("savings are \(Saving.allCases.map(\.rawValue).joined(separator: ", "))")
                    }
                    return saving
                }
            })
        var without: [Saving] = []
    }

    func run() async throws {
        let device = try compute.apply(output)
        let precision = try precision.chosen(on: device)
        let shape = schedule.schedule.map(preset.preset.with) ?? preset.preset
        var transformer = shape.transformer
        transformer.pattern = attention.attention
        var bench = SampleBench(
            preset: shape.description, transformer: transformer, tokenizer: shape.tokenizer)
        bench.batch = batch.batch
        bench.precision = precision
        bench.device = device
        bench.runs = runs.runs
        let side = shape.tokenizer.imageSide
        try Saving.leavingOut(comparing.without) {
            if comparing.eachLine {
                return try bench.run(while: { readLine() != nil }, report: { try output.printJSON($0) })
            }
            try printBench(
                "Pictures of \(shape), \(side) pixels, \(transformer.pattern), batch \(bench.batch), seconds a picture",
                output,
                text: { Self.text(of: $0.result, sides: transformer.schedule.sides) },
                run: { try bench.run(progress: $0) })
        }
    }

    static func text(of timings: SampleTimings, sides: [Int]) -> String {
        let scales = zip(sides, timings.secondsByScale).map { ("  \($0) × \($0)", decimals($1, 3)) }
        return aligned(
            [
                (
                    "a picture",
                    "\(decimals(timings.secondsPerImage, 3)) (\(decimals(timings.secondsPerImageMinimum, 3)) to "
                        + "\(decimals(timings.secondsPerImageMaximum, 3)))"
                ),
                ("decoder", decimals(timings.decoderSeconds, 3)),
                ("transformer", decimals(timings.transformerSeconds, 3)),
            ] + scales + [
                ("rate", "\(decimals(timings.gigaflopsPerSecond, 1)) GFLOP/s"),
                (
                    "share of the ceiling",
                    "\(decimals(100 * timings.ceilingShare, 1))%, the transformer's "
                        + "\(decimals(100 * timings.transformerCeilingShare, 1))%"
                ),
                (
                    "peak memory",
                    benchMemory(timings.peakMemoryInMebibytes, reserved: timings.peakReservedMebibytes)
                ),
                ("kept keys and values", "\(decimals(timings.keyValueMebibytes, 1)) MiB at most"),
            ])
    }
}
