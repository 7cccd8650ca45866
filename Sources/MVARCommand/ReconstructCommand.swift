import ArgumentParser
import MVAR

/// `mvar reconstruct`: pictures through the tokenizer and back.
struct ReconstructCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reconstruct",
        abstract: "Encode pictures into tokens and decode them again: what the tokenizer keeps.",
        usage: "mvar reconstruct [<options>] --output <path> <images> ...",
        discussion: """
            The middle of each picture is brought to the tokenizer's size, as in training. For each file that is written \
            a line is printed: path, PSNR in decibels (higher is closer), SSIM (1 is equal); with --grid the means of \
            all pictures.

              mvar reconstruct photo.jpg -o again.png
              mvar reconstruct photos/*.jpg -o 'again/%03d.png'
            """)

    @Argument(help: "PNG, JPEG or WebP files.", completion: .file())
    var images: [String]

    @OptionGroup(title: "Model") var tokenizer: ModelTokenizerOptions
    @OptionGroup(title: "Computing") var compute: ComputeOptions
    @OptionGroup(title: "Computing") var convolutions: ConvolutionOptions
    @OptionGroup(title: "Output") var pictures: PictureOutputOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    /// One picture, as `--json` tells it.
    struct Result: Codable {
        let source: String
        let path: String
        /// Null where both pictures are equal.
        let psnr: Double?
        let ssim: Double?
    }

    func validate() throws { try output.check(pictures.output) }

    func run() async throws {
        var files = try pictures.files(count: images.count)
        let device = try compute.apply(output)
        let progress = output.progress("reconstructing", unit: "picture")
        defer { progress.finish() }
        let tokenizer = try LoadedModel.tokenizer(convolutions.applied(to: tokenizer.source(device: device)))
        progress.begin()
        var results: [Result] = []
        for (number, image) in images.enumerated() {
            let reconstruction = try tokenizer.reconstruct(PixelImage(contentsOf: image))
            let psnr = reconstruction.peakSignalToNoiseRatio
            results.append(
                Result(
                    source: image, path: try files.add(reconstruction.picture, number: number),
                    psnr: psnr.isFinite ? psnr : nil, ssim: reconstruction.structuralSimilarity))
            progress.update(number + 1, of: images.count)
        }
        try files.finish()
        progress.finish()
        if output.json { return try output.printJSON(results) }
        for written in pictures.grid ? [results[...]] : results.indices.map({ results[$0...$0] }) {
            try output.report(Self.line(of: written), of: pictures.output)
        }
    }

    /// The line of a file that holds the results' pictures: path, how many, PSNR, SSIM.
    static func line(of results: ArraySlice<Result>) -> String {
        func mean(_ value: (Result) -> Double?) -> Double? {
            let values = results.compactMap(value)
            return values.count == results.count ? values.reduce(0, +) / Double(values.count) : nil
        }
        return [
            results.first?.path, results.count > 1 ? counted(results.count, "picture") : nil,
            // One picture that is equal makes the mean infinite.
            mean(\.psnr).map { "PSNR \(decimals($0, 2)) dB" } ?? "PSNR infinite",
            mean(\.ssim).map { "SSIM \(decimals($0, 4))" },
        ].compactMap(\.self).joined(separator: "\t")
    }
}
