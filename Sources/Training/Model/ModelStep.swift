package import Torch

/// What a step of training computes, beside its pictures.
package struct ModelStep {
    /// From ``ScaleGroups``.
    package var passes: [ScalePass]
    /// In how many parts its pictures are gone through.
    package var parts = 1
    /// The share of the target that the loss spreads over all codes.
    package var labelSmoothing = 0.0
    /// What the two branches of every block are multiplied by, `[depth, 2, B]`; nil where none is left out.
    package var branchFactors: Tensor?
    /// Whether activations are computed twice to save memory.
    package var recomputesActivations = false
    /// What the loss is multiplied by before its gradients are taken.
    package var lossScale = 1.0
    /// Whether it is counted how often the likeliest code is the right one.
    package var countsRight = false

    package init(_ passes: [ScalePass]) { self.passes = passes }
}

/// What a step found.
package struct StepLosses: Sendable {
    /// The mean over the batch of Σ weight · cross-entropy / L, whatever the number of scales.
    package var loss = 0.0
    /// The mean cross-entropy of a token of each scale that took part.
    package internal(set) var perScale: [Int: Double] = [:]
    /// The share of tokens that were likeliest, of each scale that took part; empty where they were not counted.
    package internal(set) var right: [Int: Double] = [:]

    /// Takes the means over processes that computed the same passes of equal parts of a batch.
    mutating func average(over processes: ProcessGroup) throws {
        guard processes.count > 1 else { return }
        let (scales, counted) = (perScale.keys.sorted(), right.keys.sorted())
        let means = try processes.means(
            [loss] + scales.compactMap { perScale[$0] } + counted.compactMap { right[$0] })
        loss = means[0]
        for (index, scale) in scales.enumerated() { perScale[scale] = means[1 + index] }
        for (index, scale) in counted.enumerated() { right[scale] = means[1 + scales.count + index] }
    }

    var metrics: [TrainingMetric] {
        let scales = perScale.keys.sorted()
        return [TrainingMetric("loss", loss)]
            + scales.compactMap { scale in perScale[scale].map { TrainingMetric("loss_\(scale + 1)", $0) } }
            + scales.compactMap { scale in right[scale].map { TrainingMetric("accuracy_\(scale + 1)", $0) } }
    }
}
