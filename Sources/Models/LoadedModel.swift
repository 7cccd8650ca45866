public import Checkpoints
public import ImageTokenizer
package import NeuralNetworks
public import ScaleTransformer
package import Torch

/// A transformer and its tokenizer, ready to compute.
public struct LoadedModel {
    /// The networks' files, in the order transformer, tokenizer.
    public let files: [String]
    /// The form of the transformer's file.
    public let form: CheckpointForm
    /// Predicts tokens.
    public let transformer: NextScaleTransformer
    /// Turns tokens into pictures.
    public let tokenizer: VisualTokenizer
    /// The names of the classes.
    public let classes: ClassNames
    /// What the configuration recommends for sampling, where it does.
    public let description: ModelDescription
    /// Whether the transformer was made by VAR's code, and not by MVAR's.
    public let isVAR: Bool

    /// Loads a transformer and its tokenizer.
    ///
    /// Every name in the files is accounted for: one error lists all that is missing, unexpected or misshapen.
    ///
    /// - Parameter source: The files, and what the caller says of them.
    /// - Throws: ``Checkpoints/CheckpointError`` where a file cannot be read, ``ModelError`` where files leave too much
    ///   open or do not belong together, ``NeuralNetworks/ParameterError`` where tensors do not fit.
    public init(_ source: ModelSource) throws {
        let path = try source.model ?? ModelLocation.defaultModel()
        let checkpoint = try Checkpoint(path: path)
        let resolution = try ConfigurationResolution(source, beside: checkpoint)
        let configuration = try resolution.transformer(checkpoint)

        let tokenizerCheckpoint = try Self.tokenizerCheckpoint(source, beside: checkpoint)
        let tokenizerResolution = try ConfigurationResolution(source, beside: tokenizerCheckpoint)
        let tokenizerConfiguration = try tokenizerResolution.tokenizer(tokenizerCheckpoint, for: configuration)

        files = [path, tokenizerCheckpoint.path]
        form = checkpoint.form
        isVAR = resolution.isVAR(checkpoint)
        let parameters = try Self.parameters(ofTransformer: checkpoint, source: source)
        transformer = try NextScaleTransformer(configuration, at: ParameterPath(parameters))
        try parameters.finish()
        var source = source
        // The decoder is as exact as the blocks, also where their file decides what they are kept in.
        source.precision = transformer.precision
        tokenizer = try Self.tokenizer(tokenizerConfiguration, from: tokenizerCheckpoint, source: source)
        classes = resolution.classNames(count: configuration.classes)
        description = resolution.descriptions.first ?? ModelDescription()
    }

    /// Loads a tokenizer alone.
    public static func tokenizer(_ source: ModelSource) throws -> VisualTokenizer {
        let checkpoint: Checkpoint
        if let path = source.tokenizer {
            checkpoint = try Checkpoint(path: path)
        } else {
            let model = try Checkpoint(path: source.model ?? ModelLocation.defaultModel())
            checkpoint = model.tokenizer == nil ? try tokenizerCheckpoint(source, beside: model) : model
        }
        let resolution = try ConfigurationResolution(source, beside: checkpoint)
        return try tokenizer(resolution.tokenizer(checkpoint, for: nil), from: checkpoint, source: source)
    }

    /// Loads a transformer alone.
    public static func transformer(_ source: ModelSource) throws -> NextScaleTransformer {
        let (configuration, parameters) = try parameters(ofTransformer: source)
        let transformer = try NextScaleTransformer(configuration, at: ParameterPath(parameters))
        try parameters.finish()
        return transformer
    }

    /// A transformer's configuration and parameters, for whoever builds it in another way: `finish()` comes after that.
    package static func parameters(
        ofTransformer source: ModelSource
    ) throws -> (configuration: TransformerConfiguration, parameters: LoadedParameters) {
        let checkpoint = try Checkpoint(path: source.model ?? ModelLocation.defaultModel())
        let resolution = try ConfigurationResolution(source, beside: checkpoint)
        return (try resolution.transformer(checkpoint), try parameters(ofTransformer: checkpoint, source: source))
    }

    private static func tokenizerCheckpoint(
        _ source: ModelSource, beside checkpoint: Checkpoint
    ) throws -> Checkpoint {
        if let path = source.tokenizer { return try Checkpoint(path: path) }
        if checkpoint.tokenizer != nil { return checkpoint }
        return try Checkpoint(path: ModelLocation.tokenizer(beside: checkpoint.path))
    }

    private static func parameters(
        ofTransformer checkpoint: Checkpoint, source: ModelSource
    ) throws -> LoadedParameters {
        LoadedParameters(
            try checkpoint.requireModel().tensors(), origin: checkpoint.path, device: source.device,
            precision: {
                NextScaleTransformer.precision(ofParameter: $0, blocks: source.precision, on: source.device)
            },
            ignoring: DerivedBuffers.contains)
    }

    private static func tokenizer(
        _ configuration: TokenizerConfiguration, from checkpoint: Checkpoint, source: ModelSource
    ) throws -> VisualTokenizer {
        let parameters = LoadedParameters(
            try checkpoint.requireTokenizer().tensors(), origin: checkpoint.path, device: source.device,
            precision: {
                // Whoever asks for a way to compute convolutions wants them exact.
                VisualTokenizer.precision(
                    ofParameter: $0, blocks: source.convolutions == nil ? source.precision : .float32,
                    on: source.device)
            },
            ignoring: DerivedBuffers.contains)
        let tokenizer = try VisualTokenizer(
            configuration, encoding: source.encoding, decoding: source.decoding, at: ParameterPath(parameters))
        try parameters.finish()
        return tokenizer
    }
}

extension TensorTable {
    /// All tensors by name, without a copy: they stay in the mapped file until they are used.
    package func tensors() throws -> [String: Tensor] {
        var tensors: [String: Tensor] = [:]
        for record in records where !DerivedBuffers.contains(record.name) { tensors[record.name] = try record.tensor() }
        return tensors
    }
}
