package import ImageTokenizer
package import NeuralNetworks
package import ScaleTransformer
import TokenPyramid
package import Torch

/// Repeats a recorded course of steps exactly, to be compared with what another program computed.
///
/// The setting is that of the parity fixtures: float32, AdamW with the public groups, a constant learning rate of 1e-4,
/// clipping at 2, no dropped labels, no accumulation.
package struct TrainingReplay {
    /// Which scales the steps train.
    package enum Course: String, CaseIterable, Sendable {
        /// The public MVAR code's cycle of 8 steps on the coarse scales and one on each fine one.
        case cycle
        /// All scales in every step, `spatial-K`.
        case all
        /// All scales in every step, VAR's pattern.
        case full
    }

    /// Of every step, before its update.
    package let losses: [Double]
    /// Of every step, before clipping.
    package let gradientNorms: [Double]
    /// After the last step, by name.
    package let parameters: [String: Tensor]

    /// Trains a copy of a model.
    ///
    /// - Parameters:
    ///   - course: Which scales the steps train.
    ///   - steps: How many steps.
    ///   - configuration: The model's; the pattern `full` takes the place of its own where the course says so.
    ///   - source: The model's parameters.
    ///   - quantizer: Of its tokenizer.
    ///   - tokens: `[n, B, L]`, whole numbers; step i takes row i.
    ///   - labels: `[n, B]`.
    /// - Throws: ``Torch/TorchError`` if shapes do not fit or memory runs out.
    package init(
        _ course: Course, steps: Int, configuration: TransformerConfiguration, from source: any ParameterSource,
        quantizer: MultiScaleQuantizer, tokens: Tensor, labels: Tensor
    ) throws {
        var configuration = configuration
        if course == .full { configuration.pattern = .full }
        let groups: ScaleGroups = course == .cycle ? .cycle(coarseSteps: 8) : .all
        let optimization = try ModelOptimization(configuration, from: source)
        var losses: [Double] = []
        var norms: [Double] = []
        for step in 0..<steps {
            let batch = try tokens.selected(axis: 0, step).converted(to: .int64)
            let inputs = try withoutGradients { () throws(TorchError) in try quantizer.teacherInputs(batch) }
            let result = try optimization.step(
                step, ModelStep(groups.passes(step: step, of: ScalePass.all(configuration))), tokens: batch,
                inputs: inputs, labels: labels.selected(axis: 0, step).converted(to: .int64), learningRate: 1e-4)
            losses.append(result.losses.loss)
            norms.append(result.gradientNorm)
        }
        self.losses = losses
        gradientNorms = norms
        var parameters: [String: Tensor] = [:]
        for (name, tensor) in optimization.parameters.masters { parameters[name] = try tensor.detached() }
        self.parameters = parameters
    }
}
