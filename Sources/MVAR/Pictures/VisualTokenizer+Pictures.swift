public import ImageTokenizer
public import Images
import TokenPyramid
import Torch

extension VisualTokenizer {
    /// A picture, what the tokenizer made of it, and how close that came.
    public struct Reconstruction: Hashable, Sendable {
        /// The middle of the picture, as large as the tokenizer's pictures are.
        public let original: PixelImage
        /// The original after encoding and decoding.
        public let picture: PixelImage
        /// Its codes, `L` of them, in `0..<V`.
        public let tokens: [Int32]
        /// Peak signal-to-noise ratio in decibels; infinite where both are equal.
        public let peakSignalToNoiseRatio: Double
        /// Structural similarity, at most 1; nil for pictures below 11 × 11.
        public let structuralSimilarity: Double?
    }

    /// Encodes a picture and decodes it again.
    ///
    /// - Parameter picture: Any size; its middle is used, as in training.
    /// - Returns: The result and its distance from the original.
    /// - Throws: ``Torch/TorchError`` if memory runs out.
    public func reconstruct(_ picture: PixelImage) throws -> Reconstruction {
        let original = picture.centerCropped(to: configuration.imageSide)
        let (tokens, planes) = try withoutGradients {
            let features = try checkedFeatures(of: original)
            let (tokens, latent) = try quantizer.encode(features)
            return (try tokens.array(of: Int32.self), try self.pictures(of: latent))
        }
        let decoded = try PixelImage.pictures(of: planes)[0]
        return Reconstruction(
            original: original, picture: decoded, tokens: tokens,
            peakSignalToNoiseRatio: try decoded.peakSignalToNoiseRatio(to: original),
            structuralSimilarity: configuration.imageSide < PixelImage.similarityWindowSide
                ? nil : try decoded.structuralSimilarity(to: original))
    }

    /// The codes of a picture, `L` of them in `0..<V`. Its middle is used, as in training.
    public func tokens(of picture: PixelImage) throws -> [Int32] {
        let original = picture.centerCropped(to: configuration.imageSide)
        return try withoutGradients {
            try quantizer.encode(checkedFeatures(of: original)).tokens.array(of: Int32.self)
        }
    }

    private func checkedFeatures(of picture: PixelImage) throws -> Tensor {
        let features = try self.features(of: Tensor([picture]).moved(to: quantizer.codebook.device))
        try TokenizerOutputError.check(features, of: .encoder)
        return features
    }

    /// The picture of codes.
    ///
    /// - Parameter tokens: One for each place of all scales, in `0..<V`.
    /// - Returns: The finished picture.
    /// - Throws: ``TokenFileError`` where there are too few, too many, or impossible ones; ``Torch/TorchError`` if memory
    ///   runs out.
    public func picture(ofTokens tokens: [Int32]) throws -> PixelImage {
        try pictures(ofTokens: tokens, afterEveryScale: false)[0]
    }

    /// The pictures after every scale, coarse to fine; the last is the finished one.
    ///
    /// - Parameter tokens: One for each place of all scales, in `0..<V`.
    /// - Returns: As many pictures as scales.
    /// - Throws: ``TokenFileError`` where there are too few, too many, or impossible ones; ``Torch/TorchError`` if memory
    ///   runs out.
    public func steps(ofTokens tokens: [Int32]) throws -> [PixelImage] {
        try pictures(ofTokens: tokens, afterEveryScale: true)
    }

    private func pictures(ofTokens tokens: [Int32], afterEveryScale: Bool) throws -> [PixelImage] {
        let schedule = configuration.schedule
        guard tokens.count == schedule.tokenCount else {
            throw TokenFileError.tokenCount(
                found: tokens.count, expected: schedule.tokenCount, schedule: schedule.sides)
        }
        if let stranger = tokens.first(where: { $0 < 0 || $0 >= configuration.vocabularySize }) {
            throw TokenFileError.tokenOutOfRange(Int(stranger), vocabularySize: configuration.vocabularySize)
        }
        return try withoutGradients {
            let codes = try Tensor(tokens, shape: [1, tokens.count]).moved(to: quantizer.codebook.device)
                .converted(to: .int64)
            var latents: [Tensor] = []
            let latent = try quantizer.latent(of: codes) { _, latent in
                if afterEveryScale { latents.append(latent) }
            }
            return try (afterEveryScale ? latents : [latent]).map { latent in
                try PixelImage.pictures(of: self.pictures(of: latent))[0]
            }
        }
    }
}
