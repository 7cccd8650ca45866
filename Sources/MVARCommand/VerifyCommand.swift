import ArgumentParser
import MVAR

/// `mvar verify`: this program against what PyTorch computed.
struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Compute a golden file's tensors again and compare.",
        discussion: """
            A golden file holds what the public PyTorch code computed of a model: tokens, logits, pictures, draws. \
            The model is model.pth and tokenizer.pth beside it, or what --model and --tokenizer name. A row for each \
            tensor: the largest difference, absolute and relative to the largest value; for tokens the share that is \
            equal. The status is 1 if any check fails or nothing could be checked.

              mvar verify --golden parity/mini64/golden.safetensors
            """)

    @Option(help: ArgumentHelp("The golden file, .safetensors.", valueName: "path"), completion: .file())
    var golden: String

    @OptionGroup var model: ModelOptions

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Replaces every bound on numbers, 0 or more; tokens stay exact. (default: float32's noise, check by check)",
            valueName: "X"))
    var tolerance: Double?

    @Option(
        name: .customLong("output"),
        help: ArgumentHelp(
            "Write what was computed, under the golden names, to this .safetensors file.", valueName: "path"),
        completion: .file())
    var outputPath: String?

    @OptionGroup var compute: ComputeOptions
    @OptionGroup var precision: PrecisionOptions
    @OptionGroup var output: OutputOptions

    /// The outcome, as `--json` tells it.
    struct Report: Encodable {
        let checks: [Check]
        let unknown: [String]
        let pass: Bool

        struct Check: Encodable {
            let check: GoldenCheck

            enum CodingKeys: String, CodingKey {
                case name, agreement, pass
                case maximumAbsolute = "max_abs"
                case maximumRelative = "max_rel"
            }

            /// All keys are always there. JSON has no infinity and no NaN: they become null.
            func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: CodingKeys.self)
                try container.encode(check.name, forKey: .name)
                try container.encode(finite(check.maximumAbsolute), forKey: .maximumAbsolute)
                try container.encode(finite(check.maximumRelative), forKey: .maximumRelative)
                try container.encode(check.agreement, forKey: .agreement)
                try container.encode(check.pass, forKey: .pass)
            }

            private func finite(_ value: Double) -> Double? { value.isFinite ? value : nil }
        }
    }

    func validate() throws {
        if let tolerance, !(tolerance.isFinite && tolerance >= 0) {
            throw OptionError(option: "--tolerance", value: "\(tolerance)", need: "a number of at least 0")
        }
    }

    func run() async throws {
        if let outputPath { try Output.check(outputPath) }
        try compute.apply()
        try precision.check(on: compute.device)
        let progress = output.progress("verifying", unit: "check")
        defer { progress.finish() }
        let verifier = try GoldenVerifier(
            path: golden, source: model.source(device: compute.device, precision: precision.precision.dtype),
            tolerance: tolerance)
        let report = try verifier.verify { progress.announce("verifying \($0)") }
        progress.finish()
        if let outputPath { try Safetensors.write(verifier.recomputed, to: outputPath) }
        if output.json {
            try output.printJSON(
                Report(checks: report.checks.map(Report.Check.init), unknown: report.unknown, pass: report.pass))
        } else {
            try OutputOptions.printResult(Self.text(of: report))
        }
        if !report.pass { throw ExitCode(1) }
    }

    /// A row for each check, and the sum of them.
    static func text(of report: GoldenReport) -> String {
        let width = report.checks.reduce(4) { max($0, $1.name.count) }
        var lines = [padded("name", width) + "   max abs    max rel   tokens   result"]
        for check in report.checks {
            let agreement = check.agreement.map { decimals($0 * 100, 2) + "%" } ?? "-"
            lines.append(
                padded(check.name, width) + "  " + scientific(check.maximumAbsolute) + "  "
                    + scientific(check.maximumRelative) + "  " + leading(agreement, 7) + "   "
                    + (check.pass ? "pass" : "FAIL: needs \(check.demand)"))
        }
        if !report.unknown.isEmpty { lines.append("unknown: " + report.unknown.joined(separator: ", ")) }
        let failed = report.checks.filter { !$0.pass }.count
        lines.append(
            report.checks.isEmpty
                ? "Nothing was checked: the file holds no tensor that mvar knows."
                : failed == 0
                    ? "All \(report.checks.count) checks pass." : "\(failed) of \(report.checks.count) checks fail.")
        return lines.joined(separator: "\n")
    }
}
