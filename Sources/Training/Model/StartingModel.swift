import Checkpoints
import Models
import NeuralNetworks
public import ScaleTransformer
public import TokenPyramid
import Torch

/// A model whose weights a run begins with: VAR's or MVAR's, or one of ours.
public struct StartingModel {
    /// As it was named.
    public let path: String
    /// Its shape, with the pattern that it was trained with.
    public let configuration: TransformerConfiguration
    private let checkpoint: Checkpoint

    /// Opens a model.
    ///
    /// - Parameters:
    ///   - path: A checkpoint in any form.
    ///   - schedule: The token maps, where the file leaves them open.
    /// - Throws: ``Checkpoints/CheckpointError`` where it cannot be read, ``Models/ModelError`` where it leaves too much
    ///   open.
    public init(_ path: String, schedule: ScaleSchedule? = nil) throws {
        self.path = path
        checkpoint = try Checkpoint(path: path)
        var source = ModelSource(model: path)
        source.schedule = schedule
        configuration = try ConfigurationResolution(source, beside: checkpoint).transformer(checkpoint)
    }

    /// The shape of a run that goes on from it.
    ///
    /// The pattern is the run's, never the file's: VAR's and MVAR's checkpoints hold a mask under one name, by which the
    /// public code trains with the other model's pattern unawares.
    ///
    /// - Parameters:
    ///   - classes: The number of classes, which may be another.
    ///   - pattern: Which tokens see which from now on.
    /// - Returns: Its own shape but for these.
    public func configuration(classes: Int, pattern: AttentionPattern) -> TransformerConfiguration {
        var configuration = configuration
        configuration.classes = classes
        configuration.pattern = pattern
        configuration.firstSpatialScale = configuration.schedule.defaultFirstSpatialScale
        return configuration
    }

    /// Its weights, and fresh vectors of classes where there is another number of them.
    func parameters(
        for configuration: TransformerConfiguration, otherwise fresh: FreshParameters
    ) throws -> StartingParameters {
        let replaced = configuration.classes == self.configuration.classes ? nil : NextScaleTransformer.classVectorsName
        let loaded = LoadedParameters(
            try checkpoint.requireModel().tensors(), origin: path,
            ignoring: { DerivedBuffers.contains($0) || $0 == replaced })
        return StartingParameters(loaded, replacing: replaced, by: fresh)
    }
}

/// Parameters of a checkpoint but for one, which is drawn.
final class StartingParameters: ParameterSource {
    private let loaded: LoadedParameters
    private let replaced: String?
    private let fresh: FreshParameters

    init(_ loaded: LoadedParameters, replacing replaced: String?, by fresh: FreshParameters) {
        self.loaded = loaded
        self.replaced = replaced
        self.fresh = fresh
    }

    func parameter(_ name: String, shape: [Int], initial: InitialValue) throws(TorchError) -> Tensor {
        try name == replaced
            ? fresh.parameter(name, shape: shape, initial: initial)
            : loaded.parameter(name, shape: shape, initial: initial)
    }

    /// Throws one error that lists every tensor that did not fit.
    func finish() throws(ParameterError) { try loaded.finish() }
}
