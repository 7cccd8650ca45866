import ArgumentParser
import MVAR

/// Which model, and what its files leave open.
struct ModelOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The model: a .pth file of VAR or MVAR, a .safetensors file, or a folder. (default: the one that comes with mvar)",
            valueName: "path"),
        completion: .file())
    var model: String?

    @OptionGroup var shape: ShapeOptions

    /// The library's word for all of this.
    func source(device: Device = .cpu, precision: DType = .float32) -> ModelSource {
        shape.source(model: model, device: device, precision: precision)
    }
}

/// What a model's files leave open.
struct ShapeOptions: ParsableArguments {
    @OptionGroup var tokenizer: TokenizerOptions

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Attention heads, for models without L2-norm, whose files do not say it.", valueName: "N"))
    var heads: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "The first scale, counted from 0, at which spatial-K looks at neighbours only.", valueName: "N"))
    var firstSpatialScale: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("K of spatial-K: the side of the neighbourhood in tokens, 1 or more.", valueName: "K"))
    var window: Int?

    @Option(
        help: ArgumentHelp(
            "Which tokens see which: full, window-N, scale or spatial-K. (default: as the model was trained)",
            discussion: """
                full: all coarser scales, as in VAR. window-N: the N scales before. scale: only its own scale. \
                spatial-K: its own scale, and at the fine scales only the K × K tokens around, as in MVAR.
                """,
            valueName: "pattern"),
        transform: Self.pattern)
    var attention: AttentionPattern?

    /// The library's word for all of this.
    func source(model: String?, device: Device = .cpu, precision: DType = .float32) -> ModelSource {
        var source = tokenizer.source(device: device)
        source.model = model
        source.heads = heads
        source.firstSpatialScale = firstSpatialScale
        source.window = window
        source.pattern = attention
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

    private static func pattern(_ text: String) throws -> AttentionPattern {
        guard let pattern = AttentionPattern(text) else {
            throw ValidationError("it is none of full, window-N, scale, spatial-K")
        }
        return pattern
    }
}

/// The tokenizer of a model, or one by itself.
struct ModelTokenizerOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The model whose tokenizer is used. (default: the one that comes with mvar)", valueName: "path"),
        completion: .file())
    var model: String?

    @OptionGroup var tokenizer: TokenizerOptions

    /// The library's word for both.
    func source(device: Device) -> ModelSource {
        var source = tokenizer.source(device: device)
        source.model = model
        return source
    }
}

/// The tokenizer, and the maps that it makes.
struct TokenizerOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The tokenizer: a .pth or .safetensors file. (default: the one in or beside the model)", valueName: "path"),
        completion: .file())
    var tokenizer: String?

    @Option(
        help: ArgumentHelp(
            "The sides of the token maps, as in 1,2,3,4,5,6,8,10,13,16. (default: as the files say)",
            valueName: "sides"),
        transform: { try ScaleSchedule(commaSeparated: $0) })
    var schedule: ScaleSchedule?

    /// The library's word for it.
    func source(device: Device = .cpu) -> ModelSource {
        var source = ModelSource(tokenizer: tokenizer)
        source.schedule = schedule
        source.device = device
        return source
    }
}
