import ArgumentParser
import Benchmarking
import MVAR

/// `mvar bench linear`: the products of a feed-forward network.
struct BenchLinearCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "linear",
        abstract: "Measure linear layers beside LibTorch's, their weights coming from memory.",
        usage: "mvar bench linear [<options>]",
        discussion: """
            C → 4 · C and back, C being the preset's width, for the numbers of rows that guided pictures have at their \
            scales.
            """)

    @OptionGroup(title: "Model") var preset: PresetOption
    @OptionGroup(title: "Computing") var compute: ComputeOptions
    @OptionGroup(title: "Computing") var precision: PrecisionOptions
    @OptionGroup(title: "Computing") var runs: BenchRunsOption
    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Without effect", visibility: .hidden) var attention: BenchAttentionOption
    @OptionGroup(title: "Without effect", visibility: .hidden) var batch: BenchBatchOption

    func run() async throws {
        let device = try compute.apply(output)
        let precision = try precision.chosen(on: device)
        var bench = LinearBench(preset: preset.preset.description, transformer: preset.preset.transformer)
        bench.precision = precision
        bench.device = device
        bench.runs = runs.runs
        try printBench(
            "Linear layers of \(preset.preset), milliseconds and GFLOP/s", output, text: { Self.text(of: $0.result) },
            run: { try bench.run(progress: $0) })
    }

    static func text(of timings: LinearTimings) -> String {
        benchTable(
            ["inputs → outputs", "rows", "mvar", "LibTorch", "GFLOP/s", "LibTorch's", "times as fast"],
            timings.rows.map { row in
                [
                    "\(row.inputs) → \(row.outputs)", "\(row.rows)", milliseconds(row.seconds),
                    milliseconds(row.libtorchSeconds), decimals(row.gigaflopsPerSecond, 1),
                    decimals(row.libtorchGigaflopsPerSecond, 1), decimals(row.libtorchSeconds / row.seconds, 2),
                ]
            })
    }
}
