import ArgumentParser
import Benchmarking
import MVAR

/// Which shape.
struct PresetOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The published model whose shape is taken; d and another depth up to 64 for one made like them.",
            valueName: "name"))
    var preset = Preset.d16

    /// A published shape.
    struct Preset: ExpressibleByArgument, Hashable, CustomStringConvertible {
        let description: String
        private(set) var transformer: TransformerConfiguration

        static let d16 = Preset(description: "d16", transformer: .published(depth: 16))

        private init(description: String, transformer: TransformerConfiguration) {
            self.description = description
            self.transformer = transformer
        }

        init?(argument: String) {
            if let transformer = TransformerConfiguration.presets[argument] {
                self.init(description: argument, transformer: transformer)
                return
            }
            guard argument.hasPrefix("d"), let depth = Int(argument.dropFirst()), (1...64).contains(depth) else {
                return nil
            }
            self.init(description: "d\(depth)", transformer: .published(depth: depth))
        }

        var defaultValueDescription: String { description }

        static let allValueStrings = TransformerConfiguration.presets.sorted { $0.value.depth < $1.value.depth }
            .map(\.key)

        /// The published tokenizer, for the preset's maps.
        var tokenizer: TokenizerConfiguration { TokenizerConfiguration(schedule: transformer.schedule) }

        /// The same for other maps, with windows from side 13 on.
        func with(_ schedule: ScaleSchedule) -> Preset {
            var preset = self
            preset.transformer.schedule = schedule
            preset.transformer.firstSpatialScale = schedule.defaultFirstSpatialScale
            return preset
        }
    }
}

/// The token maps.
struct BenchScheduleOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The sides of the token maps; pictures are 16 times as large. (default: the preset's)", valueName: "sides"),
        transform: { try ScaleSchedule(commaSeparated: $0) })
    var schedule: ScaleSchedule?
}

/// Which tokens see which.
struct BenchAttentionOption: ParsableArguments {
    @Option(help: ArgumentHelp("Which tokens see which.", discussion: ShapeOptions.patterns, valueName: "pattern"))
    var attention = Self.usual

    /// MVAR's.
    static let usual = AttentionPattern.spatial(kernel: 7)
}

/// How many pictures at once.
struct BenchBatchOption: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Pictures computed together, 1 or more; times are for one.", valueName: "N"))
    var batch = 1

    func validate() throws {
        if !(1...4096).contains(batch) { throw OptionError(option: "--batch", value: "\(batch)", need: "in 1...4096") }
    }
}

/// How often.
struct BenchRunsOption: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Measurements after the one to warm up, 1 or more.", valueName: "N"))
    var runs = 3

    func validate() throws {
        if !(1...1000).contains(runs) { throw OptionError(option: "--runs", value: "\(runs)", need: "in 1...1000") }
    }
}

/// Runs a bench with a line of progress, and prints its report.
func printBench<Result: Codable & Hashable & Sendable>(
    _ name: String, _ output: OutputOptions, text: (BenchReport<Result>) -> String,
    run: (@escaping BenchProgress) throws -> BenchReport<Result>
) throws {
    let line = output.progress("measuring", unit: "part")
    defer { line.finish() }
    line.announce("measuring: making random weights")
    let report = try run { finished, total in line.update(finished, of: total) }
    line.finish()
    if output.json {
        try output.printJSON(report)
    } else {
        try OutputOptions.printResult("\(name)\n\(machine(report.conditions))\n\n\(text(report))")
    }
}

/// The most memory that was taken, and on a GPU held; in MiB.
func benchMemory(_ peak: Double?, reserved: Double?) -> String {
    (peak.map { "\(decimals($0, 0)) MiB" } ?? "unknown") + (reserved.map { ", reserved \(decimals($0, 0)) MiB" } ?? "")
}

/// What figures mean nothing without, on one line.
private func machine(_ conditions: BenchConditions) -> String {
    let facts = [
        conditions.processor ?? "unknown processor", conditions.instructionSet, conditions.device,
        counted(conditions.threads, "thread"), conditions.precision, "LibTorch \(conditions.libtorchVersion)",
        conditions.runs.map { "\(counted($0, "run")) after one to warm up" },
    ]
    return facts.compactMap(\.self).joined(separator: ", ")
}

/// Columns of figures, the first to the left and the others to the right.
func benchTable(_ header: [String], _ rows: [[String]]) -> String {
    let lines = [header] + rows
    let widths = header.indices.map { column in lines.reduce(0) { max($0, $1[column].count) } }
    return lines.map { line in
        line.indices.map { $0 == 0 ? padded(line[0], widths[0]) : leading(line[$0], widths[$0]) }
            .joined(separator: "  ")
    }.joined(separator: "\n")
}
