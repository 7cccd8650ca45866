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

    /// Adds the gradients of a step's loss to the parameters, one pass after another: each frees its activations before
    /// the next begins.
    ///
    /// - Parameters:
    ///   - step: What is computed.
    ///   - tokens: `[B, L]`, int64.
    ///   - inputs: The teacher inputs of all scales but the first, `[B, L - n, Z]`, float32.
    ///   - labels: `[B]`, int64.
    ///   - beforeLast: Called before the last pass's gradients are computed.
    /// - Returns: The losses, before they are multiplied for their gradients.
    /// - Throws: ``Torch/TorchError`` if shapes do not fit or memory runs out.
    package func accumulate(
        _ step: ModelStep, tokens: Tensor, inputs: Tensor, labels: Tensor, beforeLast: () -> Void = {}
    ) throws(TorchError) -> StepLosses {
        let batch = tokens.shape[0]
        let whole = try Row(tokens: tokens, inputs: inputs, labels: labels).moved(to: transformer.device)
        var found: [PassLosses] = []
        for part in 0..<step.parts {
            let pictures = part * batch / step.parts..<(part + 1) * batch / step.parts
            let row = Row(
                tokens: try whole.tokens.narrowed(axis: 0, pictures),
                inputs: try whole.inputs.narrowed(axis: 0, pictures),
                labels: try whole.labels.narrowed(axis: 0, pictures),
                branchFactors: try step.branchFactors.map { factors throws(TorchError) in
                    try factors.narrowed(axis: 2, pictures).moved(to: transformer.device)
                })
            for (position, pass) in step.passes.enumerated() {
                if part == step.parts - 1, position == step.passes.count - 1 { beforeLast() }
                found.append(try accumulate(pass, of: row, step, batch: batch))
            }
        }
        // Only now: a GPU would stand still after each pass while its losses are read.
        var losses = StepLosses()
        for pass in found {
            losses.loss += try pass.loss.item() / step.lossScale
            for (sums, values) in [(\StepLosses.perScale, pass.entropies), (\.right, pass.right)] {
                guard let values else { continue }
                for (scale, sum) in zip(pass.scales, try perScale(values, pass.scales)) {
                    losses[keyPath: sums][scale, default: 0] += sum.reduce(0, +)
                }
            }
        }
        for scale in losses.perScale.keys {
            let count = Double(batch * schedule.tokenCount(ofScale: scale))
            losses.perScale[scale]? /= count
            losses.right[scale]? /= count
        }
        return losses
    }

    /// The pictures that are gone through together.
    private struct Row {
        let tokens: Tensor
        let inputs: Tensor
        let labels: Tensor
        var branchFactors: Tensor?

        func moved(to device: Device) throws(TorchError) -> Row {
            Row(
                tokens: try tokens.moved(to: device), inputs: try inputs.moved(to: device),
                labels: try labels.moved(to: device), branchFactors: branchFactors)
        }
    }

    /// What a pass found, on its device.
    private struct PassLosses {
        let scales: Range<Int>
        let loss: Tensor
        /// `[B, T]`, as `right`; nil where no logits were asked for.
        let entropies: Tensor?
        let right: Tensor?
    }

    private func accumulate(
        _ pass: ScalePass, of row: Row, _ step: ModelStep, batch: Int
    ) throws(TorchError) -> PassLosses {
        let targets = try targets(ofScales: pass.scales, row.tokens)
        let factor = step.lossScale / Double(batch * schedule.tokenCount)
        var (found, right): (Tensor?, Tensor?) = (nil, nil)
        func loss(_ logits: Tensor) throws(TorchError) -> Tensor {
            let entropies = try entropies(logits, targets, smoothing: step.labelSmoothing)
            (found, right) = (
                try entropies.detached(), step.countsRight ? try self.right(logits.detached(), targets) : nil
            )
            let counted = try pass.weights.allSatisfy { $0 == 1 } ? entropies : entropies * tokenWeights(pass)
            return try counted.sum() * factor
        }
        var condition = try transformer.condition(on: row.labels)
        if let factors = row.branchFactors { condition = try condition.multiplyingBranches(by: factors) }
        let inputs = try inputs(ofScales: pass.scales, row.inputs)
        let value: Tensor
        if step.recomputesActivations {
            value = try transformer.backward(loss, ofScales: pass.scales, inputs: inputs, condition: condition)
        } else {
            let whole = try loss(transformer.logits(ofScales: pass.scales, inputs: inputs, condition: condition))
            try whole.backward()
            value = try whole.detached()
        }
        return PassLosses(scales: pass.scales, loss: value, entropies: found, right: right)
    }

    /// -log p of every token, `[B, T]`.
    private func entropies(
        _ logits: Tensor, _ targets: Tensor, smoothing: Double = 0
    ) throws(TorchError) -> Tensor {
        try logits.reshaped(-1, logits.shape[2]).crossEntropy(targets, smoothing: smoothing)
            .reshaped(logits.shape[0], -1)
    }

    /// 1 where the likeliest code is the target: `[B, T]`.
    private func right(_ logits: Tensor, _ targets: Tensor) throws(TorchError) -> Tensor {
        try withoutGradients { () throws(TorchError) in
            try logits.indexOfMaximum(axis: -1).reshaped(-1).isEqual(to: targets).converted(to: .float32)
                .reshaped(logits.shape[0], -1)
        }
    }

    /// How much every token counts, `[T]`.
    private func tokenWeights(_ pass: ScalePass) throws(TorchError) -> Tensor {
        let weights = zip(pass.scales, pass.weights).flatMap { scale, weight in
            [Float](repeating: Float(weight), count: schedule.tokenCount(ofScale: scale))
        }
        return try Tensor(weights, shape: [weights.count]).moved(to: transformer.device)
    }

    /// The tokens of some scales, one after another.
    private func targets(ofScales scales: Range<Int>, _ tokens: Tensor) throws(TorchError) -> Tensor {
        try tokens.narrowed(axis: 1, schedule.range(ofScales: scales)).reshaped(-1)
    }

    /// What some scales are given; nil for the first alone.
    private func inputs(ofScales scales: Range<Int>, _ inputs: Tensor) throws(TorchError) -> Tensor? {
        let range = schedule.range(ofScales: scales)
        let without = schedule.tokenCount(ofScale: 0)
        let given = max(range.lowerBound - without, 0)..<range.upperBound - without
        return given.isEmpty ? nil : try inputs.narrowed(axis: 1, given).converted(to: precision)
    }

    /// The sums over the tokens of each scale: `[scale][picture]`.
    private func perScale(_ values: Tensor, _ scales: Range<Int>) throws(TorchError) -> [[Double]] {
        var sums: [Tensor] = []
        for part in try values.split(scales.map { schedule.tokenCount(ofScale: $0) }, axis: 1) {
            sums.append(try part.converted(to: .float64).sum(axes: 1))
        }
        let (pictures, all) = (values.shape[0], try Tensor.stacked(sums).array(of: Double.self))
        return sums.indices.map { Array(all[$0 * pictures..<($0 + 1) * pictures]) }
    }

    /// The cross-entropy per scale, summed over its tokens, without gradients: `[scale][picture]`, and how many of the
    /// tokens were the likeliest.
    package func perScale(
        tokens: Tensor, inputs: Tensor, labels: Tensor
    ) throws(TorchError) -> (losses: [[Double]], right: [[Double]]) {
        try withoutGradients { () throws(TorchError) in
            let row = try Row(tokens: tokens, inputs: inputs, labels: labels).moved(to: transformer.device)
            var (losses, counts): ([[Double]], [[Double]]) = ([], [])
            for pass in ScalePass.all(transformer.configuration) {
                let targets = try targets(ofScales: pass.scales, row.tokens)
                let logits = try transformer.logits(
                    ofScales: pass.scales, inputs: self.inputs(ofScales: pass.scales, row.inputs),
                    condition: transformer.condition(on: row.labels))
                losses += try perScale(entropies(logits, targets), pass.scales)
                counts += try perScale(right(logits, targets), pass.scales)
            }
            return (losses, counts)
        }
    }
}
