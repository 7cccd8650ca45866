package import ScaleTransformer
import TokenPyramid
package import Torch

/// The cross-entropy of a transformer that is given the true tokens of the coarser scales.
package struct TeacherForcing {
    package let transformer: NextScaleTransformer
    /// The type in which the blocks compute.
    package let precision: DType

    package init(_ transformer: NextScaleTransformer, precision: DType = .float32) {
        self.transformer = transformer
        self.precision = precision
    }

    private var schedule: ScaleSchedule { transformer.configuration.schedule }

    /// -log p of every token of some scales.
    ///
    /// - Parameters:
    ///   - scales: Neighbouring scales.
    ///   - tokens: `[B, L]`, int64.
    ///   - inputs: The teacher inputs of all scales but the first, `[B, L - n, Z]`.
    ///   - labels: `[B]`, int64.
    /// - Returns: `[B, T]` over the tokens of `scales`.
    /// - Throws: ``Torch/TorchError`` if shapes do not fit or memory runs out.
    package func crossEntropy(
        ofScales scales: Range<Int>, tokens: Tensor, inputs: Tensor, labels: Tensor
    ) throws(TorchError) -> Tensor {
        let range = schedule.range(ofScales: scales)
        let without = schedule.tokenCount(ofScale: 0)
        let given = max(range.lowerBound - without, 0)..<range.upperBound - without
        let condition = try transformer.condition(on: labels)
        let logits = try transformer.logits(
            ofScales: scales,
            inputs: given.isEmpty ? nil : inputs.narrowed(axis: 1, given).converted(to: precision),
            condition: condition)
        let targets = try tokens.narrowed(axis: 1, range).reshaped(-1)
        return try logits.reshaped(-1, logits.shape[2]).crossEntropy(targets).reshaped(tokens.shape[0], -1)
    }

    /// Adds the gradients of a step's loss to the parameters, one pass after another: each frees its activations before
    /// the next begins.
    ///
    /// - Parameters:
    ///   - passes: From ``ScaleGroups``.
    ///   - tokens: `[B, L]`, int64.
    ///   - inputs: The teacher inputs of all scales but the first.
    ///   - labels: `[B]`, int64.
    ///   - beforeLast: Called before the last pass's gradients are computed.
    /// - Returns: The loss: the mean over the batch of Σ cross-entropy / L, whatever the number of scales.
    /// - Throws: ``Torch/TorchError`` if shapes do not fit or memory runs out.
    package func accumulate(
        _ passes: [Range<Int>], tokens: Tensor, inputs: Tensor, labels: Tensor, beforeLast: () -> Void = {}
    ) throws(TorchError) -> Double {
        let factor = 1 / Double(tokens.shape[0] * schedule.tokenCount)
        var total = 0.0
        for (position, scales) in passes.enumerated() {
            let loss = try crossEntropy(ofScales: scales, tokens: tokens, inputs: inputs, labels: labels).sum() * factor
            if position == passes.count - 1 { beforeLast() }
            try loss.backward()
            total += try loss.detached().item()
        }
        return total
    }

    /// The cross-entropy per scale, summed over its tokens, without gradients: `[scale][picture]`.
    package func perScale(tokens: Tensor, inputs: Tensor, labels: Tensor) throws(TorchError) -> [[Double]] {
        try withoutGradients { () throws(TorchError) in
            var sums: [[Double]] = []
            for scales in ScaleGroups.all.passes(step: 0, transformer.configuration) {
                let values = try crossEntropy(ofScales: scales, tokens: tokens, inputs: inputs, labels: labels)
                for part in try values.split(scales.map { schedule.tokenCount(ofScale: $0) }, axis: 1) {
                    sums.append(try part.converted(to: .float64).sum(axes: 1).array(of: Double.self))
                }
            }
            return sums
        }
    }
}
