import ArgumentParser
import Foundation
import MVAR

/// What `mvar train` says while a run goes on, and how the command ends with it.
final class TrainingWatch {
    /// What was measured last on held-out pictures.
    private(set) var measured: TrainingReport?
    private let label: String
    private let output: OutputOptions
    private let progress: ProgressLine
    private var hasBegun = false

    /// Catches signals: from now on there is something to save.
    ///
    /// - Parameters:
    ///   - label: What is trained, as `tokenizer`.
    ///   - output: What the user wants to see.
    init(_ label: String, output: OutputOptions) {
        self.label = label
        self.output = output
        progress = output.progress("training the \(label)", unit: "step")
        TrainingInterruption.catchSignals(notice: output.quiet ? nil : Self.notice)
    }

    /// What the first Ctrl-C says.
    static let notice = "mvar: ending this step and saving; once more ends at once, without saving"

    /// Takes a report: progress, or a line of the result for a measurement.
    func receive(_ report: TrainingReport) {
        if !hasBegun { progress.begin(at: report.progress) }
        hasBegun = true
        guard report.isValidation else {
            let total = Int((Double(report.step) / max(report.progress, 1e-9)).rounded())
            let share = report.secondsWaited / max(report.secondsPerStep, 1e-9)
            return progress.update(
                report.step, of: total, fraction: report.progress,
                note: share >= 0.05 ? "\(Int(min(share * 100, 100)))% waiting for pictures" : nil)
        }
        measured = report
        progress.finish()
        guard !output.json else { return }
        let values = report.metrics.filter { !$0.name.contains("_") }
            .map { "\($0.name) \(String(format: "%.4g", $0.value))" }.joined(separator: ", ")
        // A full disk behind standard output must not end hours of training: metrics.jsonl has the numbers too.
        try? OutputOptions.printResult(
            "\(label), step \(report.step), \(ProgressLine.spoken(seconds: report.seconds)): \(values)")
    }

    /// Takes a remark on how the run goes on.
    func remark(_ notice: TrainingNotice) {
        progress.finish()
        output.remark("\(notice)")
    }

    /// Says what happens after the last step.
    func announce(_ text: String) { progress.announce(text) }

    /// Ends the command if the run was interrupted. From here on signals end it at once: there is nothing more to save.
    func check(_ outcome: TrainingOutcome, run: String) throws {
        progress.finish()
        Interruption.install()
        guard outcome == .interrupted else { return }
        output.remark("stopped and saved in '\(run)'; the same command with --resume goes on")
        throw ExitCode(TrainingInterruption.exitStatus)
    }

    /// Removes the line of progress.
    func end() { progress.finish() }
}

extension TrainingReport {
    /// The measurements by name, as JSON has them: null where a value is no number.
    var values: [String: Double?] {
        Dictionary(metrics.map { ($0.name, $0.value.isFinite ? $0.value : nil) }, uniquingKeysWith: { $1 })
    }
}
