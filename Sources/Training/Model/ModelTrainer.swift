import ImageTokenizer
import NeuralNetworks
import ScaleTransformer
import TokenPyramid
import Torch

/// Trains a transformer on tokens: next-scale prediction under teacher forcing.
final class ModelTrainer: StepwiseTrainer {
    private let settings: ModelTrainingSettings
    private let quantizer: MultiScaleQuantizer
    private let source: TokenSource
    private let feed: TokenFeed
    private let validationTokens: TokenSet
    private let optimization: ModelOptimization
    /// The smallest validation loss so far, `[1]`; a tensor, so that it is saved with the others.
    private let smallestLoss: Tensor
    /// Called whenever a validation beats all before.
    var keepBest: ([(name: String, tensor: Tensor)]) throws -> Void = { _ in }

    /// - Parameters:
    ///   - settings: What is trained, and how.
    ///   - parameters: Their first values.
    ///   - tokenizer: What makes the tokens.
    ///   - source: What is learned from.
    ///   - validation: What is measured on.
    ///   - processes: Each learns from its share of each batch.
    /// - Throws: ``Torch/TorchError`` if memory runs out.
    init(
        _ settings: ModelTrainingSettings, from parameters: any ParameterSource, tokenizer: VisualTokenizer,
        source: TokenSource, validation: TokenSet, processes: ProcessGroup = .alone
    ) throws(TorchError) {
        self.settings = settings
        quantizer = tokenizer.quantizer
        self.source = source
        validationTokens = validation
        optimization = try ModelOptimization(
            settings.model, from: parameters, precision: settings.usesBFloat16 ? .bfloat16 : .float32,
            settings: settings.optimizer, clip: settings.clip, averageDecay: settings.averageDecay,
            processes: processes)
        let order = ShuffledOrder(
            count: source.count, seed: settings.seed, batch: settings.batch,
            part: processes.share(of: settings.batch), mirrors: settings.mirrors)
        feed = TokenFeed(source, by: tokenizer, order: order)
        smallestLoss = try Tensor.full([1], .greatestFiniteMagnitude, dtype: .float64)
    }

    // MARK: StepwiseTrainer

    var learner: Learner { optimization.learner }

    var memory: [(name: String, tensor: Tensor)] { [("smallest_loss", smallestLoss)] }

    var sampleCount: Int { source.count }

    var identity: PictureIdentity {
        PictureIdentity(learned: source.fingerprint, measured: validationTokens.fingerprint)
    }

    func takeFeedReport() -> FeedReport { feed.takeReport() }

    func step(_ step: Int, learningRate: Double) throws -> [TrainingMetric] {
        let (batch, own, positions) = try feed.batch(step: step)
        let inputs = try withoutGradients { () throws(TorchError) in try quantizer.teacherInputs(batch) }
        var coins = SplitMix64(seed: settings.seed, stream: step, purpose: 4)
        // Of the whole batch, so that they do not depend on the part.
        let isDropped = (0..<settings.batch).map { _ in coins.unit() < settings.labelDrop }
        let labels = zip(positions, own).map { isDropped[$0] ? settings.model.nullClass : $1 }
        let (loss, norm) = try optimization.step(
            step, passes: settings.groups.passes(step: step, settings.model), tokens: batch, inputs: inputs,
            labels: Tensor(labels, shape: [labels.count]), learningRate: learningRate)
        return [TrainingMetric("loss", loss), TrainingMetric("gradient_norm", norm)]
    }

    func validate() throws -> [TrainingMetric] {
        let forcing = TeacherForcing(
            try learner.finished { try NextScaleTransformer(settings.model, at: $0) })
        let schedule = settings.model.schedule
        var sums = [Double](repeating: 0, count: schedule.count)
        for start in stride(from: 0, to: validationTokens.count, by: 16) {
            let indices = Array(start..<min(start + 16, validationTokens.count))
            let batch = try validationTokens.batch(indices, flipped: indices.map { _ in false })
            let labels = indices.map { validationTokens.labels[$0] }
            let losses = try forcing.perScale(
                tokens: batch, inputs: withoutGradients { () throws(TorchError) in try quantizer.teacherInputs(batch) },
                labels: Tensor(labels, shape: [labels.count]))
            for (scale, values) in losses.enumerated() { sums[scale] += values.reduce(0, +) }
        }
        let loss = sums.reduce(0, +) / Double(validationTokens.count * schedule.tokenCount)
        if try loss < smallestLoss.item() {
            try smallestLoss.assign(Tensor([loss], shape: [1]))
            try keepBest(learner.result)
        }
        return [TrainingMetric("loss", loss)]
            + sums.enumerated().map { scale, sum in
                TrainingMetric(
                    "loss_\(scale + 1)", sum / Double(validationTokens.count * schedule.tokenCount(ofScale: scale)))
            }
    }
}
