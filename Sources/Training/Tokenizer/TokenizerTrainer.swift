import ImageTokenizer
import Images
import NeuralNetworks
import TokenPyramid
import Torch

/// Trains a tokenizer: pictures through encoder, quantizer and decoder, back to themselves.
final class TokenizerTrainer: StepwiseTrainer {
    private let settings: TokenizerTrainingSettings
    private let pictures: PictureSet
    private let validationPictures: PictureSet
    let learner: Learner
    private let tokenizer: VisualTokenizer
    private let usage: CodeUsage
    private let perceptual: PerceptualNetwork?
    private let adversary: Adversary?
    private let feed: PictureFeed
    private let device: Device
    /// Of the latest validation.
    private(set) var latestMeasurement: TokenizerMeasurement?

    static let codebookName = "quantize.embedding.weight"
    static let lastLayerName = "decoder.conv_out.weight"

    /// - Parameters:
    ///   - settings: What is trained, and how.
    ///   - perceptual: The network that the settings name.
    ///   - pictures: What is learned from.
    ///   - validation: What is measured on.
    ///   - processes: Each learns from its share of each batch.
    ///   - device: Where to compute.
    /// - Throws: ``Torch/TorchError`` if memory runs out, ``DataError`` where too many pictures cannot be read.
    init(
        _ settings: TokenizerTrainingSettings, perceptual: PerceptualNetwork? = nil, pictures: PictureSet,
        validation: PictureSet, processes: ProcessGroup = .alone, on device: Device = .cpu
    ) throws {
        self.settings = settings
        self.device = device
        self.perceptual = perceptual
        self.pictures = pictures
        validationPictures = validation
        let usesBFloat16 = settings.usesBFloat16
        let parameters = TrainableParameters(PlacedParameters(FreshParameters(seed: settings.seed), on: device)) {
            name in
            usesBFloat16 && !name.hasPrefix("quantize.") ? .bfloat16 : .float32
        }
        tokenizer = try VisualTokenizer(settings.tokenizer, at: ParameterPath(parameters))
        usage = try CodeUsage(
            vocabulary: settings.tokenizer.vocabularySize,
            usesPerStep: settings.batch * settings.tokenizer.schedule.tokenCount, on: device)
        let order = ShuffledOrder(
            count: pictures.count, seed: settings.seed, batch: settings.batch,
            part: processes.share(of: settings.batch), mirrors: settings.mirrors)
        feed = PictureFeed(pictures, order: order)
        try Self.makeIdentities(parameters)
        learner = try Learner(
            parameters, settings: settings.optimizer, clip: settings.clip, averageDecay: settings.averageDecay,
            processes: processes)
        adversary = try settings.discriminator.map { (own) throws(TorchError) in
            try Adversary(own, of: settings, processes: processes, on: device)
        }
        try startCodebook()
    }

    /// φ starts as the identity: else each scale adds noise of its own, which the next ones have to take away again.
    private static func makeIdentities(_ parameters: TrainableParameters) throws(TorchError) {
        for (name, master) in parameters.masters where name.hasPrefix("quantize.quant_resi.") {
            try withoutGradients { () throws(TorchError) in
                guard master.rank == 4 else { return try master.assign(master.zerosLike()) }
                let shape = master.shape  // [Z, Z, 3, 3]
                var values = [Float](repeating: 0, count: master.count)
                let middle = shape[2] * shape[3] / 2
                for channel in 0..<shape[0] {
                    values[(channel * shape[1] + channel) * shape[2] * shape[3] + middle] = 1
                }
                try master.assign(Tensor(values, shape: shape))
            }
        }
    }

    /// The codes start as features of pictures, and half the differences of such: what coarse and fine scales meet.
    private func startCodebook() throws {
        guard let codebook = learner.parameters[Self.codebookName] else { return }
        // All of it in every process, whatever part of a batch it learns from.
        let order = ShuffledOrder(
            count: pictures.count, seed: settings.seed, batch: min(max(settings.batch, 16), pictures.count),
            mirrors: settings.mirrors)
        let batch = try PictureFeed(pictures, order: order).batch(step: 0)
        try withoutGradients { () throws(TorchError) in
            let vectors = try features(of: batch.images().moved(to: device)).permuted(0, 2, 3, 1)
                .reshaped(-1, settings.tokenizer.latentChannels)
            var generator = SplitMix64(seed: settings.seed, stream: 0, purpose: 3)
            func choice(_ count: Int) throws(TorchError) -> Tensor {
                let rows = (0..<count).map { _ in Int.random(in: 0..<vectors.shape[0], using: &generator) }
                return try vectors.rows(Tensor(rows, shape: [count]))
            }
            let coarse = max(1, codebook.shape[0] / 4)
            let fine = codebook.shape[0] - coarse
            let codes = try Tensor.concatenated([choice(coarse), (choice(fine) - choice(fine)) * 0.5])
            try codebook.assign(codes)
            try learner.average?[Self.codebookName]?.assign(codes)
        }
    }

    /// `[B, Z, h, w]`, float32.
    private func features(of images: Tensor) throws(TorchError) -> Tensor {
        let dtype: DType = settings.usesBFloat16 ? .bfloat16 : .float32
        return try tokenizer.features(of: images.converted(to: dtype)).converted(to: .float32)
    }

    /// `[B, 3, H, W]`, float32.
    private func decoded(_ latent: Tensor) throws(TorchError) -> Tensor {
        let dtype: DType = settings.usesBFloat16 ? .bfloat16 : .float32
        return try tokenizer.decode(latent.converted(to: dtype)).converted(to: .float32)
    }

    // MARK: StepwiseTrainer

    var learners: [Learner] { [learner] + (adversary.map { [$0.learner] } ?? []) }

    var memory: [(name: String, tensor: Tensor)] { [("usage", usage.counts)] }

    var sampleCount: Int { pictures.count }

    var identity: PictureIdentity {
        PictureIdentity(learned: pictures.fingerprint, measured: validationPictures.fingerprint)
    }

    func takeFeedReport() -> FeedReport { feed.takeReport() }

    func step(_ step: Int, learningRate: Double) throws -> [TrainingMetric] {
        let images = try feed.batch(step: step).images().moved(to: device)
        try learner.parameters.dropGradients()
        let quantized = try QuantizerPass(
            features(of: images), through: tokenizer.quantizer, commitment: settings.commitment)
        let reconstructions = try decoded(quantized.latent)
        let error = try ReconstructionError(
            of: reconstructions, against: images, settings: settings, network: perceptual)
        let quantizerLoss = try quantized.loss.detached().item()
        // Without what the discriminator adds, whose weight is another at every step.
        let loss = error.value + settings.quantizerWeight * quantizerLoss
        var metrics =
            [TrainingMetric("loss", loss)] + error.metrics + [TrainingMetric("quantizer", quantizerLoss)]
        var gradient = error.gradient
        let adversary = adversary.flatMap { $0.takesPart(in: step) ? $0 : nil }
        if let adversary, let layer = learner.parameters.computed(Self.lastLayerName) {
            let contest = try adversary.contest(
                of: reconstructions, against: images, layer: layer, error: error.gradient)
            gradient = try gradient + contest.gradient
            metrics += contest.metrics
        }
        learner.expectLastGradients()
        // Its gradient with respect to the reconstructions is `gradient`, so that encoder and decoder are gone through once.
        try (reconstructions * gradient).sum().adding(quantized.loss, times: settings.quantizerWeight).backward()
        let norm = try learner.clippedGradients()
        metrics = try learner.means(metrics)
        metrics.append(TrainingMetric("gradient_norm", norm))
        guard metrics.allSatisfy(\.value.isFinite) else { return metrics }
        try learner.move(step: step, learningRate: learningRate)
        try adversary?.move(step: step, share: learningRate / settings.learningRate)
        try usage.record(quantized.codes, in: learner.processes)
        if step % settings.revivalInterval == 0 {
            metrics.append(TrainingMetric("revived", Double(try revive(step: step, from: quantized.vectors))))
        }
        return metrics
    }

    private func revive(step: Int, from vectors: [Tensor]) throws -> Int {
        guard let codebook = learner.parameters[Self.codebookName] else { return 0 }
        return try withoutGradients {
            var generator = SplitMix64(seed: settings.seed, stream: step, purpose: 2)
            let revivals = try usage.revivals(
                below: settings.deadShare, from: vectors, of: learner.processes, using: &generator)
            guard let revivals else { return 0 }
            // The quantizer computes in float32, so this is the tensor that it reads, too.
            try codebook.replaceRows(revivals.codes, with: revivals.vectors)
            try learner.average?[Self.codebookName]?.replaceRows(revivals.codes, with: revivals.vectors)
            try learner.optimizer.forget(rows: revivals.codes, of: Self.codebookName)
            return revivals.codes.count
        }
    }

    func validate() throws -> [TrainingMetric] {
        let measurement = try TokenizerMeasurement(of: finishedTokenizer(), on: validationPictures)
        latestMeasurement = measurement
        return measurement.metrics
    }

    func picture() throws -> (name: String, image: PixelImage)? {
        try latestMeasurement?.exampleGrid().map { ("reconstructions", $0) }
    }

    // MARK: The result

    /// The tokenizer of the weights to be kept, in float32.
    func finishedTokenizer() throws -> VisualTokenizer {
        try learner.finished { try VisualTokenizer(settings.tokenizer, at: $0) }
    }
}
