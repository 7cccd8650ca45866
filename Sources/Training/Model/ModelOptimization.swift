package import NeuralNetworks
package import ScaleTransformer
package import Torch

/// A transformer that learns: its parameters, the loss of a batch, and the optimizer that moves them.
package final class ModelOptimization {
    let learner: Learner
    private let forcing: TeacherForcing

    package var parameters: TrainableParameters { learner.parameters }

    /// - Parameters:
    ///   - configuration: The transformer's shape.
    ///   - source: Where its parameters begin.
    ///   - initial: How fresh ones are drawn.
    ///   - precision: What the blocks compute in, float32, bfloat16 or float16; the head stays in float32.
    ///   - settings: Of the optimizer.
    ///   - clip: The largest gradient norm.
    ///   - averageDecay: Of the averaged weights; 0 for none.
    ///   - processes: Those that each learn from a part of a batch.
    /// - Throws: ``Torch/TorchError`` if memory runs out.
    package init(
        _ configuration: TransformerConfiguration, from source: any ParameterSource, initial: InitialFactors = .init(),
        precision: DType = .float32, settings: AdamW.Settings = .init(), clip: Double = 2, averageDecay: Double = 0,
        processes: ProcessGroup = .alone
    ) throws(TorchError) {
        let parameters = TrainableParameters(source) { NextScaleTransformer.isInHead($0) ? .float32 : precision }
        forcing = TeacherForcing(
            try NextScaleTransformer(configuration, at: ParameterPath(parameters), drawnBy: initial),
            precision: precision)
        learner = try Learner(
            parameters, settings: settings, clip: clip, averageDecay: averageDecay, processes: processes)
    }

    /// Takes one step. Where loss or gradient are no numbers, nothing moves.
    ///
    /// - Parameters:
    ///   - step: Its number, from 0.
    ///   - work: What is computed.
    ///   - tokens: `[B, L]`, int64, of this process's part of the batch, as all that follows.
    ///   - inputs: The teacher inputs of all scales but the first, `[B, L - n, Z]`, float32.
    ///   - labels: `[B]`, int64.
    ///   - learningRate: Of this step.
    /// - Returns: The losses of the whole batch, and the norm of their gradient before it is clipped.
    /// - Throws: ``Torch/TorchError`` if shapes do not fit or memory runs out, ``Torch/ProcessGroupError`` where another
    ///   process is gone.
    package func step(
        _ step: Int, _ work: ModelStep, tokens: Tensor, inputs: Tensor, labels: Tensor, learningRate: Double
    ) throws -> (losses: StepLosses, gradientNorm: Double) {
        try parameters.dropGradients()
        var losses = try forcing.accumulate(
            work, tokens: tokens, inputs: inputs, labels: labels, beforeLast: learner.expectLastGradients)
        try losses.average(over: learner.processes)
        let norm = try learner.clippedGradients(scaledBy: work.lossScale)
        guard losses.loss.isFinite, norm.isFinite else { return (losses, norm) }
        try learner.move(step: step, learningRate: learningRate)
        return (losses, norm)
    }
}
