import NeuralNetworks
import Torch

/// Parameters with all that their learning carries from step to step: AdamW's moments and the running average.
final class Learner {
    let parameters: TrainableParameters
    let optimizer: AdamW
    /// Nil where the last weights are kept.
    let average: AveragedParameters?
    private let clip: Double
    let processes: ProcessGroup
    /// Nil in a process that learns alone.
    private let reduction: GradientReduction?
    /// Stands before the names of its state; empty where there is one learner only.
    private let prefix: String

    /// - Parameters:
    ///   - parameters: Those that layers have asked for, with the values that they start from; none is added later.
    ///   - settings: Of the optimizer.
    ///   - clip: The largest gradient norm; 0 for any.
    ///   - averageDecay: Of the average; 0 for none.
    ///   - name: Tells its state from that of others in the same run.
    ///   - processes: Those that each learn from a part of a batch; all move alike.
    /// - Throws: ``Torch/TorchError`` if memory runs out.
    init(
        _ parameters: TrainableParameters, settings: AdamW.Settings, clip: Double, averageDecay: Double,
        name: String = "", processes: ProcessGroup = .alone
    ) throws(TorchError) {
        parameters.complete()
        self.parameters = parameters
        self.clip = clip > 0 ? clip : .infinity
        self.processes = processes
        reduction = processes.count > 1 ? try GradientReduction(parameters, over: processes) : nil
        prefix = name.isEmpty ? "" : name + "."
        optimizer = try AdamW(parameters.masters, settings: settings)
        average = averageDecay > 0 ? try AveragedParameters(parameters, decay: averageDecay) : nil
    }

    /// Says that the next `backward` is the last of this step. Without it gradients travel to the other processes only
    /// after it, not during it.
    func expectLastGradients() { reduction?.expectLast() }

    /// Makes ready for a step.
    ///
    /// - Parameter progress: The share of the run that is done, 0...1.
    func prepare(progress: Double) {
        let settings = optimizer.settings
        guard let last = settings.finalWeightDecay else { return }
        optimizer.weightDecay = RateFall.cosine.factor(progress, from: 0, to: 0) * (settings.weightDecay - last) + last
    }

    /// Brings the gradients of a step, means over all processes, to the masters, held to the largest norm.
    ///
    /// - Parameter scale: What the loss was multiplied by, which the gradients are divided by.
    /// - Returns: The norm before.
    /// - Throws: ``Torch/TorchError`` if memory runs out, ``Torch/ProcessGroupError`` where another process is gone.
    func clippedGradients(scaledBy scale: Double = 1) throws -> Double {
        if let reduction { try reduction.finish() } else { try parameters.gatherGradients() }
        if scale != 1 { for (_, master) in parameters.masters { try master.gradient?.multiply(by: 1 / scale) } }
        return try clipGradients(of: parameters.masters.map(\.tensor), to: clip)
    }

    /// The means of a step's losses over all processes: those of the whole batch.
    func means(_ losses: [TrainingMetric]) throws -> [TrainingMetric] {
        zip(losses, try processes.means(losses.map(\.value))).map { TrainingMetric($0.name, $1) }
    }

    /// Moves the parameters by the gradients of a step, from 0, and the average after them.
    func move(step: Int, learningRate: Double) throws(TorchError) {
        try optimizer.step(learningRate: learningRate)
        try parameters.publish()
        try average?.update(step: step)
    }

    // MARK: Between sittings

    /// Everything that must be kept, but the optimizer's step counts.
    var state: [(name: String, tensor: Tensor)] {
        parameters.masters.map { (prefix + "parameters." + $0.name, $0.tensor) }
            + (average?.averages ?? []).map { (prefix + "average." + $0.name, $0.tensor) }
            + optimizer.moments.map { (prefix + "optimizer." + $0.name, $0.tensor) }
    }

    // MARK: The result

    /// The weights to be kept: averaged where there is an average.
    var result: [(name: String, tensor: Tensor)] { average?.averages ?? parameters.masters }

    /// A network of the weights to be kept, in float32.
    func finished<Network>(_ network: (ParameterPath) throws -> Network) throws -> Network {
        let loaded = LoadedParameters(
            Dictionary(result.map { ($0.name, $0.tensor) }, uniquingKeysWith: { first, _ in first }),
            origin: "the run", device: result.first?.tensor.device ?? .cpu)
        let network = try network(ParameterPath(loaded))
        try loaded.finish()
        return network
    }
}
