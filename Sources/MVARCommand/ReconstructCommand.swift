import ArgumentParser
import MVAR

/// `mvar reconstruct`: pictures through the tokenizer and back.
struct ReconstructCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reconstruct",
        abstract: "Encode pictures into tokens and decode them again: what the tokenizer keeps.",
        discussion: """
            The middle of each picture is brought to the tokenizer's size, as in training. For each a line is printed: \
            path, PSNR in decibels (higher is closer), SSIM (1 is equal).

              mvar reconstruct photo.jpg -o again.png
              mvar reconstruct photos/*.jpg -o 'again/%03d.png'
            """)

    @Argument(help: "PNG, JPEG or WebP files.", completion: .file())
    var images: [String]

    @OptionGroup var tokenizer: ModelTokenizerOptions
    @OptionGroup var pictures: PictureOutputOptions
    @OptionGroup var compute: ComputeOptions
    @OptionGroup var output: OutputOptions

    /// One picture, as `--json` tells it.
    struct Result: Codable {
        let source: String
        let path: String
        let psnr: Double?
        let ssim: Double?
    }

    func validate() throws { try output.check(picturePath: pictures.output) }

    func run() async throws {
        let paths = try pictures.paths(count: images.count)
        try compute.apply()
        let progress = output.progress("reconstructing", unit: "picture")
        defer { progress.finish() }
        let tokenizer = try LoadedModel.tokenizer(tokenizer.source(device: compute.device))
        progress.begin()
        var results: [Result] = []
        var laidOut: [PixelImage] = []
        for (number, image) in images.enumerated() {
            let reconstruction = try tokenizer.reconstruct(PixelImage(contentsOf: image))
            if pictures.grid {
                laidOut.append(reconstruction.picture)
            } else {
                try paths.write(reconstruction.picture, number: number)
            }
            let psnr = reconstruction.peakSignalToNoiseRatio
            results.append(
                Result(
                    source: image, path: pictures.grid ? pictures.output : paths.path(of: number),
                    psnr: psnr.isFinite ? psnr : nil, ssim: reconstruction.structuralSimilarity))
            progress.update(number + 1, of: images.count, fraction: Double(number + 1) / Double(images.count))
        }
        if pictures.grid { try paths.write(PixelImage.grid(laidOut), number: 0) }
        progress.finish()
        try report(results)
    }

    private func report(_ results: [Result]) throws {
        if output.json { return try output.printJSON(results) }
        for result in results {
            let psnr = result.psnr.map { "PSNR \(decimals($0, 2)) dB" } ?? "PSNR infinite"
            let line = [result.path, psnr, result.ssim.map { "SSIM \(decimals($0, 4))" }].compactMap(\.self)
                .joined(separator: "\t")
            if pictures.output == "-" { output.remark(line) } else { try OutputOptions.printResult(line) }
        }
    }
}
