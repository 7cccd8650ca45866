import ArgumentParser
import Benchmarking
import MVAR

/// `mvar bench attention`: neighbourhoods beside whole maps.
struct BenchAttentionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "attention",
        abstract: "Measure attention to 7 × 7 neighbours beside LibTorch's to all tokens.",
        usage: "mvar bench attention [<options>]",
        discussion: """
            32 heads of 64 channels on square maps, forwards, and backwards with the gradients of queries, keys and \
            values.
            """)

    @OptionGroup(title: "Maps") var maps: MapOptions
    @OptionGroup(title: "Computing") var batch: BenchBatchOption
    @OptionGroup(title: "Computing") var compute: ComputeOptions
    @OptionGroup(title: "Computing") var precision: PrecisionOptions
    @OptionGroup(title: "Computing") var runs: BenchRunsOption
    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Without effect", visibility: .hidden) var preset: PresetOption
    @OptionGroup(title: "Without effect", visibility: .hidden) var attention: BenchAttentionOption

    /// How large the maps are.
    struct MapOptions: ParsableArguments {
        @Option(
            help: ArgumentHelp("The sides of the maps, 1 to 128, as in 13,16,32,64.", valueName: "N,…"),
            transform: Sides.init)
        var sides = Sides(values: AttentionBench().sides)

        func validate() throws {
            for side in sides.values where !(1...128).contains(side) {
                throw OptionError(option: "--sides", value: "\(side)", need: "in 1...128")
            }
        }
    }

    /// Sides with commas between.
    struct Sides: CustomStringConvertible {
        let values: [Int]
        var description: String { values.map(String.init).joined(separator: ",") }

        init(values: [Int]) { self.values = values }

        init(_ text: String) throws {
            values = try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
                guard let side = Int(part) else {
                    throw ValidationError("sides are whole numbers with commas between, as 16,32")
                }
                return side
            }
        }
    }

    func run() async throws {
        let device = try compute.apply(output)
        let precision = try precision.chosen(on: device)
        var bench = AttentionBench()
        bench.sides = maps.sides.values
        bench.batch = batch.batch
        bench.precision = precision
        bench.device = device
        bench.runs = runs.runs
        try printBench(
            "Attention, \(bench.heads) heads of \(bench.headWidth) channels, batch \(bench.batch), milliseconds",
            output, text: { Self.text(of: $0.result) }, run: { try bench.run(progress: $0) })
    }

    static func text(of timings: AttentionTimings) -> String {
        benchTable(
            ["map", "kernel", "pass", "neighbours", "all (LibTorch)", "times as fast"],
            timings.rows.map { row in
                [
                    "\(row.height) × \(row.width)", "\(row.kernel)", row.pass.rawValue, milliseconds(row.seconds),
                    milliseconds(row.denseSeconds), decimals(row.denseSeconds / row.seconds, 2),
                ]
            })
    }
}

/// Seconds as a number of milliseconds.
func milliseconds(_ seconds: Double) -> String { decimals(1000 * seconds, 2) }
