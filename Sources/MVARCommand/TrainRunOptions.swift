import ArgumentParser
import Foundation
import MVAR

/// Options that set a run's settings, over those of a file.
protocol SettingOptions {
    /// Sets those that were given.
    func set(in overlay: inout SettingsOverlay) throws
}

/// Where a run is kept, and what describes it.
struct TrainRunOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The folder of the run: settings, checkpoints, metrics.jsonl, event files for TensorBoard, the result in 'model'.",
            valueName: "folder"),
        completion: .directory)
    var run: String

    @Option(
        help: ArgumentHelp(
            "A JSON file that describes the run: a recipe, or the run.json of another run. Options go over it.",
            valueName: "file"),
        completion: .file(extensions: ["json"]))
    var config: String?

    @Flag(
        help: """
            Go on from the run's newest whole checkpoint, or from the start if there is none yet. The settings are those \
            of its run.json; options that say otherwise are refused. The losses are those of a run that never stopped.
            """)
    var resume = false

    @OptionGroup var force: ForcePrecisionFlag
    @OptionGroup var place: DeviceOption
    @OptionGroup var threads: ThreadOptions

    /// Whether all settings may come from a file.
    var hasFile: Bool { config != nil || resume }

    private var hasRun: Bool { FileManager.default.fileExists(atPath: run + "/run.json") }

    /// The settings of the file and of options, which go over it.
    func overlay(_ options: any SettingOptions...) throws -> SettingsOverlay {
        let record = try resume && hasRun ? SettingsOverlay(path: run) : nil
        var overlay = try config.map(SettingsOverlay.init(path:)) ?? record ?? SettingsOverlay()
        // What a file leaves open, as the shape of a model that the run began with, is what it was.
        if let record { overlay.complete(by: record) }
        for options in options { try options.set(in: &overlay) }
        return overlay
    }

    /// Sets threads.
    ///
    /// - Returns: The processes that were started together.
    /// - Throws: Where the launcher's variables make no sense, or there is nothing to resume.
    func begin() throws -> LaunchedProcesses {
        let processes = try LaunchedProcesses()
        // Before anything else is missed; only the first process need see the folder.
        if resume, processes.isFirst, !hasRun { throw TrainingError.nothingToResume(folder: run) }
        try threads.apply()
        return processes
    }

    /// Where this process computes.
    ///
    /// - Parameters:
    ///   - processes: Those that train together.
    ///   - output: Tells why `auto` is the CPU, where it is.
    /// - Returns: The device; of several processes each has a GPU of its own, by its number on its machine.
    /// - Throws: Where this machine does not have it, or several processes would share a GPU.
    func device(of processes: LaunchedProcesses, _ output: OutputOptions) throws -> Device {
        let device = try place.resolved(output)
        guard device != .cpu, processes.count > 1 else { return device }
        guard device == .cuda(0) else {
            throw ValidationError(
                "\(processes.count) processes would share \(device): with --device cuda each takes its own GPU")
        }
        // Launchers may let each process see its own GPU alone.
        let own = LibTorch.cudaDeviceCount == 1 ? device : Device.cuda(processes.localRank)
        try ComputeCheck.check(own)
        return own
    }

    /// Throws where the device is not fit; before anything long begins.
    func check(_ precision: Precision, on device: Device) throws { try force.check(precision, on: device) }
}

/// How long a run lasts, and how its learning rate moves.
struct LengthOptions: ParsableArguments, SettingOptions {
    private static let defaults = TrainingLength()

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("End after so many steps. This, --epochs or --minutes is required.", valueName: "N"))
    var steps: Int?

    @Option(
        name: [.long, .customLong("ep")], parsing: .unconditional,
        help: ArgumentHelp("End after so many looks at every picture.", valueName: "X"))
    var epochs: Double?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "End after so many minutes of training, over all sittings.",
            discussion: "The learning rate falls by the time that is left. Such a run cannot be repeated bit for bit.",
            valueName: "X"))
    var minutes: Double?

    @Option(
        name: [.long, .customLong("bs")], parsing: .unconditional,
        help: ArgumentHelp("Pictures a step, of all processes together. (default: 8)", valueName: "N"))
    var batch: Int?

    @Option(
        name: [.long, .customLong("tlr")], parsing: .unconditional,
        help: ArgumentHelp("The highest learning rate, above 0. (default: 0.001)", valueName: "X"))
    var learningRate: Double?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Steps in which the learning rate rises to its highest. (default: \(defaults.warmUpSteps))", valueName: "N")
    )
    var warmUp: Int?

    @Option(
        name: [.long, .customLong("wp")], parsing: .unconditional,
        help: ArgumentHelp("The same in epochs.", valueName: "X"))
    var warmUpEpochs: Double?

    @Option(
        name: [.long, .customLong("wp0")], parsing: .unconditional,
        help: ArgumentHelp(
            "What the learning rate begins with, as a share of its highest. (default: \(defaults.initialFactor))",
            valueName: "X"))
    var initialFactor: Double?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "The share of the run after the warm-up from which on the learning rate falls, in 0...1. (default: \(defaults.plateau))",
            valueName: "X"))
    var plateau: Double?

    @Option(help: ArgumentHelp("How it falls. (default: \(defaults.fall.rawValue))", valueName: "fall"))
    var fall: RateFall?

    @Option(
        name: [.long, .customLong("wpe")], parsing: .unconditional,
        help: ArgumentHelp(
            "What is left of the learning rate at the end, as a share of its highest. (default: \(defaults.finalFactor))",
            valueName: "X"))
    var finalFactor: Double?

    @Option(
        name: .customLong("sche"),
        help: ArgumentHelp(
            "Plateau and fall under VAR's names: cos, lin, lin0, lin00, lin0.3, exp.", valueName: "name"))
    var schedule: PublicRateSchedule?

    @Option(
        name: [.long, .customLong("tclip")], parsing: .unconditional,
        help: ArgumentHelp(
            "The largest gradient norm; 0 for any. (default: 2 for a model, 1 for a tokenizer)", valueName: "X"))
    var clip: Double?

    @Option(
        name: [.long, .customLong("twd")], parsing: .unconditional,
        help: ArgumentHelp(
            "How much weights shrink at each step, times the learning rate. (default: 0.05 for a model, 0 for a tokenizer)",
            valueName: "X"))
    var weightDecay: Double?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("What --weight-decay moves to over the run. (default: no move)", valueName: "X"))
    var finalWeightDecay: Double?

    @Option(
        name: .customLong("twde"), parsing: .unconditional,
        help: ArgumentHelp("The same as VAR's number: 0 is no move.", valueName: "X"))
    var publicFinalWeightDecay: Double?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Decay of the averaged weights that are kept, 0 or more and below 1; 0 keeps the last weights. (default: 0.99)",
            valueName: "X"))
    var average: Double?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The seed: decides weights, order and all other chance. (default: 1)", valueName: "N"))
    var seed: UInt64?

    @Option(
        help: ArgumentHelp(
            "What is computed in where rounding matters little: float32, bfloat16, and for a model float16. (default: float32)",
            discussion: """
                Weights and sums stay in float32. bfloat16 is refused on processors without instructions for it.
                """, valueName: "precision"))
    var precision: Precision?

    @Option(help: ArgumentHelp("The same as VAR's numbers: 0 float32, 1 float16, 2 bfloat16.", valueName: "N"))
    var fp16: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Steps between checkpoints, of which the latest two are kept; Ctrl-C and SIGTERM write one too. (default: \(rhythm.checkpoint))",
            valueName: "N"))
    var checkpointEvery: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Steps between measurements on held-out pictures. (default: \(rhythm.validation))", valueName: "N"))
    var validateEvery: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Steps between lines of metrics.jsonl. (default: \(rhythm.report))", valueName: "N"))
    var logEvery: Int?

    private static let rhythm = TrainingRhythm()
    private static let precisions: [Precision] = [.float32, .float16, .bfloat16]

    func validate() throws {
        if let fp16, !Self.precisions.indices.contains(fp16) {
            throw OptionError(option: "--fp16", value: "\(fp16)", need: "0, 1 or 2")
        }
        if fp16 != nil, precision != nil {
            throw ValidationError("--fp16 says the same as --precision: give one of them")
        }
        if finalWeightDecay != nil, publicFinalWeightDecay != nil {
            throw ValidationError("--twde says the same as --final-weight-decay: give one of them")
        }
        if warmUp != nil, warmUpEpochs != nil {
            throw ValidationError("--warm-up-epochs says the same as --warm-up: give one of them")
        }
        if schedule != nil, fall != nil || plateau != nil {
            throw ValidationError("--sche says the same as --fall and --plateau: give one or the other")
        }
    }

    /// Throws where a run that no file describes would never end.
    func requireEnd() throws {
        if steps == nil, epochs == nil, minutes == nil {
            throw ValidationError("a run needs an end: --steps, --epochs or --minutes")
        }
    }

    func set(in overlay: inout SettingsOverlay) throws {
        // What says the same in another way, in a file, makes room.
        let ends = [("steps", steps != nil), ("epochs", epochs != nil), ("minutes", minutes != nil)]
        if ends.contains(where: \.1) { for end in ends { overlay.remove("training", "length", end.0) } }
        if warmUp != nil { overlay.remove("training", "length", "warm_up_epochs") }
        if learningRate != nil { overlay.remove("training", "base_learning_rate") }
        for (key, value) in [
            ("epochs", epochs), ("minutes", minutes), ("warm_up_epochs", warmUpEpochs),
            ("initial_factor", initialFactor), ("plateau", plateau ?? schedule?.plateau),
            ("final_factor", finalFactor),
        ] { try overlay.set("training", "length", key, to: value) }
        try overlay.set("training", "length", "steps", to: steps)
        try overlay.set("training", "length", "warm_up_steps", to: warmUp)
        try overlay.set("training", "length", "fall", to: fall ?? schedule?.fall)
        try overlay.set("training", "batch", to: batch)
        try overlay.set("training", "learning_rate", to: learningRate)
        try overlay.set("training", "clip", to: clip)
        try overlay.set("training", "optimizer", "weight_decay", to: weightDecay)
        if publicFinalWeightDecay == 0 { overlay.remove("training", "optimizer", "final_weight_decay") }
        try overlay.set(
            "training", "optimizer", "final_weight_decay",
            to: finalWeightDecay ?? publicFinalWeightDecay.flatMap { $0 == 0 ? nil : $0 })
        try overlay.set("training", "average_decay", to: average)
        try overlay.set("training", "seed", to: seed)
        try overlay.set("training", "precision", to: precision ?? fp16.map { Self.precisions[$0] })
        try overlay.set("training", "rhythm", "checkpoint", to: checkpointEvery)
        try overlay.set("training", "rhythm", "validation", to: validateEvery)
        try overlay.set("training", "rhythm", "report", to: logEvery)
    }
}

/// Plateau and fall of the learning rate by the names of VAR's trainer.
struct PublicRateSchedule: ExpressibleByArgument {
    let fall: RateFall
    let plateau: Double

    init?(argument: String) {
        switch argument {
        case "cos": (fall, plateau) = (.cosine, 0)
        case "lin": (fall, plateau) = (.linear, 0.15)
        case "lin0": (fall, plateau) = (.linear, 0.05)
        case "lin00": (fall, plateau) = (.linear, 0)
        case "exp": (fall, plateau) = (.exponential, 0.15)
        default:
            guard argument.hasPrefix("lin"), let bend = Double(argument.dropFirst(3)), bend > 0, bend < 1 else {
                return nil
            }
            (fall, plateau) = (.bent, bend)
        }
    }

    static let allValueStrings = ["cos", "lin", "lin0", "lin00", "linX", "exp"]
}
