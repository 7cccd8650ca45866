import ArgumentParser
import MVAR

/// The pictures to learn from.
struct TrainSourceOptions: ParsableArguments {
    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp(
            "What to learn from: folders, tar archives, lists; 'mvar train --help' tells their forms.",
            valueName: "path"),
        completion: .file())
    var data: [String] = []

    @Option(
        help: ArgumentHelp(
            "The classes to use, by their folders' names or numbers, in the order of their labels. (default: all)",
            valueName: "class,…"))
    var classes: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Threads that decode pictures, 1 or more; they change nothing but time. (default: all cores)",
            valueName: "N"))
    var workers: Int?

    /// The classes, where they were chosen.
    var chosenClasses: [String]? { classes.map { $0.split(separator: ",").map(String.init) } }

    func validate() throws {
        if let workers, !(1...1024).contains(workers) {
            throw OptionError(option: "--workers", value: "\(workers)", need: "in 1...1024")
        }
    }

    /// Throws where there is nothing to learn from.
    func requireData() throws {
        if data.isEmpty { throw ValidationError("--data needs at least one path") }
    }

    /// Finds the pictures; decodes them where they are few.
    func pictures(side: Int, crop: PictureCrop, output: OutputOptions) throws -> PictureSet {
        try PictureSet(data, classes: chosenClasses, side: side, crop: crop, workers: workers) {
            output.remark(skipped: $0)
        }
    }
}

/// What of a picture a step sees.
struct AugmentationOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Which square of a picture is learned from; the middle is always what is measured on.",
            discussion: """
                center: the middle, its shorter side brought to the side that is learned. random: any, another one each \
                time, of the shorter side brought to 1.125 times as much.
                """, valueName: "crop"))
    var crop: PictureCrop = .center

    @Flag(help: "Mirror no pictures; otherwise one in two is, by chance.")
    var noFlip = false
}

/// The pictures to measure on.
struct TrainValidationOptions: ParsableArguments {
    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("What to measure on, in the same form; never learned from.", valueName: "path"),
        completion: .file())
    var validation: [String]

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Measure on the first N pictures only; for a model every class must be among them.", valueName: "N"))
    var validationLimit: Int = 500

    func validate() throws {
        if validation.isEmpty { throw ValidationError("--validation needs at least one path") }
        if validationLimit < 1 {
            throw OptionError(option: "--validation-limit", value: "\(validationLimit)", need: "at least 1")
        }
    }

    /// Finds the pictures, and decodes each once.
    ///
    /// For a model `classes` are those that it learns: one that only one set knows would shift the labels of the other. A
    /// tokenizer tells none apart, and takes nil for all.
    func pictures(of classes: [String]?, side: Int, workers: Int?, output: OutputOptions) throws -> PictureSet {
        try PictureSet(
            validation, classes: classes, side: side, limit: validationLimit, workers: workers, checking: true
        ) { output.remark(skipped: $0) }
    }

    /// Says what there is.
    func remark(_ learned: Int, classes: Int, held: PictureSet, skipped: Int, output: OutputOptions) {
        output.remark(
            "\(counted(learned, "picture")) of \(classes) class\(classes == 1 ? "" : "es") to learn from, "
                + "\(held.count) to measure on, \(skipped + held.unreadable.count) skipped")
    }
}

extension OutputOptions {
    /// Says which picture was passed over, and why.
    func remark(skipped picture: UnreadablePicture) { remark("skipped \(picture.name): \(picture.reason)") }
}

/// The tokenizer whose tokens are learned.
struct TrainTokenizerOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The tokenizer: a folder, a .safetensors or a .pth file. It stays as it is.", valueName: "path"),
        completion: .file())
    var tokenizer: String

    /// Loads it.
    func load() throws -> VisualTokenizer { try LoadedModel.tokenizer(ModelSource(tokenizer: tokenizer)) }

    /// Its tensors by name.
    func tensors() throws -> [(name: String, tensor: Tensor)] {
        try Checkpoint(path: tokenizer).requireTokenizer().records.map { ($0.name, try $0.tensor()) }
    }
}

/// Where a run is kept and how long it lasts.
struct TrainRunOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The folder of the run: settings, checkpoints, metrics.jsonl, event files for TensorBoard, the result in 'model'.",
            valueName: "folder"),
        completion: .directory)
    var run: String

    @Flag(
        help: """
            Go on from the run's newest whole checkpoint, or from the start if there is none yet. All other settings must \
            be as they were; then the losses are those of a run that never stopped.
            """)
    var resume = false

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("End after so many steps. This or --minutes is required.", valueName: "N"))
    var steps: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "End after so many minutes of training, over all sittings. This or --steps is required.",
            discussion: "The learning rate falls by the time that is left. Such a run cannot be repeated bit for bit.",
            valueName: "X"))
    var minutes: Double?

    @Option(parsing: .unconditional, help: ArgumentHelp("Pictures a step, of all processes together.", valueName: "N"))
    var batch: Int = 8

    @Option(parsing: .unconditional, help: ArgumentHelp("The highest learning rate, above 0.", valueName: "X"))
    var learningRate: Double = 1e-3

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Steps in which the learning rate rises to its highest.", valueName: "N"))
    var warmUp: Int = 100

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The share of the run after which the learning rate falls, in 0...1.", valueName: "X"))
    var plateau: Double = 0.4

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Decay of the averaged weights that are kept, 0 or more and below 1; 0 keeps the last weights.",
            valueName: "X"))
    var average: Double = 0.99

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The seed: decides weights, order and all other chance.", valueName: "N"))
    var seed: UInt64 = 1

    @Flag(
        help: """
            Compute in bfloat16 where rounding matters little; weights and sums stay in float32. Refused on processors \
            without instructions for it.
            """)
    var bfloat16 = false

    @OptionGroup var force: ForcePrecisionFlag

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Steps between checkpoints, of which the latest two are kept; Ctrl-C and SIGTERM write one too.",
            valueName: "N"))
    var checkpointEvery: Int = 200

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Steps between measurements on held-out pictures.", valueName: "N"))
    var validateEvery: Int = 500

    @Option(parsing: .unconditional, help: ArgumentHelp("Steps between lines of metrics.jsonl.", valueName: "N"))
    var logEvery: Int = 10

    @OptionGroup var threads: ThreadOptions

    var length: TrainingLength {
        TrainingLength(steps: steps, minutes: minutes, warmUpSteps: warmUp, plateau: plateau)
    }

    var rhythm: TrainingRhythm {
        TrainingRhythm(checkpoint: checkpointEvery, validation: validateEvery, report: logEvery)
    }

    func validate() throws {
        if steps == nil, minutes == nil { throw ValidationError("a run needs an end: --steps or --minutes") }
        if !(0...1).contains(plateau) {
            throw OptionError(option: "--plateau", value: "\(plateau)", need: "in 0...1")
        }
    }

    /// Sets threads, and throws where this machine is not fit; before anything long begins.
    ///
    /// - Returns: The processes that were started together.
    /// - Throws: Where the launcher's variables make no sense, too.
    func begin() throws -> LaunchedProcesses {
        let processes = try LaunchedProcesses()
        try TrainingError.requireEqualShares(ofBatch: batch, processes: processes.count)
        if bfloat16 { try force.check(.bfloat16, on: .cpu) }
        try threads.apply()
        return processes
    }
}

/// Which scales a step learns.
struct GroupsOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Which scales a step learns.",
            discussion: """
                all: every one, in groups one after another where no token sees other scales, which gives the same \
                gradients as one pass over all and takes less memory. cycle:N: the coarse scales in N steps of a \
                cycle, then each fine one in one, as MVAR's public code does with N = 8.
                """, valueName: "groups"))
    var groups = ScaleGroups.all
}
