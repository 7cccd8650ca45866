import ArgumentParser
import MVAR

/// `mvar tokens`: pictures to tokens in a file, and back.
struct TokensCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokens",
        abstract: "Turn pictures into a file of tokens, and back.",
        subcommands: [Encode.self, Decode.self])

    /// `mvar tokens encode`.
    struct Encode: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "encode",
            abstract: "Turn pictures into a file of tokens.",
            discussion: """
                Writes a safetensors file with one tensor, tokens: int32, a row for each picture, in it the maps of all \
                scales from coarse to fine, each row by row. The middle of each picture is brought to the tokenizer's \
                size, as in training.

                  mvar tokens encode photos/*.jpg -o photos.safetensors
                """)

        @Argument(help: "PNG, JPEG or WebP files.", completion: .file())
        var images: [String]

        @Option(
            name: [.customShort("o"), .customLong("output")],
            help: ArgumentHelp("The file of tokens, .safetensors.", valueName: "path"),
            completion: .file(extensions: ["safetensors"]))
        var path: String

        @OptionGroup var tokenizer: ModelTokenizerOptions
        @OptionGroup var compute: ComputeOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try Output.check(path)
            try compute.apply()
            let progress = output.progress("encoding", unit: "picture")
            defer { progress.finish() }
            let tokenizer = try LoadedModel.tokenizer(tokenizer.source(device: compute.device))
            progress.begin()
            var rows: [[Int32]] = []
            for image in images {
                rows.append(try tokenizer.tokens(of: PixelImage(contentsOf: image)))
                progress.update(rows.count, of: images.count, fraction: Double(rows.count) / Double(images.count))
            }
            let configuration = tokenizer.configuration
            try TokenFile(
                pictures: rows, schedule: configuration.schedule, vocabularySize: configuration.vocabularySize
            ).write(to: path)
            progress.finish()
            let result = Result(path: path, pictures: rows.count, tokens: configuration.schedule.tokenCount)
            if output.json { return try output.printJSON(result) }
            let pictures = "\(rows.count) picture\(rows.count == 1 ? "" : "s")"
            try OutputOptions.printResult("\(path)\t\(pictures) of \(result.tokens) tokens")
        }
    }

    /// `mvar tokens decode`.
    struct Decode: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "decode",
            abstract: "Turn a file of tokens into pictures.",
            discussion: """
                  mvar tokens decode photos.safetensors -o 'again/%03d.png'
                """)

        @Argument(
            help: "A safetensors file with an integer tensor 'tokens', a row for each picture.", completion: .file())
        var file: String

        @OptionGroup var tokenizer: ModelTokenizerOptions
        @OptionGroup var pictures: PictureOutputOptions
        @OptionGroup var compute: ComputeOptions
        @OptionGroup var output: OutputOptions

        func validate() throws { try output.check(picturePath: pictures.output) }

        func run() async throws {
            let tokens = try TokenFile(path: file)
            let paths = try pictures.paths(count: tokens.pictures.count)
            try compute.apply()
            let progress = output.progress("decoding", unit: "picture")
            defer { progress.finish() }
            var source = tokenizer.source(device: compute.device)
            source.schedule = source.schedule ?? tokens.schedule
            let tokenizer = try LoadedModel.tokenizer(source)
            progress.begin()
            var images: [PixelImage] = []
            var results: [Result] = []
            let count = tokens.pictures.count
            for (number, row) in tokens.pictures.enumerated() {
                let image = try tokenizer.picture(ofTokens: row)
                if pictures.grid {
                    images.append(image)
                } else {
                    let path = try paths.write(image, number: number)
                    results.append(Result(path: path, pictures: 1, tokens: row.count))
                }
                progress.update(number + 1, of: count, fraction: Double(number + 1) / Double(count))
            }
            if pictures.grid {
                let path = try paths.write(PixelImage.grid(images), number: 0)
                results = [Result(path: path, pictures: count, tokens: tokens.pictures[0].count)]
            }
            progress.finish()
            if output.json { return try output.printJSON(results) }
            if pictures.output != "-" { for result in results { try OutputOptions.printResult(result.path) } }
        }
    }

    /// One file, as `--json` tells it.
    struct Result: Codable {
        let path: String
        let pictures: Int
        let tokens: Int
    }
}
