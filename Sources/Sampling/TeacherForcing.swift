public import ImageTokenizer
public import ScaleTransformer
import TokenPyramid
public import Torch

/// Predicts every scale from given tokens instead of its own, in one pass: for verification and for likelihoods.
public struct TeacherForcing {
    private let transformer: NextScaleTransformer
    private let quantizer: MultiScaleQuantizer

    /// Throws ``SamplingError`` unless model and tokenizer go together.
    public init(transformer: NextScaleTransformer, quantizer: MultiScaleQuantizer) throws(SamplingError) {
        try transformer.configuration.check(against: quantizer)
        self.transformer = transformer
        self.quantizer = quantizer
    }

    /// The logits of every token, given those of the coarser scales.
    ///
    /// - Parameters:
    ///   - tokens: `[B][L]`, each in `0..<V`.
    ///   - classes: The class of each picture, in 0...classes; the last stands for no class.
    ///   - strength: Of guidance, at the last scale; 0 for conditional logits.
    /// - Returns: `[B, L, V]`, float32, without a history of gradients.
    /// - Throws: ``SamplingError`` where tokens or classes are out of range; ``Torch/TorchError`` if memory runs out.
    public func logits(of tokens: [[Int32]], classes: [Int], guidance strength: Double = 0) throws -> Tensor {
        let configuration = transformer.configuration
        let schedule = configuration.schedule
        let request = GenerationRequest(
            classes: classes, seed: 0, parameters: SamplingParameters(guidance: strength))
        try request.check(classes: configuration.classes)
        try checkTokens(
            tokens, pictures: classes.count, count: schedule.tokenCount,
            vocabularySize: configuration.vocabularySize)
        return try withoutGradients {
            let codes = try Tensor(tokens.flatMap(\.self), shape: [classes.count, schedule.tokenCount])
                .moved(to: quantizer.codebook.device).converted(to: .int64)
            let inputs = try quantizer.teacherInputs(codes)
            let all = 0..<schedule.count
            let conditional = try transformer.logits(
                ofScales: all, inputs: inputs, condition: transformer.condition(on: classes))
            guard strength > 0, schedule.count > 1 else { return conditional }
            let nullClasses = Array(repeating: configuration.nullClass, count: classes.count)
            let unconditional = try transformer.logits(
                ofScales: all, inputs: inputs, condition: transformer.condition(on: nullClasses))
            let guidance = Guidance(strength: strength)
            var parts: [Tensor] = []
            for scale in all {
                let range = schedule.range(ofScale: scale)
                parts.append(
                    try guidance.combined(
                        conditional: conditional.narrowed(axis: 1, range),
                        unconditional: unconditional.narrowed(axis: 1, range),
                        progress: schedule.progress(ofScale: scale)))
            }
            return try Tensor.concatenated(parts, axis: 1)
        }
    }
}
