import ImageTokenizer
import NeuralNetworks
import ScaleTransformer
import TokenPyramid
import Torch

/// How one scale comes out of the coarser ones: the steps that a generation is made of.
struct ScaleSampler {
    let transformer: NextScaleTransformer
    let quantizer: MultiScaleQuantizer
    let parameters: SamplingParameters
    let seed: UInt64
    var logitBytesAtOnce = ImageGeneration.logitBytesAtOnce

    private var schedule: ScaleSchedule { transformer.configuration.schedule }
    private var guidance: Guidance { Guidance(strength: parameters.guidance) }

    /// What the classes of a batch change in the model, with guidance also without them.
    struct Conditions {
        /// Of the pictures.
        let conditional: ClassCondition
        /// Of the pictures, then of as many null classes; only with guidance.
        let both: ClassCondition?
    }

    /// What was chosen at a scale.
    struct Choice {
        /// `[B, T]`, int64; with mixtures the codes that weigh most. From the fused draw, -1 where logits are no
        /// numbers.
        let tokens: Tensor
        /// The codes' vectors, or mixtures of them: `[B, T, Z]`.
        let vectors: Tensor
    }

    /// Whether one operator guides, filters and draws, so that nothing is read back from the device.
    static func isFused(_ parameters: SamplingParameters, _ transformer: NextScaleTransformer) -> Bool {
        !parameters.isSmooth && parameters.temperature > 0
            && Tensor.hasFusedDraw(codes: transformer.configuration.vocabularySize, on: transformer.device)
    }

    private var isFused: Bool { Self.isFused(parameters, transformer) }

    /// The classes, and as many null classes with guidance: what ``conditions(ofLabels:count:)`` takes.
    func labels(of classes: [Int]) -> [Int] {
        classes + (parameters.guidance > 0 ? classes.map { _ in transformer.configuration.nullClass } : [])
    }

    func conditions(on classes: [Int]) throws(TorchError) -> Conditions {
        try conditions(transformer.condition(on: labels(of: classes)), count: classes.count)
    }

    /// As ``conditions(on:)``, for ``labels(of:)`` in a tensor of int64.
    func conditions(ofLabels labels: Tensor, count: Int) throws(TorchError) -> Conditions {
        try conditions(transformer.condition(on: labels), count: count)
    }

    private func conditions(_ all: ClassCondition, count: Int) throws(TorchError) -> Conditions {
        all.batch == count
            ? Conditions(conditional: all, both: nil)
            : Conditions(conditional: try all.narrowed(0..<count), both: all)
    }

    /// Predicts a scale.
    ///
    /// - Parameters:
    ///   - scale: Which one.
    ///   - latent: f̂ after the scales before, `[B, Z, h, w]`; not read at the first.
    ///   - conditions: The classes.
    ///   - cache: Of a pattern that looks back; filled on the way.
    /// - Returns: The prediction.
    /// - Throws: ``Torch/TorchError`` if memory runs out.
    func prediction(
        ofScale scale: Int, after latent: Tensor, conditions: Conditions, cache: KeyValueCache?
    ) throws(TorchError) -> Prediction {
        let configuration = transformer.configuration
        let progress = schedule.progress(ofScale: scale)
        let input = scale == 0 ? nil : try quantizer.input(ofScale: scale, from: latent)
        let isGuided = guidance.strength(at: progress) > 0
        // At t = 0 the unconditional half changes nothing, unless later scales read its keys and values.
        let isReadLater =
            cache != nil && configuration.pattern.scalesToKeep(after: scale, of: schedule.count).contains(scale)
        let both = isGuided || isReadLater ? conditions.both : nil
        let inputs = try input.map { (input) throws(TorchError) in
            both == nil ? input : try Tensor.concatenated([input, input])
        }
        let hidden = try transformer.hidden(
            ofScales: scale..<scale + 1, inputs: inputs, condition: both ?? conditions.conditional, cache: cache)
        return Prediction(
            hidden: hidden, count: conditions.conditional.batch, vocabularySize: configuration.vocabularySize,
            tokenCount: schedule.tokenCount(ofScale: scale), guidance: isGuided && both != nil ? guidance : nil,
            progress: progress)
    }

    /// Chooses the tokens of a scale, some pictures after others so that logits take little memory.
    ///
    /// - Parameters:
    ///   - prediction: Of the scale.
    ///   - scale: Which one.
    ///   - images: The number of each picture, by which random numbers are drawn: `[B]`, int64.
    /// - Returns: The choice.
    /// - Throws: ``SamplingError/notANumber(scale:)`` unless the draw is fused; ``Torch/TorchError`` if memory runs out.
    func choice(from prediction: Prediction, scale: Int, images: Tensor) throws -> Choice {
        var choices: [Choice] = []
        for pictures in prediction.parts(ofBytes: logitBytesAtOnce) {
            let images = try images.narrowed(axis: 0, pictures)
            if isFused {
                choices.append(try fusedDraw(from: prediction, of: pictures, scale: scale, images: images))
                continue
            }
            let logits = try prediction.logits(of: pictures)
            guard try logits.maximum().item().isFinite else { throw SamplingError.notANumber(scale: scale) }
            choices.append(try choice(from: logits, scale: scale, images: images.array(of: Int64.self).map { Int($0) }))
        }
        guard choices.count > 1 else { return choices[0] }
        return Choice(
            tokens: try Tensor.concatenated(choices.map(\.tokens)),
            vectors: try Tensor.concatenated(choices.map(\.vectors)))
    }

    private func fusedDraw(
        from prediction: Prediction, of pictures: Range<Int>, scale: Int, images: Tensor
    ) throws(TorchError) -> Choice {
        let (conditional, unconditional) = try prediction.halves(of: pictures)
        let tokens = try TokenDraw.fusedTokens(
            from: conditional, awayFrom: unconditional,
            strength: unconditional == nil ? 0 : guidance.strength(at: prediction.progress), choosing: parameters,
            seed: seed, images: images, scale: scale)
        // Whoever reads the tokens sees the marks of places without numbers; until then any code stands for them.
        return Choice(tokens: tokens, vectors: try quantizer.codebook.embedding(tokens.clamped(to: 0...)))
    }

    private func choice(from logits: Tensor, scale: Int, images: [Int]) throws(TorchError) -> Choice {
        guard parameters.temperature > 0 else {
            // The limit of the distribution, and of the mixture: all weight on one code.
            let tokens = try logits.indexOfMaximum(axis: -1)
            return Choice(tokens: tokens, vectors: try quantizer.codebook.embedding(tokens))
        }
        let filter = TokenFilter(topK: parameters.topK, topP: parameters.topP)
        let filtered = try filter.filtered(logits.tempered(parameters.temperature))
        guard parameters.isSmooth else {
            let tokens = try TokenDraw.tokens(
                from: filtered.softmax(axis: -1), seed: seed, images: images, scale: scale)
            return Choice(tokens: tokens, vectors: try quantizer.codebook.embedding(tokens))
        }
        let noise = try GumbelMixture.exponential(
            seed: seed, images: images, scale: scale, tokens: logits.shape[1], vocabularySize: logits.shape[2])
        let weights = try GumbelMixture(progress: schedule.progress(ofScale: scale))
            .weights(filtered, exponential: noise.moved(to: logits.device))
        let codebook = quantizer.codebook
        let vectors = try weights.converted(to: codebook.dtype)
            .rowStableLinear(weight: Matrix(codebook.transposed(0, 1).contiguous()), bias: nil)
        return Choice(tokens: try weights.indexOfMaximum(axis: -1), vectors: vectors)
    }

    /// f̂ after a scale, `[B, Z, h, w]`: what its vectors, `[B, T, Z]`, add to f̂ before it.
    func latent(_ latent: Tensor, adding vectors: Tensor, scale: Int) throws(TorchError) -> Tensor {
        try latent + quantizer.contribution(ofVectors: vectors, scale: scale)
    }

    /// What keeps keys and values for later scales, where the pattern reads them.
    func makeCache() -> KeyValueCache? {
        transformer.configuration.pattern.isWithinScale ? nil : KeyValueCache(transformer.configuration)
    }

    /// Tokens as numbers: `[B][n]`.
    static func rows(of tokens: Tensor) throws(TorchError) -> [[Int32]] {
        let values = try tokens.array(of: Int32.self)
        let count = tokens.shape[1]
        return (0..<tokens.shape[0]).map { Array(values[$0 * count..<($0 + 1) * count]) }
    }
}
