public import ImageTokenizer
import NeuralNetworks
public import ScaleTransformer
import TokenPyramid
public import Torch

/// Generates pictures scale by scale, from coarse to fine.
///
/// It is a sequence of steps, each made when it is asked for:
///
/// ```swift
/// let generation = try ImageGeneration(request, transformer: transformer, quantizer: tokenizer.quantizer)
/// for try await step in generation {
///     var tokens = step.tokens
///     tokens[0][0] = 17
///     try generation.replaceTokens(tokens)  // the scales that follow build on these
/// }
/// let pictures = try tokenizer.pictures(of: generation.latent)
/// ```
///
/// Leaving the loop stops it; another loop, or ``advance()``, goes on. ``state`` can be saved after any step, and
/// resumed in another process with the same result. An object belongs to one task at a time: like tensors it is not
/// `Sendable`.
///
/// A picture depends on its class, its number, the seed and the parameters; not on the other pictures of the batch.
public final class ImageGeneration {
    /// What is generated.
    public let request: GenerationRequest
    private let sampler: ScaleSampler
    private let images: Tensor  // [B], int64
    private let conditions: ScaleSampler.Conditions
    private let cache: KeyValueCache?
    private var finished: [FinishedScale] = []

    /// What a finished scale leaves behind.
    private struct FinishedScale {
        var tokens: Tensor  // [B, T], int64
        var vectors: Tensor  // [B, T, Z]: the codes' vectors, or mixtures of them
        var latent: Tensor  // f̂ after it, [B, Z, h, w]
    }

    /// Prepares a generation; nothing is predicted yet.
    ///
    /// - Parameters:
    ///   - request: Which pictures.
    ///   - transformer: The model.
    ///   - quantizer: The quantizer of the model's tokenizer, on the same device.
    /// - Throws: ``SamplingError`` where request, model and tokenizer do not go together; ``Torch/TorchError`` if memory
    ///   runs out.
    public init(
        _ request: GenerationRequest, transformer: NextScaleTransformer, quantizer: MultiScaleQuantizer
    ) throws {
        try transformer.configuration.check(against: quantizer)
        try request.check(classes: transformer.configuration.classes)
        self.request = request
        let sampler = ScaleSampler(
            transformer: transformer, quantizer: quantizer, parameters: request.parameters, seed: request.seed)
        self.sampler = sampler
        (images, conditions) = try withoutGradients { () throws(TorchError) in
            (
                try Tensor(request.images, shape: [request.count]).moved(to: transformer.device),
                try sampler.conditions(on: request.classes)
            )
        }
        cache = sampler.makeCache()
    }

    /// Goes on with a saved generation; the result is that of one run.
    ///
    /// - Parameters:
    ///   - state: What ``state`` was.
    ///   - transformer: The model that began it.
    ///   - quantizer: The quantizer of the model's tokenizer, on the same device.
    /// - Throws: ``SamplingError`` where the state is damaged or of another model; ``Torch/TorchError`` if memory runs
    ///   out.
    public convenience init(
        resuming state: GenerationState, transformer: NextScaleTransformer, quantizer: MultiScaleQuantizer
    ) throws {
        try self.init(state.request, transformer: transformer, quantizer: quantizer)
        try state.check(transformer.configuration)
        let device = quantizer.codebook.device
        try withoutGradients {
            for scale in 0..<state.finishedScales {
                // Later scales may read this one's keys and values: they come from predicting it again.
                if cache != nil { _ = try prediction(ofScale: scale) }
                let range = schedule.range(ofScale: scale)
                let tokens = try Tensor(state.tokens.flatMap { $0[range] }, shape: [request.count, range.count])
                    .moved(to: device).converted(to: .int64)
                let vectors = try state.vectors?.narrowed(axis: 1, range).moved(to: device)
                    .converted(to: quantizer.codebook.dtype)
                try finish(scale, tokens: tokens, vectors: vectors ?? quantizer.codebook.embedding(tokens))
            }
        }
    }

    private var schedule: ScaleSchedule { sampler.transformer.configuration.schedule }
    private var quantizer: MultiScaleQuantizer { sampler.quantizer }

    /// The scale that comes next; the number of scales when all are done.
    public var nextScale: Int { finished.count }

    /// f̂ after the scales that are done, `[B, Z, h, w]`; zeros before the first.
    public var latent: Tensor {
        get throws(TorchError) { try latent(afterScales: finished.count) }
    }

    /// The tokens of all scales that are done, one after another: `[B][n]`.
    public var tokens: [[Int32]] {
        get throws(TorchError) {
            guard !finished.isEmpty else { return Array(repeating: [], count: request.count) }
            return try ScaleSampler.rows(of: Tensor.concatenated(finished.map(\.tokens), axis: 1))
        }
    }

    /// The memory of the keys and values that later scales will read, in bytes; 0 for patterns within a scale.
    public var keyValueBytes: Int { cache?.byteCount ?? 0 }

    /// What to save in order to go on later.
    public var state: GenerationState {
        get throws(TorchError) {
            let vectors =
                request.parameters.isSmooth && !finished.isEmpty
                ? try Tensor.concatenated(finished.map(\.vectors), axis: 1) : nil
            return GenerationState(
                request: request, model: GenerationState.Model(sampler.transformer.configuration),
                finishedScales: finished.count, tokens: try tokens, vectors: vectors)
        }
    }

    // MARK: Steps

    /// Generates the next scale.
    ///
    /// - Returns: The scale; `nil` when all are done.
    /// - Throws: ``SamplingError/notANumber(scale:)`` where the model predicts nonsense; ``Torch/TorchError`` if memory
    ///   runs out. The generation is then where it was before the call, but for a pattern that looks back: resume it.
    public func advance() throws -> GenerationStep? {
        guard nextScale < schedule.count else { return nil }
        return try withoutGradients {
            let scale = nextScale
            let prediction = try prediction(ofScale: scale)
            let choice = try sampler.choice(from: prediction, scale: scale, images: images)
            let rows = try ScaleSampler.rows(of: choice.tokens)
            // So the fused draw marks places whose logits are no numbers.
            guard rows.allSatisfy({ !$0.contains(-1) }) else { throw SamplingError.notANumber(scale: scale) }
            let latent = try finish(scale, tokens: choice.tokens, vectors: choice.vectors)
            return GenerationStep(
                scale: scale, side: schedule.sides[scale], tokens: rows, latent: latent, prediction: prediction)
        }
    }

    /// Replaces the tokens of the scale that was done last; what follows builds on the new ones.
    ///
    /// With mixtures (``SamplingParameters/isSmooth``), a place whose token stays keeps its mixture.
    ///
    /// - Parameter tokens: `[B][T]`, each in `0..<V`.
    /// - Returns: The new f̂, `[B, Z, h, w]`.
    /// - Throws: ``SamplingError`` unless there is one code for each place of each picture; ``Torch/TorchError`` if
    ///   memory runs out.
    @discardableResult
    public func replaceTokens(_ tokens: [[Int32]]) throws -> Tensor {
        guard let last = finished.last else { throw SamplingError.nothingToReplace }
        let scale = finished.count - 1
        let count = schedule.tokenCount(ofScale: scale)
        try checkTokens(
            tokens, pictures: request.count, count: count,
            vocabularySize: sampler.transformer.configuration.vocabularySize)
        return try withoutGradients {
            let replaced = try Tensor(tokens.flatMap(\.self), shape: [request.count, count])
                .moved(to: last.tokens.device).converted(to: .int64)
            let vectors = try last.vectors.chosen(
                where: replaced.isEqual(to: last.tokens).unsqueezed(2), else: quantizer.codebook.embedding(replaced))
            let latent = try latent(after: scale, vectors: vectors)
            finished[scale] = FinishedScale(tokens: replaced, vectors: vectors, latent: latent)
            return latent
        }
    }

    // MARK: Parts of a step

    private func prediction(ofScale scale: Int) throws(TorchError) -> Prediction {
        try sampler.prediction(
            ofScale: scale, after: latent(afterScales: scale), conditions: conditions, cache: cache)
    }

    @discardableResult
    private func finish(_ scale: Int, tokens: Tensor, vectors: Tensor) throws(TorchError) -> Tensor {
        let latent = try latent(after: scale, vectors: vectors)
        finished.append(FinishedScale(tokens: tokens, vectors: vectors, latent: latent))
        return latent
    }

    private func latent(after scale: Int, vectors: Tensor) throws(TorchError) -> Tensor {
        try sampler.latent(latent(afterScales: scale), adding: vectors, scale: scale)
    }

    private func latent(afterScales count: Int) throws(TorchError) -> Tensor {
        count == 0 ? try quantizer.emptyLatent(batch: request.count) : finished[count - 1].latent
    }
}

extension ImageGeneration: AsyncSequence {
    /// Makes the steps that are left.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let generation: ImageGeneration

        /// The next scale; throws `CancellationError` between two scales when the task was cancelled.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> GenerationStep? {
            try Task.checkCancellation()
            return try generation.advance()
        }

        /// The next scale; throws `CancellationError` between two scales when the task was cancelled.
        public mutating func next() async throws -> GenerationStep? {
            try Task.checkCancellation()
            return try generation.advance()
        }
    }

    /// Goes on where the generation is.
    public func makeAsyncIterator() -> Iterator { Iterator(generation: self) }
}
