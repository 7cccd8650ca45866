import ArgumentParser
import MVAR

/// `mvar inspect`: what a model, a picture or a file of tokens says of itself.
struct InspectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Say what a model's files hold, how a picture was made, or which tokens a file has.",
        usage: "mvar inspect [<path>] [<options>]",
        discussion: """
            Of a model: form, shape, parameters, types, token maps, attention, classes. Every tensor's name and shape \
            is checked. Of a picture that 'mvar sample' made: its parameters and the first of its tokens, of which it \
            can be made again with the tokenizer of its model. Of a file that 'mvar tokens encode' made: how many \
            pictures, and the first of their tokens. --json tells everything.

              mvar inspect var_d16.pth
              mvar inspect fish.png
              mvar inspect fish.png --rebuild again.png
              mvar inspect photos.safetensors --tokens
            """)

    @Argument(
        help: """
            A model (.pth, .safetensors or a folder), a picture, or a file of tokens. (default: the model that comes \
            with mvar)
            """,
        completion: .file())
    var path: String?

    @OptionGroup(title: "Tokens") var picture: PictureOptions
    @OptionGroup(title: "Model") var tokenizer: TokenizerFileOption
    @OptionGroup(title: "Model") var shape: ShapeOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    /// What concerns pictures and their tokens.
    struct PictureOptions: ParsableArguments {
        @Flag(help: "Print every token, not only the first few of each scale of the first picture.")
        var tokens = false

        @Option(
            help: ArgumentHelp(
                "Make the picture again of its tokens, and write it there; - is standard output.", valueName: "path"),
            completion: .file(extensions: ["png", "jpg", "jpeg", "webp"]))
        var rebuild: String?

        @Option(
            help: ArgumentHelp(
                "For --rebuild: the model that made it. (default: the one that comes with mvar)", valueName: "path"),
            completion: .file())
        var model: String?
    }

    func validate() throws { try output.check(picture.rebuild) }

    func run() async throws {
        if let path, let details = try PictureDetails(path: path) {
            try run(details)
        } else if picture.rebuild != nil {
            throw ValidationError("--rebuild needs a PNG that 'mvar sample' made")
        } else if let path, let details = try TokenFileDetails(path: path) {
            try printResult(details, text: details.text(showsAll: picture.tokens))
        } else {
            let summary = try ModelSummary(shape.source(model: path, tokenizer: tokenizer.tokenizer))
            try printResult(summary, text: summary.text)
        }
    }

    private func run(_ details: PictureDetails) throws {
        if let rebuild = picture.rebuild {
            let paths = try PicturePaths(rebuild)
            try paths.check(count: 1)
            let source = shape.source(model: picture.model, tokenizer: tokenizer.tokenizer)
            try paths.write(details.rebuilt(by: source), number: 0)
            if details.isSmooth {
                output.remark(
                    "The picture was made with --smooth, of mixtures of codes: this one, of the codes that weigh most, is "
                        + "only like it. 'mvar sample --smooth' with its seed makes it again.")
            }
        }
        try printResult(details, text: details.text(showsAll: picture.tokens))
    }

    private func printResult(_ result: some Encodable, text: String) throws {
        if output.json { try output.printJSON(result) } else { try output.report(text, of: picture.rebuild) }
    }
}

extension ModelSummary {
    /// Lines for people.
    var text: String {
        var rows: [(String, String)] = [("file", path), ("form", form.rawValue)]
        if let name { rows.append(("name", name)) }
        if let model {
            let shape = model.configuration
            rows += [
                ("model", "\(grouped(model.tensors.parameters)) parameters, \(description(of: model.tensors))"),
                ("  depth", counted(shape.depth, "block")),
                (
                    "  width",
                    "\(shape.width), \(counted(shape.heads, "head")), feed-forward × \(decimals(shape.mlpRatio, 1))"
                ),
                ("  L2-norm", shape.normalizesQueriesAndKeys ? "yes" : "no"),
                ("  shared AdaLN", shape.sharesAdaLN ? "yes" : "no"),
                ("  attention", "\(shape.pattern)\(spatialStart(shape))"),
                ("  token maps", "\(shape.schedule) (\(counted(shape.schedule.tokenCount, "token")))"),
                ("  classes", "\(shape.classes)"),
            ]
        }
        if let tokenizer {
            let shape = tokenizer.configuration
            rows += [
                (
                    "tokenizer",
                    "\(grouped(tokenizer.tensors.parameters)) parameters, \(description(of: tokenizer.tensors))"
                ),
                ("  pictures", "\(tokenizer.imageSide) × \(tokenizer.imageSide) pixels"),
                ("  channels", "\(shape.channels) × \(shape.multipliers.map(String.init).joined(separator: ","))"),
                ("  codes", "\(shape.vocabularySize) of \(counted(shape.latentChannels, "channel"))"),
                ("  token maps", "\(shape.schedule)"),
            ]
        } else {
            rows.append(("tokenizer", "none in or beside it"))
        }
        return aligned(rows)
    }

    private func spatialStart(_ shape: TransformerConfiguration) -> String {
        guard case .spatial = shape.pattern else { return "" }
        return shape.firstSpatialScale < shape.schedule.count
            ? ", from scale \(shape.firstSpatialScale) (side \(shape.schedule.sides[shape.firstSpatialScale])) on"
            : ", at no scale"
    }

    private func description(of tensors: Tensors) -> String {
        "\(counted(tensors.count, "tensor")) of \(tensors.types.joined(separator: ", ")), \(spoken(bytes: tensors.bytes))"
    }
}
