import ArgumentParser
import MVAR

/// The pictures to learn from.
struct TrainSourceOptions: ParsableArguments, SettingOptions {
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

    func validate() throws {
        if let workers, !(1...1024).contains(workers) {
            throw OptionError(option: "--workers", value: "\(workers)", need: "in 1...1024")
        }
    }

    /// The classes, where they were chosen.
    var chosenClasses: [String]? { classes.map { $0.split(separator: ",").map(String.init) } }

    /// Throws where there is nothing to learn from.
    static func require(_ data: [String]) throws {
        if data.isEmpty { throw ValidationError("--data needs at least one path") }
    }

    func set(in overlay: inout SettingsOverlay) throws {
        if !data.isEmpty { overlay.remove("inputs", "cache") }
        try overlay.set("inputs", "data", to: data.isEmpty ? nil : data)
        try overlay.set("inputs", "classes", to: chosenClasses)
    }
}

/// What of a picture a step sees.
struct AugmentationOptions: ParsableArguments, SettingOptions {
    @Option(
        help: ArgumentHelp(
            "Which square of a picture is learned from; the middle is always what is measured on. (default: center)",
            discussion: """
                center: the middle, its shorter side brought to the side that is learned. random: any, another one each \
                time, of the shorter side brought to 1.125 times as much.
                """, valueName: "crop"))
    var crop: PictureCrop?

    @Flag(help: "Mirror no pictures; otherwise one in two is, by chance.")
    var noFlip = false

    func set(in overlay: inout SettingsOverlay) throws {
        try overlay.set("training", "crop", to: crop)
        try overlay.set("training", "mirrors", to: noFlip ? false : nil)
    }
}

/// The pictures to measure on.
struct TrainValidationOptions: ParsableArguments, SettingOptions {
    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("What to measure on, in the same form; never learned from.", valueName: "path"),
        completion: .file())
    var validation: [String] = []

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Measure on N pictures at most, as many of each class. (default: \(RunInputs().validationLimit))",
            valueName: "N"))
    var validationLimit: Int?

    func set(in overlay: inout SettingsOverlay) throws {
        try overlay.set("inputs", "validation", to: validation.isEmpty ? nil : validation)
        try overlay.set("inputs", "validation_limit", to: validationLimit)
    }

    /// Says what there is.
    static func remark(_ learned: Int, classes: Int, held: PictureSet, skipped: Int, output: OutputOptions) {
        output.remark(
            "\(counted(learned, "picture")) of \(classes) class\(classes == 1 ? "" : "es") to learn from, "
                + "\(held.count) to measure on, \(skipped + held.unreadable.count) skipped")
    }
}

extension OutputOptions {
    /// Says which picture was passed over, and why.
    func remark(skipped picture: UnreadablePicture) { remark("skipped \(picture.name): \(picture.reason)") }
}

extension RunInputs {
    /// Throws where there is nothing to measure on.
    func requireValidation() throws {
        if validation.isEmpty { throw ValidationError("--validation needs at least one path") }
        if validationLimit < 1 {
            throw OptionError(option: "--validation-limit", value: "\(validationLimit)", need: "at least 1")
        }
    }

    /// Finds the pictures to learn from; decodes them where they are few.
    func pictures(side: Int, crop: PictureCrop, workers: Int?, output: OutputOptions) throws -> PictureSet {
        try PictureSet(data, classes: classes, side: side, crop: crop, workers: workers) { output.remark(skipped: $0) }
    }

    /// Finds the pictures to measure on, and decodes each once.
    ///
    /// For a model `classes` are those that it learns: one that only one set knows would shift the labels of the other. A
    /// tokenizer tells none apart, and takes nil for all.
    func validationPictures(
        of classes: [String]?, side: Int, workers: Int?, output: OutputOptions
    ) throws -> PictureSet {
        try PictureSet(
            validation, classes: classes, side: side, limit: validationLimit, workers: workers, checking: true
        ) { output.remark(skipped: $0) }
    }
}

/// The tokenizer whose tokens are learned.
struct TokenizerFile {
    private let path: String

    /// Throws where none is named.
    init(_ path: String?) throws {
        guard let path else { throw ValidationError("--tokenizer needs a path") }
        self.path = path
    }

    /// Loads it.
    func load(on device: Device) throws -> VisualTokenizer {
        var source = ModelSource(tokenizer: path)
        source.device = device
        return try LoadedModel.tokenizer(source)
    }

    /// Its tensors by name.
    func tensors() throws -> [(name: String, tensor: Tensor)] {
        try Checkpoint(path: path).requireTokenizer().records.map { ($0.name, try $0.tensor()) }
    }
}

/// Which tokenizer's tokens are learned.
struct TrainTokenizerOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The tokenizer: a folder, a .safetensors or a .pth file. It stays as it is.", valueName: "path"),
        completion: .file())
    var tokenizer: String?
}
