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
            again. For each file that is written a line is printed: path, class, seed, number; --json tells of each \
            picture.
            """)

    @OptionGroup(title: "Pictures") var choice: PictureChoiceOptions
    @OptionGroup(title: "Model") var model: ModelOptions
    @OptionGroup(title: "Sampling") var sampling: SamplingOptions
    @OptionGroup(title: "Computing") var compute: ComputeOptions
    @OptionGroup(title: "Computing") var precision: PrecisionOptions
    @OptionGroup(title: "Computing") var convolutions: ConvolutionOptions
    @OptionGroup(title: "Output") var pictures: PictureOutputOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    func validate() throws { try output.check(pictures.output) }

    func run() async throws {
        let paths = try pictures.paths(count: choice.pictureCount)
        try compute.apply()
        let precision = try precision.chosen(on: compute.device)
        let progress = output.progress("sampling", unit: "picture")
        defer { progress.finish() }
        progress.announce("loading the model")
        let source = model.source(device: compute.device, precision: precision)
        let run = try SampleRun(
            generator: ImageGenerator(convolutions.applied(to: source)),
            choice: choice, sampling: sampling, isGrid: pictures.grid,
            isExact: convolutions.exact, paths: paths)
        progress.begin()
        var samples: [Sample] = []
        try run.generate(batch: choice.batch) { state in
            progress.update(state.finishedPictures, of: state.pictures, fraction: state.fraction)
        } receive: { written in
            samples += written
            guard !output.json else { return }
            progress.finish()
            try output.report(Sample.line(of: written), of: pictures.output)
        }
        if output.json { try output.printJSON(samples) }
    }
}
