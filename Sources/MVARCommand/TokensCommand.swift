import ArgumentParser
import FileOutput
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
            usage: "mvar tokens encode [<options>] --output <path> <images> ...",
            discussion: """
                Writes a safetensors file with one tensor, tokens: int32, a row for each picture, in it the maps of all \
                scales from coarse to fine, each row by row. The middle of each picture is brought to the tokenizer's \
                size, as in training. 'mvar inspect' shows what is in such a file.

                  mvar tokens encode photos/*.jpg -o photos.safetensors
                """)

        @Argument(help: "PNG, JPEG or WebP files.", completion: .file())
        var images: [String]

        @OptionGroup(title: "Model") var tokenizer: ModelTokenizerOptions
        @OptionGroup(title: "Computing") var compute: ComputeOptions
        @OptionGroup(title: "Computing") var convolutions: ConvolutionOptions
        @OptionGroup(title: "Output") var file: TokenFileOption
        @OptionGroup(title: "Output") var output: OutputOptions

        /// Where tokens go.
        struct TokenFileOption: ParsableArguments {
            @Option(
                name: [.customShort("o"), .customLong("output")],
                help: ArgumentHelp(
                    "The file of tokens, .safetensors; - is standard output. The folder must exist.", valueName: "path"),
                completion: .file(extensions: ["safetensors"]))
            var output: String
        }

        func validate() throws { try output.check(file.output) }

        func run() async throws {
            let destination = FileDestination(file.output)
            try destination.check()
            let device = try compute.apply(output)
            let progress = output.progress("encoding", unit: "picture")
            defer { progress.finish() }
            let tokenizer = try LoadedModel.tokenizer(
                convolutions.applied(to: tokenizer.source(device: device)))
            progress.begin()
            var rows: [[Int32]] = []
            for image in images {
                rows.append(try tokenizer.tokens(of: PixelImage(contentsOf: image)))
                progress.update(rows.count, of: images.count)
            }
            let configuration = tokenizer.configuration
            try TokenFile(
                pictures: rows, schedule: configuration.schedule, vocabularySize: configuration.vocabularySize
            ).write(to: destination.path)
            progress.finish()
            let result = Result(path: file.output, pictures: rows.count, tokens: configuration.schedule.tokenCount)
            if output.json { return try output.printJSON(result) }
            try output.report(result.line, of: file.output)
        }
    }

    /// `mvar tokens decode`.
    struct Decode: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "decode",
            abstract: "Turn a file of tokens into pictures.",
            usage: "mvar tokens decode [<options>] --output <path> <file>",
            discussion: """
                For each file that is written a line is printed: path, pictures and tokens in it.

                  mvar tokens decode photos.safetensors -o 'again/%03d.png'
                  mvar tokens decode photos.safetensors --grid -o all.png
                """)

        @Argument(
            help: "A safetensors file with an integer tensor 'tokens', a row for each picture.", completion: .file())
        var file: String

        @OptionGroup(title: "Model") var tokenizer: ModelTokenizerOptions
        @OptionGroup(title: "Computing") var compute: ComputeOptions
        @OptionGroup(title: "Computing") var convolutions: ConvolutionOptions
        @OptionGroup(title: "Output") var pictures: PictureOutputOptions
        @OptionGroup(title: "Output") var output: OutputOptions

        func validate() throws { try output.check(pictures.output) }

        func run() async throws {
            let tokens = try TokenFile(path: file)
            let count = tokens.pictures.count
            var files = try pictures.files(count: count)
            let device = try compute.apply(output)
            let progress = output.progress("decoding", unit: "picture")
            defer { progress.finish() }
            var source = convolutions.applied(to: tokenizer.source(device: device))
            source.schedule = source.schedule ?? tokens.schedule
            let tokenizer = try LoadedModel.tokenizer(source)
            progress.begin()
            var results: [Result] = []
            for (number, row) in tokens.pictures.enumerated() {
                let path = try files.add(tokenizer.picture(ofTokens: row), number: number)
                results.append(Result(path: path, pictures: 1, tokens: row.count))
                progress.update(number + 1, of: count)
            }
            try files.finish()
            progress.finish()
            if pictures.grid { results = [Result(path: results[0].path, pictures: count, tokens: results[0].tokens)] }
            if output.json { return try output.printJSON(results) }
            for result in results { try output.report(result.line, of: pictures.output) }
        }
    }

    /// One file, as `--json` tells it.
    struct Result: Codable {
        let path: String
        let pictures: Int
        /// Of each picture.
        let tokens: Int

        /// The result's line.
        var line: String { "\(path)\t\(counted(pictures, "picture")) of \(counted(tokens, "token"))" }
    }
}
