import ImageTokenizer
import Images
import NeuralNetworks
import ScaleTransformer
import TokenPyramid
import Torch

/// Trains a transformer on tokens: next-scale prediction under teacher forcing.
final class ModelTrainer: StepwiseTrainer {
    private let settings: ModelTrainingSettings
    private let length: TrainingLength
    private let quantizer: MultiScaleQuantizer
    private let source: TokenSource
    private let feed: TokenFeed
    let identity: PictureIdentity
    private let validationTokens: TokenSet
    private let optimization: ModelOptimization
    /// Only in float16.
    private let lossScale: LossScale?
    /// The smallest validation loss so far, `[1]`; a tensor, so that it is saved with the others.
    private let smallestLoss: Tensor
    /// Called whenever a validation beats all before.
    var keepBest: ([(name: String, tensor: Tensor)]) throws -> Void = { _ in }
    /// Draws pictures by the weights of now.
    var drawSamples: (NextScaleTransformer) throws -> PixelImage? = { _ in nil }

    /// - Parameters:
    ///   - settings: What is trained, and how.
    ///   - parameters: Their first values.
    ///   - tokenizer: What makes the tokens; the transformer is where it is.
    ///   - source: What is learned from.
    ///   - validation: What is measured on.
    ///   - identity: Of both, and of the tokenizer.
    ///   - processes: Each learns from its share of each batch.
    /// - Throws: ``Torch/TorchError`` if memory runs out.
    init(
        _ settings: ModelTrainingSettings, from parameters: any ParameterSource, tokenizer: VisualTokenizer,
        source: TokenSource, validation: TokenSet, identity: PictureIdentity,
        processes: ProcessGroup = .alone
    ) throws(TorchError) {
        self.settings = settings
        quantizer = tokenizer.quantizer
        self.source = source
        length = settings.length.resolved(samples: source.count, batch: settings.batch)
        validationTokens = validation
        self.identity = identity
        optimization = try ModelOptimization(
            settings.model, from: PlacedParameters(parameters, on: tokenizer.device), initial: settings.initial,
            precision: settings.precision.dtype,
            settings: settings.optimizer, clip: settings.clip, averageDecay: settings.averageDecay,
            processes: processes)
        let order = ShuffledOrder(
            count: source.count, seed: settings.seed, batch: settings.batch,
            part: processes.share(of: settings.batch), mirrors: settings.mirrors)
        feed = TokenFeed(source, by: tokenizer, order: order)
        lossScale = settings.precision == .float16 ? try LossScale() : nil
        smallestLoss = try Tensor.full([1], .greatestFiniteMagnitude, dtype: .float64)
    }

    // MARK: StepwiseTrainer

    var learner: Learner { optimization.learner }

    var memory: [(name: String, tensor: Tensor)] {
        [("smallest_loss", smallestLoss)] + (lossScale.map { [("loss_scale", $0.state)] } ?? [])
    }

    var sampleCount: Int { source.count }

    func takeFeedReport() -> FeedReport { feed.takeReport() }

    func step(_ step: Int, learningRate: Double) throws -> [TrainingMetric] {
        let (tokens, own, positions) = try feed.batch(step: step)
        let batch = try tokens.moved(to: quantizer.codebook.device)
        let inputs = try withoutGradients { () throws(TorchError) in try quantizer.teacherInputs(batch) }
        var coins = SplitMix64(seed: settings.seed, stream: step, purpose: 4)
        // Of the whole batch, so that they do not depend on the part.
        let isDropped = (0..<settings.batch).map { _ in coins.unit() < settings.labelDrop }
        let labels = zip(positions, own).map { isDropped[$0] ? settings.model.nullClass : $1 }
        let (losses, norm) = try optimization.step(
            step, work(step, positions), tokens: batch, inputs: inputs, labels: Tensor(labels, shape: [labels.count]),
            learningRate: learningRate)
        guard let lossScale, losses.loss.isFinite else {
            return losses.metrics + [TrainingMetric("gradient_norm", norm)]
        }
        try lossScale.update(wasFinite: norm.isFinite, step: step)
        // A norm that is no number is nothing to stop for: the next step takes less of the loss.
        return losses.metrics + (norm.isFinite ? [TrainingMetric("gradient_norm", norm)] : [])
            + [TrainingMetric("loss_scale", try lossScale.value)]
    }

    private func work(_ step: Int, _ positions: Range<Int>) throws(TorchError) -> ModelStep {
        var work = ModelStep(settings.passes(step: step, length: length))
        work.parts = settings.accumulation
        work.labelSmoothing = settings.labelSmoothing
        work.recomputesActivations = settings.recomputesActivations
        work.lossScale = try lossScale?.value ?? 1
        work.countsRight = (step + 1).isMultiple(of: settings.rhythm.report)
        work.branchFactors = try branchFactors(step, positions)
        return work
    }

    /// Which branches are left out: `[depth, 2, B]`; nil where none ever is.
    private func branchFactors(_ step: Int, _ positions: Range<Int>) throws(TorchError) -> Tensor? {
        guard settings.pathDrop > 0 else { return nil }
        let depth = settings.model.depth
        var coins = SplitMix64(seed: settings.seed, stream: step, purpose: 6)
        var factors: [Float] = []
        for block in 0..<depth {
            let rate = depth > 1 ? settings.pathDrop * Double(block) / Double(depth - 1) : settings.pathDrop
            for _ in 0..<2 {
                // Of the whole batch, as labels are.
                let row = (0..<settings.batch).map { _ in coins.unit() < rate ? 0 : Float(1 / (1 - rate)) }
                factors += positions.map { row[$0] }
            }
        }
        return try Tensor(factors, shape: [depth, 2, positions.count])
    }

    func validate() throws -> [TrainingMetric] {
        let forcing = TeacherForcing(try finishedTransformer())
        let schedule = settings.model.schedule
        var sums = [(loss: Double, right: Double)](repeating: (0, 0), count: schedule.count)
        for start in stride(from: 0, to: validationTokens.count, by: 16) {
            let indices = Array(start..<min(start + 16, validationTokens.count))
            let batch = try validationTokens.batch(indices, flipped: indices.map { _ in false })
                .moved(to: quantizer.codebook.device)
            let labels = indices.map { validationTokens.labels[$0] }
            let found = try forcing.perScale(
                tokens: batch, inputs: withoutGradients { () throws(TorchError) in try quantizer.teacherInputs(batch) },
                labels: Tensor(labels, shape: [labels.count]))
            for scale in sums.indices {
                sums[scale].loss += found.losses[scale].reduce(0, +)
                sums[scale].right += found.right[scale].reduce(0, +)
            }
        }
        let tokenCount = Double(validationTokens.count * schedule.tokenCount)
        let loss = sums.reduce(0) { $0 + $1.loss } / tokenCount
        if try loss < smallestLoss.item() {
            try smallestLoss.assign(Tensor([loss], shape: [1]))
            try keepBest(learner.result)
        }
        func perScale(_ name: String, _ sum: ((loss: Double, right: Double)) -> Double) -> [TrainingMetric] {
            sums.enumerated().map { scale, found in
                let count = Double(validationTokens.count * schedule.tokenCount(ofScale: scale))
                return TrainingMetric("\(name)_\(scale + 1)", sum(found) / count)
            }
        }
        return [
            TrainingMetric("loss", loss), TrainingMetric("accuracy", sums.reduce(0) { $0 + $1.right } / tokenCount),
        ] + perScale("loss", \.loss) + perScale("accuracy", \.right)
    }

    func samples() throws -> PixelImage? { try drawSamples(finishedTransformer()) }

    private func finishedTransformer() throws -> NextScaleTransformer {
        try learner.finished { try NextScaleTransformer(settings.model, at: $0) }
    }
}
