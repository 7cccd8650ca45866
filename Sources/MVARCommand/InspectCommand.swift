import ArgumentParser
import MVAR

/// `mvar inspect`: what a model or a picture says of itself.
struct InspectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Say what a model's files hold, or how a picture was made.",
        discussion: """
            Of a model: form, shape, parameters, types, token maps, attention, classes. Every tensor's name and shape \
            is checked. Of a picture that 'mvar sample' made: its parameters and its tokens, of which it can be made \
            again with the tokenizer of its model.

              mvar inspect var_d16.pth
              mvar inspect fish.png
              mvar inspect fish.png --rebuild again.png
            """)

    @Argument(
        help: "A model (.pth, .safetensors or a folder) or a picture. (default: the model that comes with mvar)",
        completion: .file())
    var path: String?

    @Option(
        help: ArgumentHelp("Make the picture again of its tokens, and write it there.", valueName: "path"),
        completion: .file(extensions: ["png", "jpg", "jpeg", "webp"]))
    var rebuild: String?

    @Option(
        help: ArgumentHelp(
            "For --rebuild: the model that made it. (default: the one that comes with mvar)", valueName: "path"),
        completion: .file())
    var model: String?

    @OptionGroup var shape: ShapeOptions
    @OptionGroup var output: OutputOptions

    func validate() throws { try output.check(picturePath: rebuild) }

    func run() async throws {
        if let path, let details = try PictureDetails(path: path) {
            try run(details)
        } else if rebuild != nil {
            throw ValidationError("--rebuild needs a PNG that 'mvar sample' made")
        } else {
            let summary = try ModelSummary(shape.source(model: path))
            if output.json { try output.printJSON(summary) } else { try OutputOptions.printResult(summary.text) }
        }
    }

    private func run(_ details: PictureDetails) throws {
        if let rebuild {
            let paths = try PicturePaths(rebuild)
            try paths.check(count: 1)
            try paths.write(details.rebuilt(by: shape.source(model: model)), number: 0)
            if details.isSmooth {
                output.remark(
                    "The picture was made with --smooth, of mixtures of codes: this one, of the codes that weigh most, is "
                        + "only like it. 'mvar sample --smooth' with its seed makes it again.")
            }
        }
        if output.json { return try output.printJSON(details) }
        // Standard output is the picture's then.
        if rebuild != "-" { try OutputOptions.printResult(details.text) }
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
                ("  depth", "\(shape.depth) blocks"),
                ("  width", "\(shape.width), \(shape.heads) heads, feed-forward × \(decimals(shape.mlpRatio, 1))"),
                ("  L2-norm", shape.normalizesQueriesAndKeys ? "yes" : "no"),
                ("  shared AdaLN", shape.sharesAdaLN ? "yes" : "no"),
                ("  attention", "\(shape.pattern)\(spatialStart(shape))"),
                ("  token maps", "\(shape.schedule) (\(shape.schedule.tokenCount) tokens)"),
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
                ("  codes", "\(shape.vocabularySize) of \(shape.latentChannels) channels"),
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
        "\(tensors.count) tensors of \(tensors.types.joined(separator: ", ")), \(spoken(bytes: tensors.bytes))"
    }
}
