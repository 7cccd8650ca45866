import ArgumentParser
import Foundation
import MVAR

/// The pictures of a run.
struct TrainDataOptions: ParsableArguments {
    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp(
            "What to learn from: tar archives with entries CLASS/NAME.JPEG, folders with a folder for every class.",
            valueName: "path"),
        completion: .file())
    var data: [String]

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("What to measure on, in the same form; never learned from.", valueName: "path"),
        completion: .file())
    var validation: [String]

    @Option(
        help: ArgumentHelp(
            "The classes to use, by the names of their folders, in the order of their labels. (default: all)",
            valueName: "class,…"))
    var classes: String?

    @Option(help: ArgumentHelp("Measure on at most so many pictures.", valueName: "N"))
    var validationLimit: Int = 500

    func validate() throws {
        if data.isEmpty || validation.isEmpty {
            throw ValidationError("--data and --validation each need at least one path")
        }
        if validationLimit < 1 {
            throw OptionError(option: "--validation-limit", value: "\(validationLimit)", need: "at least 1")
        }
    }

    /// Decodes both sets.
    func pictures(side: Int, output: OutputOptions) throws -> (training: PictureSet, validation: PictureSet) {
        let chosen = classes.map { $0.split(separator: ",").map(String.init) }
        func read(_ paths: [String], classes: [String]?, limit: Int = .max) throws -> PictureSet {
            try PictureSet(paths, classes: classes, side: side, limit: limit) { name, reason in
                output.remark("skipped \(name): \(reason)")
            }
        }
        let training = try read(data, classes: chosen)
        // A class that only one set knows would shift the labels of the other.
        let held = try read(validation, classes: chosen ?? training.classes, limit: validationLimit)
        output.remark(
            "\(training.count) pictures of \(training.classes.count) classes to learn from, "
                + "\(held.count) to measure on, \(training.unreadable.count + held.unreadable.count) skipped")
        return (training, held)
    }
}

/// Where a run is kept and how long it lasts.
struct TrainRunOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The folder of the run: checkpoint, metrics.jsonl, and the result in 'model'.", valueName: "folder"),
        completion: .directory)
    var run: String

    @Flag(help: "Go on from the run's checkpoint. All other settings must be as they were.")
    var resume = false

    @Option(help: ArgumentHelp("End after so many steps.", valueName: "N"))
    var steps: Int?

    @Option(
        help: ArgumentHelp(
            "End after so many minutes of training, over all sittings.",
            discussion: "The learning rate falls by the time that is left. Such a run cannot be repeated bit for bit.",
            valueName: "minutes"))
    var minutes: Double?

    @Option(help: ArgumentHelp("Pictures a step.", valueName: "N"))
    var batch: Int = 8

    @Option(help: ArgumentHelp("The highest learning rate.", valueName: "X"))
    var learningRate: Double = 1e-3

    @Option(help: ArgumentHelp("Steps in which the learning rate rises.", valueName: "N"))
    var warmUp: Int = 100

    @Option(
        help: ArgumentHelp("The share of the run after which the learning rate falls, in 0...1.", valueName: "X"))
    var plateau: Double = 0.4

    @Option(help: ArgumentHelp("Decay of the averaged weights that are kept; 0 for the last weights.", valueName: "X"))
    var average: Double = 0.99

    @Option(help: ArgumentHelp("Decides weights, order and all other chance.", valueName: "N"))
    var seed: UInt64 = 1

    @Flag(help: "Compute in bfloat16 where rounding matters little; weights and sums stay in float32.")
    var bfloat16 = false

    @Option(help: ArgumentHelp("Steps between checkpoints.", valueName: "N"))
    var checkpointEvery: Int = 200

    @Option(help: ArgumentHelp("Steps between measurements on held-out pictures.", valueName: "N"))
    var validateEvery: Int = 500

    @Option(help: ArgumentHelp("Steps between lines of the log.", valueName: "N"))
    var logEvery: Int = 10

    @Option(help: ArgumentHelp("Threads on the CPU, 1 or more. (default: all cores)", valueName: "N"))
    var threads: Int?

    var length: TrainingLength {
        TrainingLength(steps: steps, minutes: minutes, warmUpSteps: warmUp, plateau: plateau)
    }

    var rhythm: TrainingRhythm {
        TrainingRhythm(checkpoint: checkpointEvery, validation: validateEvery, report: logEvery)
    }

    func validate() throws {
        if steps == nil, minutes == nil { throw ValidationError("a run needs an end: --steps or --minutes") }
        if let threads, !(1...4096).contains(threads) {
            throw OptionError(option: "--threads", value: "\(threads)", need: "in 1...4096")
        }
        if !(0...1).contains(plateau) {
            throw OptionError(option: "--plateau", value: "\(plateau)", need: "in 0...1")
        }
    }

    /// Sets threads, and throws where this machine is not fit; before anything long begins.
    func begin() throws {
        if bfloat16 { try ComputeCheck.check(.bfloat16, on: .cpu) }
        if let threads { try LibTorch.setThreadCount(threads) }
    }

    /// What a run's reports become: progress, and a line for every measurement.
    func reporting(_ label: String, output: OutputOptions, progress: ProgressLine) -> (TrainingReport) -> Void {
        { report in
            let total = Int((Double(report.step) / max(report.progress, 1e-9)).rounded())
            guard report.isValidation else {
                progress.update(report.step, of: total, fraction: report.progress)
                return
            }
            progress.finish()
            guard !output.quiet, !output.json else { return }
            let values = report.metrics.filter { !$0.name.contains("_") }
                .map { "\($0.name) \(String(format: "%.4g", $0.value))" }.joined(separator: ", ")
            print("\(label), step \(report.step), \(ProgressLine.spoken(seconds: report.seconds)): \(values)")
        }
    }

    /// Ends the command if the run was interrupted.
    func finish(_ outcome: TrainingOutcome, output: OutputOptions) throws {
        guard outcome == .interrupted else { return }
        output.remark("stopped and saved in '\(run)'; the same command with --resume goes on")
        throw ExitCode(130)
    }
}
