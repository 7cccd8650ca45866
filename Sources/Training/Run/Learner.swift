import NeuralNetworks
import Torch

/// Parameters with all that their learning carries from step to step: AdamW's moments and the running average.
final class Learner {
    let parameters: TrainableParameters
    let optimizer: AdamW
    /// Nil where the last weights are kept.
    let average: AveragedParameters?
    private let clip: Double
    /// Stands before the names of its state; empty where there is one learner only.
    private let prefix: String

    /// - Parameters:
    ///   - parameters: Those that layers have asked for, with the values that they start from.
    ///   - settings: Of the optimizer.
    ///   - clip: The largest gradient norm.
    ///   - averageDecay: Of the average; 0 for none.
    ///   - name: Tells its state from that of others in the same run.
    /// - Throws: ``Torch/TorchError`` if memory runs out.
    init(
        _ parameters: TrainableParameters, settings: AdamW.Settings, clip: Double, averageDecay: Double,
        name: String = ""
    ) throws(TorchError) {
        self.parameters = parameters
        self.clip = clip
        prefix = name.isEmpty ? "" : name + "."
        optimizer = try AdamW(parameters.masters, settings: settings)
        average = averageDecay > 0 ? try AveragedParameters(parameters, decay: averageDecay) : nil
    }

    /// Brings the gradients of a step to the masters, held to the largest norm; returns the norm before.
    func clippedGradients() throws(TorchError) -> Double {
        try parameters.gatherGradients()
        return try clipGradients(of: parameters.masters.map(\.tensor), to: clip)
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
            origin: "the run")
        let network = try network(ParameterPath(loaded))
        try loaded.finish()
        return network
    }
}
