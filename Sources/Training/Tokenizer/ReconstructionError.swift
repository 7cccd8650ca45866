import Torch

/// How far reconstructions are from their pictures.
struct ReconstructionError {
    /// For the log: each part without its weight.
    let metrics: [TrainingMetric]
    /// The weighted sum of the parts.
    let value: Double
    /// With respect to the reconstructions, and as large.
    let gradient: Tensor

    /// - Parameters:
    ///   - reconstructions: x̂, `[B, 3, H, W]`, float32; their history takes no part.
    ///   - pictures: x, as many, in -1...1.
    ///   - settings: The weights.
    ///   - network: A perceptual network, where there is one.
    /// - Throws: ``Torch/TorchError`` if memory runs out or the network fails.
    init(
        of reconstructions: Tensor, against pictures: Tensor, settings: TokenizerTrainingSettings,
        network: PerceptualNetwork?
    ) throws(TorchError) {
        let leaf = try reconstructions.detached()
        try leaf.setRequiresGradient()
        let difference = try leaf - pictures
        var parts = [
            (name: "absolute", weight: settings.absoluteWeight, loss: try difference.magnitude().mean()),
            (name: "squared", weight: settings.squaredWeight, loss: try (difference * difference).mean()),
        ]
        if let network, let perceptual = settings.perceptual {
            parts.append(("perceptual", perceptual.weight, try network.distance(leaf, from: pictures)))
        }
        var metrics: [TrainingMetric] = []
        var total = try parts[0].loss * parts[0].weight
        for (index, part) in parts.enumerated() {
            metrics.append(TrainingMetric(part.name, try part.loss.detached().item()))
            if index > 0 { total = try total.adding(part.loss, times: part.weight) }
        }
        self.metrics = metrics
        value = try total.detached().item()
        gradient = try total.derivative(withRespectTo: leaf, weights: total.detached().onesLike())
    }
}
