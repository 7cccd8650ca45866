public import Torch

/// Which pictures to generate, and how.
public struct GenerationRequest: Codable, Hashable, Sendable {
    /// The class of each picture, in 0...classes; the last stands for no class.
    public var classes: [Int]
    /// The number of each picture, by which its random numbers are drawn, in ``imageNumbers``.
    public var images: [Int]
    /// What all random numbers are drawn with.
    public var seed: UInt64
    /// How tokens are chosen.
    public var parameters: SamplingParameters

    /// The numbers that a picture may have.
    public static let imageNumbers = 0..<1 << 34

    /// A request; without `images` the pictures are numbered from 0.
    public init(classes: [Int], images: [Int]? = nil, seed: UInt64, parameters: SamplingParameters) {
        self.classes = classes
        self.images = images ?? Array(classes.indices)
        self.seed = seed
        self.parameters = parameters
    }

    /// The number of pictures.
    public var count: Int { classes.count }

    /// Throws unless a model with that many classes can do it.
    public func check(classes classCount: Int) throws(SamplingError) {
        try parameters.check()
        guard !classes.isEmpty else { throw .noPictures }
        guard classes.count == images.count else {
            throw .unequalCounts(classes: classes.count, images: images.count)
        }
        for label in classes where label < 0 || label > classCount {
            throw .unknownClass(label, classes: classCount)
        }
        for image in images where !Self.imageNumbers.contains(image) { throw .imageNumber(image) }
    }

    /// The class of a picture that was asked for without one: each is equally likely.
    ///
    /// - Parameters:
    ///   - seed: The seed of the request.
    ///   - image: The number of the picture.
    ///   - classCount: How many classes the model has.
    /// - Returns: A class in `0..<classCount`, a function of seed and image.
    /// - Throws: ``Torch/TorchError`` if memory runs out.
    public static func drawnClass(seed: UInt64, image: Int, classes classCount: Int) throws(TorchError) -> Int {
        let uniform = try Tensor.keyedUniform(
            seed: seed, images: [image], scale: RandomStream.imageClass.scale, tokens: 1, draws: 1
        ).item()
        return min(Int(uniform * Double(classCount)), classCount - 1)
    }
}
