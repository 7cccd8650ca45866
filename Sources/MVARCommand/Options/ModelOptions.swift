import ArgumentParser
import MVAR

/// Which model, with its tokenizer, and what their files leave open.
struct ModelOptions: ParsableArguments {
    @OptionGroup var file: ModelFileOption
    @OptionGroup var tokenizer: TokenizerFileOption
    @OptionGroup var shape: ShapeOptions

    /// The library's word for all of this.
    func source(device: Device = .cpu, precision: Precision = .float32) -> ModelSource {
        shape.source(model: file.model, tokenizer: tokenizer.tokenizer, device: device, precision: precision)
    }
}

/// Which model.
struct ModelFileOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The model: a .pth file of VAR or MVAR, a .safetensors file, or a folder. (default: the one that comes with mvar)",
            valueName: "path"),
        completion: .file())
    var model: String?
}

/// The tokenizer of a model, or one by itself.
struct ModelTokenizerOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The model whose tokenizer is used. (default: the one that comes with mvar)", valueName: "path"),
        completion: .file())
    var model: String?

    @OptionGroup var tokenizer: TokenizerFileOption
    @OptionGroup var schedule: ScheduleOption

    /// The library's word for all of this.
    func source(device: Device) -> ModelSource {
        var source = ModelSource(model: model, tokenizer: tokenizer.tokenizer)
        source.schedule = schedule.schedule
        source.device = device
        return source
    }
}

/// Which tokenizer.
struct TokenizerFileOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The tokenizer: a .pth file, a .safetensors file, or a folder. (default: the one in or beside the model)",
            valueName: "path"),
        completion: .file())
    var tokenizer: String?
}

/// The token maps.
struct ScheduleOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The sides of the token maps, as in 1,2,3,4,5,6,8,10,13,16. (default: as the files say)",
            valueName: "sides"),
        transform: { try ScaleSchedule(commaSeparated: $0) })
    var schedule: ScaleSchedule?
}

/// What a model's files leave open.
struct ShapeOptions: ParsableArguments {
    @OptionGroup var schedule: ScheduleOption

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Attention heads: needed for models without L2-norm, whose files do not tell them.", valueName: "N"))
    var heads: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "The first scale, counted from 0, at which spatial-K looks at neighbours only. (default: as the files say, else the first of side 13 or more)",
            valueName: "N"))
    var firstSpatialScale: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "K of spatial-K: the side of the neighbourhood in tokens, 1 or more. (default: as the files say, else 7)",
            valueName: "K"))
    var window: Int?

    @Option(
        help: ArgumentHelp(
            "Which tokens see which, if not as the model was trained.", discussion: Self.patterns,
            valueName: "pattern"))
    var attention: AttentionPattern?

    /// What the names of patterns mean, for help.
    static let patterns = """
        full: all coarser scales, as in VAR. window-N: the N scales before. scale: only its own scale. spatial-K: its own \
        scale, and at the fine scales only the K × K tokens around, as in MVAR.
        """

    /// The library's word for all of this.
    func source(
        model: String?, tokenizer: String?, device: Device = .cpu, precision: Precision = .float32
    ) -> ModelSource {
        var source = ModelSource(model: model, tokenizer: tokenizer)
        source.schedule = schedule.schedule
        source.heads = heads
        source.firstSpatialScale = firstSpatialScale
        source.window = window
        source.pattern = attention
        source.device = device
        source.precision = precision
        return source
    }

    func validate() throws {
        if let heads, heads < 1 { throw OptionError(option: "--heads", value: "\(heads)", need: "at least 1") }
        if let window, window < 1 { throw OptionError(option: "--window", value: "\(window)", need: "at least 1") }
        if let firstSpatialScale, firstSpatialScale < 0 {
            throw OptionError(option: "--first-spatial-scale", value: "\(firstSpatialScale)", need: "at least 0")
        }
    }
}
