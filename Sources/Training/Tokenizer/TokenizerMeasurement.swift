public import ImageTokenizer
public import Images
import Models
import TokenPyramid
import Torch

/// How well a tokenizer gives pictures back, and how many of its codes it uses.
public struct TokenizerMeasurement {
    /// The mean over pictures of the peak signal-to-noise ratio of 8-bit RGB, in dB. A picture that comes back exactly
    /// counts as 100 dB, so that the mean is a number.
    public let psnr: Double
    /// The mean over pictures of ``Images/PixelImage/structuralSimilarity(to:)``; nil for pictures below its window.
    public let ssim: Double?
    /// The share of all codes that occur anywhere.
    public let usage: Double
    /// For each scale, the share of all codes that occur there.
    public let usagePerScale: [Double]
    /// The exponential of the entropy of the codes' frequencies, 1 … V: as many codes, used equally often, would be as
    /// hard to guess.
    public let perplexity: Double
    /// The same for each scale.
    public let perplexityPerScale: [Double]
    /// Pairs of a picture and what became of it, for looking at.
    public let examples: [(original: PixelImage, reconstruction: PixelImage)]

    /// Encodes and decodes all pictures.
    ///
    /// - Parameters:
    ///   - tokenizer: In float32.
    ///   - pictures: At least one.
    ///   - exampleCount: How many pairs to keep.
    /// - Throws: ``Torch/TorchError`` if memory runs out.
    public init(of tokenizer: VisualTokenizer, on pictures: PictureSet, examples exampleCount: Int = 16) throws {
        let schedule = tokenizer.configuration.schedule
        let none = CodeCounts(vocabulary: tokenizer.configuration.vocabularySize)
        var counts = [CodeCounts](repeating: none, count: schedule.count)
        var decibels = 0.0
        var similarity = 0.0
        var examples: [(PixelImage, PixelImage)] = []
        let side = pictures.side
        let hasWindows = side >= PixelImage.similarityWindowSide
        var count = 0
        try pictures.forEachBatch(of: 16) { batch in
            let images = try batch.images().moved(to: tokenizer.device)
            let (tokens, reconstructions) = try withoutGradients {
                let (tokens, latent) = try tokenizer.quantizer.encode(tokenizer.features(of: images))
                return (try tokens.array(of: Int.self), try PixelImage.pictures(of: tokenizer.pictures(of: latent)))
            }
            for position in 0..<batch.count {
                for scale in 0..<schedule.count {
                    for token in schedule.range(ofScale: scale) {
                        counts[scale].add(tokens[position * schedule.tokenCount + token])
                    }
                }
                let (original, reconstruction) = (batch[position], reconstructions[position])
                decibels += min(try reconstruction.peakSignalToNoiseRatio(to: original), 100)
                if hasWindows { similarity += try reconstruction.structuralSimilarity(to: original) }
                if examples.count < exampleCount { examples.append((original, reconstruction)) }
            }
            count += batch.count
        }
        psnr = decibels / Double(count)
        ssim = hasWindows ? similarity / Double(count) : nil
        let all = counts.reduce(into: none) { $0.add($1) }
        usage = all.usage
        usagePerScale = counts.map(\.usage)
        perplexity = all.perplexity
        perplexityPerScale = counts.map(\.perplexity)
        self.examples = examples
    }

    /// The examples, each picture beside what became of it; nil where there are none.
    func exampleGrid() throws(ImageError) -> PixelImage? {
        guard !examples.isEmpty else { return nil }
        var pairs: [PixelImage] = []
        for pair in examples { pairs.append(try PixelImage.strip([pair.original, pair.reconstruction])) }
        return try PixelImage.grid(pairs, columns: 4, spacing: 6)
    }

    var metrics: [TrainingMetric] {
        func numbered(_ name: String, _ values: [Double]) -> [TrainingMetric] {
            values.enumerated().map { TrainingMetric("\(name)_\($0 + 1)", $1) }
        }
        return [TrainingMetric("psnr", psnr)] + (ssim.map { [TrainingMetric("ssim", $0)] } ?? [])
            + [TrainingMetric("usage", usage), TrainingMetric("perplexity", perplexity)]
            + numbered("usage", usagePerScale) + numbered("perplexity", perplexityPerScale)
    }
}
