import ImageTokenizer
public import Images
public import Models
public import Sampling
import ScaleTransformer
import TokenPyramid
import Torch

/// Makes pictures: a model, its tokenizer, and the loop over batches.
///
/// ```swift
/// let generator = try ImageGenerator(ModelSource(model: "models/default"))
/// let request = GenerationRequest(classes: [3, 5], seed: 1, parameters: generator.defaultParameters)
/// try generator.generate(request) { picture in
///     try picture.image.write(to: "\(picture.number).png")
/// }
/// ```
public final class ImageGenerator {
    /// The networks, and the names of the classes.
    public let model: LoadedModel
    /// What the batches of a GPU are made by, where the last ones were all alike.
    private var wholeGeneration: WholeGeneration?
    /// Why a GPU is told each operator of every batch anew, which takes longer; nil where it is not, and on the CPU.
    public var graphObstacle: String? { wholeGeneration?.obstacle }

    /// Loads a model.
    ///
    /// - Parameter source: Its files; without any, those of the default model.
    /// - Throws: What ``LoadedModel/init(_:)`` throws.
    public init(_ source: ModelSource) throws { model = try LoadedModel(source) }

    /// A generator of a model that is loaded.
    public init(_ model: LoadedModel) { self.model = model }

    /// How tokens are chosen where nobody says otherwise: as the model's configuration says, else as its authors did.
    public var defaultParameters: SamplingParameters {
        let description = model.description
        return SamplingParameters.published(
            depth: model.transformer.configuration.depth, isMVAR: !model.isVAR
        ).overridden(guidance: description.guidance, topK: description.topK, topP: description.topP)
    }

    /// One picture, finished.
    public struct Picture: Hashable, Sendable {
        /// Its number, by which its random numbers were drawn.
        public let number: Int
        /// Its class; the number of classes stands for none.
        public let label: Int
        /// Its pixels.
        public let image: PixelImage
        /// What it was after every scale, coarse to fine; empty unless asked for.
        public let steps: [PixelImage]
        /// Its tokens, all scales one after another; with mixtures the codes that weigh most.
        public let tokens: [Int32]
    }

    /// How far a generation is.
    public struct Progress: Hashable, Sendable {
        /// Pictures that are finished.
        public let finishedPictures: Int
        /// Pictures in all.
        public let pictures: Int
        /// Scales that are done of the batch that is computed; all of them while it is decoded. On a GPU they can come all at
        /// once.
        public let finishedScales: Int
        /// The share of the work that is done, 0...1.
        public let fraction: Double
        /// The memory of the keys and values that are kept now for later scales, in bytes.
        public let keyValueBytes: Int
    }

    /// Generates pictures, batch after batch, each picture the same for every size of the batch.
    ///
    /// - Parameters:
    ///   - request: Which pictures, and how.
    ///   - batch: How many are computed together, 1 or more: more are faster and take more memory.
    ///   - keepsSteps: Whether to make a picture after every scale too.
    ///   - progress: Called after every scale and every picture.
    ///   - receive: Gets each picture as soon as it is finished, in the order of the request.
    /// - Throws: ``Sampling/SamplingError`` where the request makes no sense, ``Torch/TorchError`` if memory runs out, and
    ///   what `receive` throws.
    public func generate(
        _ request: GenerationRequest, batch: Int = ImageGenerator.usualBatch, keepsSteps: Bool = false,
        progress: (Progress) -> Void = { _ in }, receive: (Picture) throws -> Void
    ) throws {
        try request.check(classes: model.transformer.configuration.classes)
        let schedule = model.transformer.configuration.schedule
        for start in stride(from: 0, to: request.count, by: max(1, batch)) {
            let range = start..<min(start + max(1, batch), request.count)
            let part = GenerationRequest(
                classes: Array(request.classes[range]), images: Array(request.images[range]), seed: request.seed,
                parameters: request.parameters)
            let (tokens, latents) = try sample(part, keepsSteps: keepsSteps) { scales, keyValueBytes in
                let share = Self.samplingShare * Self.work(schedule, scales: scales) * Double(range.count)
                progress(
                    Progress(
                        finishedPictures: start, pictures: request.count, finishedScales: scales,
                        fraction: (Double(start) + share) / Double(request.count), keyValueBytes: keyValueBytes))
            }
            // Of each latent the pictures that were decoded together.
            var decoded: [[PixelImage]] = []
            for row in 0..<range.count {
                let index = start + row
                let place = row % model.tokenizer.picturesAtOnce
                if place == 0 {
                    let rows = row..<min(row + model.tokenizer.picturesAtOnce, range.count)
                    decoded = try latents.map { try pictures(of: $0.narrowed(axis: 0, rows)) }
                }
                let steps = decoded.map { $0[place] }
                try receive(
                    Picture(
                        number: request.images[index], label: request.classes[index], image: steps[steps.count - 1],
                        steps: keepsSteps ? steps : [], tokens: tokens[row]))
                let rest = Self.samplingShare * Double(range.upperBound - index - 1)
                progress(
                    Progress(
                        finishedPictures: index + 1, pictures: request.count, finishedScales: schedule.count,
                        fraction: (Double(index + 1) + rest) / Double(request.count), keyValueBytes: 0))
            }
        }
    }

    /// The tokens of a batch, `[B][L]`, and f̂ after its last scale, or after each. `progress` gets the number of scales that
    /// are done, and the memory of keys and values.
    private func sample(
        _ batch: GenerationRequest, keepsSteps: Bool, progress: (Int, Int) -> Void
    ) throws -> (tokens: [[Int32]], latents: [Tensor]) {
        if !keepsSteps, WholeGeneration.suits(batch.parameters, of: model.transformer) {
            let whole = try wholeGeneration(like: batch)
            let (tokens, latent) = try whole(batch)
            progress(model.transformer.configuration.schedule.count, whole.keyValueBytes)
            return (tokens, [latent])
        }
        let generation = try ImageGeneration(
            batch, transformer: model.transformer, quantizer: model.tokenizer.quantizer)
        var latents: [Tensor] = []
        while let step = try generation.advance() {
            if keepsSteps { latents.append(step.latent) }
            progress(step.scale + 1, generation.keyValueBytes)
        }
        return (try generation.tokens, latents.isEmpty ? [try generation.latent] : latents)
    }

    private func wholeGeneration(like batch: GenerationRequest) throws -> WholeGeneration {
        if let wholeGeneration, wholeGeneration.serves(batch) { return wholeGeneration }
        // First of all the old one's memory is let go.
        wholeGeneration = nil
        let whole = try WholeGeneration(
            like: batch, transformer: model.transformer, quantizer: model.tokenizer.quantizer)
        wholeGeneration = whole
        return whole
    }

    /// How much of a picture's time goes into its tokens; decoding them takes the rest.
    private static let samplingShare = 0.75

    /// The share of the sampling that the first scales take: by their tokens, and something for each pass.
    private static func work(_ schedule: ScaleSchedule, scales: Int) -> Double {
        let pass = Double(schedule.tokenCount) / Double(4 * schedule.count)
        let all = Double(schedule.tokenCount) + pass * Double(schedule.count)
        return (Double(schedule.range(ofScales: 0..<scales).count) + pass * Double(scales)) / all
    }

    private func pictures(of latent: Tensor) throws -> [PixelImage] {
        try withoutGradients { try PixelImage.pictures(of: model.tokenizer.pictures(of: latent)) }
    }
}
