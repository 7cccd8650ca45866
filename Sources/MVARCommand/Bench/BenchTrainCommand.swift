import ArgumentParser
import Benchmarking
import MVAR

/// `mvar bench train`: steps of training.
struct BenchTrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Measure a step of training: gradients and the optimizer's move.",
        usage: "mvar bench train [<options>]",
        discussion: """
            Weights and tokens are random, so that nothing is learned; the time does not depend on them. Weights, gradients and \
            the optimizer's two averages take 16 bytes a parameter: 5 GB for a d16.

              mvar bench train --preset d16 --batch 4
              mvar bench train --preset d16 --batch 4 --attention full --json
            """)

    @OptionGroup(title: "Model") var preset: PresetOption
    @OptionGroup(title: "Model") var schedule: BenchScheduleOption
    @OptionGroup(title: "Model") var attention: BenchAttentionOption
    @OptionGroup(title: "Learning") var learning: GroupsOption
    @OptionGroup(title: "Computing") var batch: BenchBatchOption
    @OptionGroup(title: "Computing") var compute: ComputeOptions
    @OptionGroup(title: "Computing") var precision: PrecisionOptions
    @OptionGroup(title: "Computing") var runs: BenchRunsOption
    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Comparing", visibility: .hidden) var comparing: ComparingOptions

    /// For programs that compare (Benchmarks).
    struct ComparingOptions: ParsableArguments {
        @Flag(help: "Take one step for each line of standard input, and print its figures as JSON at once.")
        var eachLine = false
    }

    func run() async throws {
        let device = try compute.apply(output)
        let precision = try precision.chosen(on: device)
        guard !precision.isInteger, precision != .float16 || device != .cpu else {
            throw OptionError(
                option: "--precision", value: precision.rawValue,
                need: "float32 or bfloat16, which have gradients, or on a GPU float16")
        }
        let shape = schedule.schedule.map(preset.preset.with) ?? preset.preset
        var transformer = shape.transformer
        transformer.pattern = attention.attention
        var bench = TrainBench(preset: shape.description, transformer: transformer, tokenizer: shape.tokenizer)
        bench.groups = learning.groups ?? .all
        bench.recomputesActivations = learning.recompute
        bench.batch = batch.batch
        bench.precision = precision
        bench.device = device
        bench.runs = runs.runs
        if comparing.eachLine {
            return try bench.run(while: { readLine() != nil }, report: { try output.printJSON($0) })
        }
        try printBench(
            "Steps of \(shape), \(transformer.pattern), groups \(bench.groups), batch \(bench.batch)", output,
            text: { Self.text(of: $0.result) }, run: { try bench.run(progress: $0) })
    }

    static func text(of timings: TrainTimings) -> String {
        aligned([
            (
                "a step",
                "\(decimals(timings.secondsPerStep, 3)) s (\(decimals(timings.secondsPerStepMinimum, 3)) to "
                    + "\(decimals(timings.secondsPerStepMaximum, 3)))"
            ),
            (
                "peak memory",
                benchMemory(timings.peakMemoryInMebibytes, reserved: timings.peakReservedMebibytes)
            ),
        ])
    }
}
