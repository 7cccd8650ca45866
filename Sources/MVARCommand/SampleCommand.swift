import ArgumentParser
import MVAR

/// `mvar sample`: classes in, pictures out.
struct SampleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sample",
        abstract: "Generate pictures of a model's classes.",
        discussion: """
            Examples, with the model that comes with mvar:

              mvar sample --class goldfish -o fish.png
              mvar sample --class 3,5,none --count 9 --seed 1 -o 'out/%05d.png'
              mvar sample --count 16 --grid -o grid.webp
              mvar sample --class goldfish --progressive -o steps.png

            With a published model, its tokenizer lying beside it:

              mvar sample --model var_d16.pth --class 207 --seed 7 -o dog.png

            A picture depends on model, class, seed and its number (0, 1, …), not on --batch, --threads or the other \
            pictures. Every PNG tells how it was made ('mvar inspect') and holds its tokens, of which it can be made \
            again. For each picture a line is printed: path, class, seed, number.
            """)

    @OptionGroup(title: "Model") var model: ModelOptions

    @Option(
        name: .customLong("class"),
        help: ArgumentHelp(
            "Classes, taken in turn: numbers or names with commas between; none is a picture of no class.",
            discussion: """
                'mvar classes' lists them. Without it, the class of each picture is drawn from the seed and the \
                picture's number.
                """,
            valueName: "class[,…]"))
    var classes: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Pictures in all, 1 or more. (default: one for each class given, else one)", valueName: "N"))
    var count: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "The seed, 0 to 2⁶⁴ − 1: the same seed makes the same pictures. (default: a random one, which is printed)",
            valueName: "N"))
    var seed: UInt64?

    @OptionGroup(title: "Sampling") var sampling: SamplingOptions

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Pictures computed together, 1 or more: more are faster, up to a point, and take more memory.",
            valueName: "N"))
    var batch: Int = 8

    @OptionGroup(title: "Computing") var compute: ComputeOptions
    @OptionGroup(title: "Computing") var precision: PrecisionOptions

    @Flag(help: "Show each picture after every scale, coarse to fine: a row for each picture.")
    var progressive = false

    @OptionGroup(title: "Output") var pictures: PictureOutputOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    func validate() throws {
        if let count, count < 1 { throw OptionError(option: "--count", value: "\(count)", need: "at least 1") }
        if batch < 1 { throw OptionError(option: "--batch", value: "\(batch)", need: "at least 1") }
        if let classes, ClassChoice.parts(of: classes).contains("") {
            throw ValidationError("--class '\(classes)' has an empty entry")
        }
        if output.json, pictures.output == "-" {
            throw ValidationError("--json and -o - both want standard output: write the picture to a file")
        }
    }

    func run() async throws {
        let count = count ?? classes.map { ClassChoice.parts(of: $0).count } ?? 1
        let paths = try pictures.paths(count: count)
        try compute.apply()
        try precision.check(on: compute.device)
        let progress = output.progress("sampling", unit: "picture")
        defer { progress.finish() }
        progress.announce("loading the model")
        let run = try SampleRun(
            generator: ImageGenerator(model.source(device: compute.device, precision: precision.precision.dtype)),
            classes: classes, count: count, seed: seed ?? UInt64(UInt32.random(in: 0 ... .max)), sampling: sampling,
            isProgressive: progressive, isGrid: pictures.grid, paths: paths)
        var samples: [Sample] = []
        try run.generate(batch: batch) { state in
            progress.update(state.finishedPictures, of: state.pictures, fraction: state.fraction)
        } receive: { written in
            samples += written
            guard !output.json else { return }
            progress.finish()
            for sample in written { report(sample) }
        }
        if output.json { try output.printJSON(samples) }
    }

    private func report(_ sample: Sample) {
        if pictures.output == "-" { output.remark(sample.line) } else { print(sample.line) }
    }
}
