public import ImageTokenizer
public import Images
import TokenPyramid
import Torch

/// How well a tokenizer gives pictures back, and how many of its codes it uses.
public struct TokenizerMeasurement {
    /// The mean over pictures of the peak signal-to-noise ratio of 8-bit RGB, in dB.
    public let psnr: Double
    /// The share of all codes that occur anywhere.
    public let usage: Double
    /// For each scale, the share of all codes that occur there.
    public let usagePerScale: [Double]
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
        let vocabulary = tokenizer.configuration.vocabularySize
        var used = [[Bool]](repeating: .init(repeating: false, count: vocabulary), count: schedule.count)
        var sum = 0.0
        var examples: [(PixelImage, PixelImage)] = []
        let side = pictures.side
        let size = 3 * side * side
        for start in stride(from: 0, to: pictures.count, by: 16) {
            let indices = Array(start..<min(start + 16, pictures.count))
            let images = try pictures.batch(indices, flipped: indices.map { _ in false })
            let (tokens, values) = try withoutGradients {
                let (tokens, latent) = try tokenizer.quantizer.encode(tokenizer.features(of: images))
                let pictures = try (tokenizer.decode(latent).clamped(to: -1...1) + 1) * 0.5
                return (try tokens.array(of: Int.self), try pictures.array(of: Float.self))
            }
            for position in indices.indices {
                for scale in 0..<schedule.count {
                    for token in schedule.range(ofScale: scale) {
                        used[scale][tokens[position * schedule.tokenCount + token]] = true
                    }
                }
                let original = pictures[indices[position]]
                let reconstruction = PixelImage(
                    width: side, height: side, unitPlanes: Array(values[position * size..<(position + 1) * size]))
                sum += Self.psnr(original, reconstruction)
                if examples.count < exampleCount { examples.append((original, reconstruction)) }
            }
        }
        psnr = sum / Double(pictures.count)
        usagePerScale = used.map { Double($0.count { $0 }) / Double(vocabulary) }
        usage = Double((0..<vocabulary).count { code in used.contains { $0[code] } }) / Double(vocabulary)
        self.examples = examples
    }

    private static func psnr(_ first: PixelImage, _ second: PixelImage) -> Double {
        var sum = 0
        for (left, right) in zip(first.pixels, second.pixels) {
            let difference = Int(left) - Int(right)
            sum += difference * difference
        }
        let error = Double(max(sum, 1)) / Double(first.pixels.count)
        return 10 * logarithm10(of: 255 * 255 / error)
    }

    /// The examples, each picture beside what became of it; nil where there are none.
    func exampleGrid() throws(ImageError) -> PixelImage? {
        guard !examples.isEmpty else { return nil }
        var pairs: [PixelImage] = []
        for pair in examples { pairs.append(try PixelImage.strip([pair.original, pair.reconstruction])) }
        return try PixelImage.grid(pairs, columns: 4, spacing: 6)
    }

    var metrics: [TrainingMetric] {
        [TrainingMetric("psnr", psnr), TrainingMetric("usage", usage)]
            + usagePerScale.enumerated().map { TrainingMetric("usage_\($0 + 1)", $1) }
    }
}
