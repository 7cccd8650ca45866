import NeuralNetworks
import Torch

/// A discriminator that learns beside a tokenizer to tell its reconstructions from pictures, and what it makes the tokenizer
/// learn (VQGAN: Esser et al., arXiv:2012.09841, section 3.1).
final class Adversary {
    let learner: Learner
    private let settings: DiscriminatorSettings
    private let network: PatchDiscriminator
    private let dtype: DType

    /// - Parameters:
    ///   - settings: Of the discriminator.
    ///   - run: Of the tokenizer's run: seed, precision, largest gradient norm.
    ///   - processes: Those that each learn from a part of a batch.
    ///   - device: Where to compute.
    /// - Throws: ``Torch/TorchError`` if memory runs out.
    init(
        _ settings: DiscriminatorSettings, of run: TokenizerTrainingSettings, processes: ProcessGroup = .alone,
        on device: Device = .cpu
    ) throws(TorchError) {
        self.settings = settings
        let dtype: DType = run.usesBFloat16 ? .bfloat16 : .float32
        self.dtype = dtype
        // The tokenizer's weights are drawn from the seed itself.
        let parameters = TrainableParameters(PlacedParameters(FreshParameters(seed: ~run.seed), on: device)) { _ in
            dtype
        }
        network = try PatchDiscriminator(settings, at: ParameterPath(parameters))
        learner = try Learner(
            parameters, settings: settings.optimizer, clip: run.clip, averageDecay: 0, name: "discriminator",
            processes: processes)
    }

    /// Whether it learns and is listened to in a step, from 0.
    func takesPart(in step: Int) -> Bool { step >= settings.start }

    /// How real each patch looks, `[B, 1, h, w]`, float32. `pictures`: `[B, 3, H, W]`.
    func judgement(of pictures: Tensor) throws(TorchError) -> Tensor {
        try network(pictures.converted(to: dtype)).converted(to: .float32)
    }

    // MARK: A step

    /// What one step has to say to both sides.
    struct Contest {
        /// What the tokenizer is to make smaller, beside its own losses: a gradient with respect to the reconstructions.
        let gradient: Tensor
        /// For the log.
        let metrics: [TrainingMetric]
    }

    /// Compares reconstructions with their pictures. The discriminator gets gradients, and moves by ``move(step:share:)``.
    ///
    /// - Parameters:
    ///   - reconstructions: x̂, `[B, 3, H, W]`, with their history.
    ///   - pictures: x, as many.
    ///   - layer: The weights of the decoder's last layer.
    ///   - error: The gradient of the reconstruction error with respect to x̂.
    /// - Returns: The gradient for the tokenizer, and numbers.
    /// - Throws: ``Torch/TorchError`` if memory runs out, ``Torch/ProcessGroupError`` where another process is gone.
    func contest(
        of reconstructions: Tensor, against pictures: Tensor, layer: Tensor, error: Tensor
    ) throws -> Contest {
        try learner.parameters.dropGradients()
        let loss = try loss(real: pictures, reconstructed: reconstructions)
        learner.expectLastGradients()
        try loss.backward()
        let norm = try learner.clippedGradients()
        let pressure = try pressure(on: reconstructions)
        let weight = try weight(at: reconstructions, layer: layer, error: error, pressure: pressure.gradient)
        return Contest(
            gradient: try pressure.gradient * weight,
            metrics: [
                TrainingMetric("discriminator_loss", try loss.detached().item()),
                TrainingMetric("discriminator_gradient_norm", norm), TrainingMetric("adversarial", pressure.loss),
                TrainingMetric("adversarial_weight", weight),
            ])
    }

    /// Moves the discriminator by the gradients of the latest ``contest(of:against:layer:error:)``.
    ///
    /// - Parameters:
    ///   - step: The run's, from 0.
    ///   - share: Of the highest learning rate.
    /// - Throws: ``Torch/TorchError`` if memory runs out.
    func move(step: Int, share: Double) throws(TorchError) {
        try learner.move(step: step, learningRate: settings.learningRate * share)
    }

    // MARK: Its parts

    /// What the tokenizer is to make smaller: -mean D(x̂), and its gradient with respect to x̂.
    ///
    /// - Parameter pictures: x̂, `[B, 3, H, W]`; its history takes no part.
    /// - Returns: The loss, and its gradient, as large as `pictures`.
    /// - Throws: ``Torch/TorchError`` if memory runs out.
    func pressure(on pictures: Tensor) throws(TorchError) -> (loss: Double, gradient: Tensor) {
        let leaf = try pictures.detached()
        try leaf.setRequiresGradient()
        let loss = try judgement(of: leaf).mean().negated()
        return (
            try loss.detached().item(), try loss.derivative(withRespectTo: leaf, weights: loss.detached().onesLike())
        )
    }

    /// The weight of ``pressure(on:)``: with it the discriminator pulls at the decoder's last layer with a set share of the
    /// force of the reconstruction error (VQGAN, equation 7), the share being at most 10⁴.
    ///
    /// - Parameters:
    ///   - pictures: x̂, with its history.
    ///   - layer: The weights of the decoder's last layer.
    ///   - error: The gradient of the reconstruction error with respect to x̂.
    ///   - pressure: The gradient of ``pressure(on:)``.
    /// - Returns: The weight, not negative: that of the whole batch.
    /// - Throws: ``Torch/TorchError`` if memory runs out, ``Torch/ProcessGroupError`` where another process is gone.
    func weight(
        at pictures: Tensor, layer: Tensor, error: Tensor, pressure: Tensor
    ) throws -> Double {
        let processes = learner.processes
        func pull(_ gradient: Tensor) throws -> Double {
            let force = try pictures.derivative(withRespectTo: layer, weights: gradient).converted(to: .float32)
            let whole = try force.contiguous()
            try processes.sum(whole)
            return try whole.norm().item() / Double(processes.count)
        }
        let ratio = try pull(error) / (pull(pressure) + 1e-4)
        // Not by `min`, which would make a number of NaN.
        return settings.weight * (ratio > 1e4 ? 1e4 : ratio)
    }

    /// The hinge loss of the discriminator, (mean max(0, 1 - D(x)) + mean max(0, 1 + D(x̂))) / 2.
    ///
    /// - Parameters:
    ///   - real: x, `[B, 3, H, W]`.
    ///   - reconstructed: x̂, as many.
    /// - Returns: A scalar.
    /// - Throws: ``Torch/TorchError`` if memory runs out.
    func loss(real: Tensor, reconstructed: Tensor) throws(TorchError) -> Tensor {
        let missed = try (judgement(of: real).negated() + 1).clamped(to: 0...).mean()
        let fooled = try (judgement(of: reconstructed.detached()) + 1).clamped(to: 0...).mean()
        return try (missed + fooled) * 0.5
    }
}
