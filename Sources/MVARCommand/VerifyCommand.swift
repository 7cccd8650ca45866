import ArgumentParser
import FileOutput
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

    @OptionGroup(title: "Golden file") var golden: GoldenOptions
    @OptionGroup(title: "Model") var model: GoldenModelOptions
    @OptionGroup(title: "Computing") var compute: ComputeOptions
    @OptionGroup(title: "Computing") var precision: PrecisionOptions
    @OptionGroup(title: "Output") var recomputed: RecomputedOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    /// What is checked, and how strictly.
    struct GoldenOptions: ParsableArguments {
        @Option(help: ArgumentHelp("The golden file, .safetensors.", valueName: "path"), completion: .file())
        var golden: String

        @Option(
            parsing: .unconditional,
            help: ArgumentHelp(
                "Replaces every bound on numbers, 0 or more; tokens stay exact. (default: float32's noise, check by check)",
                valueName: "X"))
        var tolerance: Double?

        func validate() throws {
            if let tolerance, !(tolerance.isFinite && tolerance >= 0) {
                throw OptionError(option: "--tolerance", value: "\(tolerance)", need: "a number of at least 0")
            }
        }
    }

    /// What is checked with.
    struct GoldenModelOptions: ParsableArguments {
        @Option(
            help: ArgumentHelp(
                "The model. (default: model.pth or model.safetensors beside the golden file)", valueName: "path"),
            completion: .file())
        var model: String?

        @Option(
            help: ArgumentHelp(
                "The tokenizer. (default: tokenizer.pth or tokenizer.safetensors beside the golden file)",
                valueName: "path"),
            completion: .file())
        var tokenizer: String?

        @OptionGroup var shape: ShapeOptions
    }

    /// What is kept.
    struct RecomputedOptions: ParsableArguments {
        @Option(
            name: [.customShort("o"), .customLong("output")],
            help: ArgumentHelp(
                "Write what was computed, under the golden names, to this .safetensors file; - is standard output.",
                valueName: "path"),
            completion: .file(extensions: ["safetensors"]))
        var output: String?
    }

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

    func validate() throws { try output.check(recomputed.output) }

    func run() async throws {
        let destination = recomputed.output.map(FileDestination.init)
        try destination?.check()
        let device = try compute.apply(output)
        let precision = try precision.chosen(on: device)
        let progress = output.progress("verifying", unit: "check")
        defer { progress.finish() }
        let verifier = try GoldenVerifier(
            path: golden.golden,
            source: model.shape.source(
                model: model.model, tokenizer: model.tokenizer, device: device,
                precision: precision),
            tolerance: golden.tolerance)
        let report = try verifier.verify { progress.announce("verifying \($0)") }
        progress.finish()
        if let destination { try Safetensors.write(verifier.recomputed, to: destination.path) }
        if output.json {
            try output.printJSON(
                Report(checks: report.checks.map(Report.Check.init), unknown: report.unknown, pass: report.pass))
        } else {
            try output.report(Self.text(of: report), of: recomputed.output)
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
                : "\(counted(report.checks.count, "check")): \(failed == 0 ? "none" : "\(failed)") failed.")
        return lines.joined(separator: "\n")
    }
}
