package import ImageTokenizer
package import ScaleTransformer
import TokenPyramid
package import Torch

/// Batches of pictures on a GPU, each made from its first scale to its last without anything read back on the way: the
/// second batch and all that follow repeat the work of the first as a whole.
///
/// What comes out is what ``ImageGeneration`` makes, but for the roundings of a GPU's products, which depend on how many rows
/// they have. On the CPU it is bit for bit the same, and no faster.
package final class WholeGeneration {
    private let sampler: ScaleSampler
    private let count: Int
    private let keptBytes = KeptBytes()
    private let work: RepeatedWork

    /// The most that keys and values for later scales take at once; written while the work is asked for.
    private final class KeptBytes {
        var most = 0
    }

    /// The most memory that keys and values for later scales take at once, in bytes.
    package var keyValueBytes: Int { keptBytes.most }

    /// Why the work is not repeated as a whole; nil where it is.
    package var obstacle: String? { work.obstacle }

    /// Whether a model's batches can be made in this way: nothing has to be read back between their scales.
    package static func suits(_ parameters: SamplingParameters, of transformer: NextScaleTransformer) -> Bool {
        ScaleSampler.isFused(parameters, transformer)
    }

    /// Prepares batches of as many pictures as `request` has, chosen in the same way with the same seed.
    ///
    /// - Parameters:
    ///   - request: A batch.
    ///   - transformer: The model.
    ///   - quantizer: The quantizer of the model's tokenizer, on the same device.
    ///   - logitBytesAtOnce: The memory that logits may take.
    /// - Throws: ``SamplingError`` where the model and the tokenizer do not go together.
    package init(
        like request: GenerationRequest, transformer: NextScaleTransformer, quantizer: MultiScaleQuantizer,
        logitBytesAtOnce: Int = ImageGeneration.logitBytesAtOnce
    ) throws(SamplingError) {
        try transformer.configuration.check(against: quantizer)
        let sampler = ScaleSampler(
            transformer: transformer, quantizer: quantizer, parameters: request.parameters, seed: request.seed,
            logitBytesAtOnce: logitBytesAtOnce)
        let (count, kept) = (request.count, keptBytes)
        self.sampler = sampler
        self.count = count
        work = RepeatedWork { inputs in
            try Self.generate(labels: inputs[0], images: inputs[1], count: count, by: sampler, noting: kept)
        }
    }

    /// Whether a batch is one of those that this was made for.
    package func serves(_ request: GenerationRequest) -> Bool {
        request.count == count && request.parameters == sampler.parameters && request.seed == sampler.seed
    }

    /// Makes a batch.
    ///
    /// - Parameter request: One that this ``serves(_:)``.
    /// - Returns: The tokens, `[B][L]`, and f̂ of all scales, `[B, Z, h, w]`.
    /// - Throws: ``SamplingError`` where the request makes no sense or the model predicts nonsense; ``Torch/TorchError`` if
    ///   memory runs out.
    package func callAsFunction(_ request: GenerationRequest) throws -> (tokens: [[Int32]], latent: Tensor) {
        let configuration = sampler.transformer.configuration
        try request.check(classes: configuration.classes)
        let device = sampler.transformer.device
        return try withoutGradients {
            let labels = sampler.labels(of: request.classes)
            let results = try work([
                Tensor(labels, shape: [labels.count]).moved(to: device),
                Tensor(request.images, shape: [count]).moved(to: device),
            ])
            let rows = try ScaleSampler.rows(of: results[0])
            // So the operator marks places whose logits are no numbers.
            if let place = rows.compactMap({ $0.firstIndex(of: -1) }).min() {
                let schedule = configuration.schedule
                let scale = schedule.sides.indices.first { schedule.range(ofScale: $0).contains(place) }
                throw SamplingError.notANumber(scale: scale ?? 0)
            }
            return (rows, results[1])
        }
    }

    /// All scales: their tokens, `[B, L]`, and f̂.
    private static func generate(
        labels: Tensor, images: Tensor, count: Int, by sampler: ScaleSampler, noting kept: KeptBytes
    ) throws -> [Tensor] {
        let conditions = try sampler.conditions(ofLabels: labels, count: count)
        let cache = sampler.makeCache()
        var latent = try sampler.quantizer.emptyLatent(batch: count)
        var tokens: [Tensor] = []
        for scale in 0..<sampler.transformer.configuration.schedule.count {
            let prediction = try sampler.prediction(
                ofScale: scale, after: latent, conditions: conditions, cache: cache)
            let choice = try sampler.choice(from: prediction, scale: scale, images: images)
            tokens.append(choice.tokens)
            latent = try sampler.latent(latent, adding: choice.vectors, scale: scale)
            kept.most = max(kept.most, cache?.byteCount ?? 0)
        }
        return [try Tensor.concatenated(tokens, axis: 1), latent]
    }
}
