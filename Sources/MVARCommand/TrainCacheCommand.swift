import ArgumentParser
import FileOutput
import MVAR

/// `mvar train cache`: pictures and a tokenizer in, a file of their tokens out.
struct TrainCacheCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cache",
        abstract: "Compute the tokens of all pictures once, for training from them.",
        usage: """
            mvar train cache [<options>] --tokenizer <path> --data <path> ...
            --output <file>
            """,
        discussion: """
            Writes one safetensors file: tokens (uint16, of every picture and of its mirror image), labels, the names of \
            the classes, and which tokenizer made it. The pictures are gone through twice: first to count them and to \
            find faults, then to encode them. The file appears when it is whole. 'mvar train model --cache' trains from \
            it as from the pictures, with the same losses.

              mvar train cache --tokenizer runs/tokenizer/model \\
                --data train-*.tar -o train.safetensors
              mvar train model --tokenizer runs/tokenizer/model \\
                --cache train.safetensors --validation val.tar \\
                --run runs/model --minutes 45
            """)

    @OptionGroup(title: "Pictures") var pictures: TrainSourceOptions
    @OptionGroup(title: "Tokenizer") var tokenizer: TrainTokenizerOption
    @OptionGroup(title: "Computing") var compute: ComputeOptions
    @OptionGroup(title: "Output") var file: FileOption
    @OptionGroup(title: "Output") var output: OutputOptions

    /// Where tokens go.
    struct FileOption: ParsableArguments {
        @Option(
            name: [.customShort("o"), .customLong("output")],
            help: ArgumentHelp("The cache, .safetensors. The folder must exist.", valueName: "file"),
            completion: .file(extensions: ["safetensors"]))
        var output: String
    }

    /// What `--json` prints.
    struct Result: Codable {
        let path: String
        let pictures: Int
        let skipped: Int
        let classes: [String]
        /// Of each picture.
        let tokens: Int
        let bytes: Int
        /// How long the tokenizer waited for pictures to be decoded.
        let secondsWaited: Double
    }

    func validate() throws { try TrainSourceOptions.require(pictures.data) }

    func run() async throws {
        let processes = try LaunchedProcesses()
        guard processes.count == 1 else {
            throw ValidationError(
                "it writes one file, and was started in \(processes.count) processes: start it once, without the launcher"
            )
        }
        try FileDestination(file.output).check()
        let device = try compute.apply(output)
        let source = try TokenizerFile(tokenizer.tokenizer)
        let network = try source.load(on: device)
        let fingerprint = try TokenizerFingerprint(network.configuration, tensors: source.tensors())
        let progress = output.progress("computing tokens", unit: "picture")
        defer { progress.finish() }
        progress.announce("counting pictures")
        var hasBegun = false
        let summary = try TokenCache.write(
            pictures.data, classes: pictures.chosenClasses, by: network, fingerprint: fingerprint, to: file.output,
            workers: pictures.workers,
            reportingUnreadable: { picture in
                progress.finish()
                output.remark(skipped: picture)
            },
            reporting: { done, total in
                if !hasBegun { progress.begin() }
                hasBegun = true
                progress.update(done, of: total)
            })
        progress.finish()
        let result = Result(
            path: file.output, pictures: summary.pictures, skipped: summary.skipped, classes: summary.classes,
            tokens: summary.tokenCount, bytes: summary.byteCount, secondsWaited: summary.waited / .seconds(1))
        output.remark("the tokenizer waited \(decimals(result.secondsWaited, 1)) s for pictures to be decoded")
        if output.json { return try output.printJSON(result) }
        try OutputOptions.printResult(
            "\(result.path)\t\(counted(result.pictures, "picture")) of \(result.classes.count) classes, "
                + "\(counted(result.tokens, "token")) each, \(spoken(bytes: result.bytes)), \(result.skipped) skipped")
    }
}
