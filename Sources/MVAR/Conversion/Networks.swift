import Checkpoints
import Foundation
import ImageTokenizer
import Models
import ScaleTransformer

/// The networks that a source holds, as tables of tensors with the shapes they make.
struct Networks {
    struct Model {
        let table: TensorTable
        let configuration: TransformerConfiguration
    }

    struct Tokenizer {
        let table: TensorTable
        let configuration: TokenizerConfiguration
    }

    let path: String
    let form: CheckpointForm
    let model: Model?
    let tokenizer: Tokenizer?
    /// What the files say of themselves.
    let description: ModelDescription?
    let isVAR: Bool
    let classes: ClassNames?

    /// Opens the model that a source names, and the tokenizer in it, named with it, or beside it. Either may be absent.
    ///
    /// Every tensor is checked against the shape, so that a damaged checkpoint is not passed on.
    init(_ source: ModelSource) throws {
        path = try source.model ?? ModelLocation.defaultModel()
        let checkpoint = try Checkpoint(path: path)
        let resolution = try ConfigurationResolution(source, beside: checkpoint)
        form = checkpoint.form
        description = resolution.descriptions.first
        isVAR = resolution.isVAR(checkpoint)
        if let table = checkpoint.model {
            let configuration = try resolution.transformer(checkpoint)
            try LoadedModel.checkTransformer(source, checkpoint: checkpoint)
            model = Model(table: table, configuration: configuration)
            classes = resolution.classNames(count: configuration.classes)
        } else {
            model = nil
            classes = nil
        }
        guard let file = try Self.tokenizerCheckpoint(source, beside: checkpoint), let table = file.tokenizer else {
            tokenizer = nil
            return
        }
        let configuration = try ConfigurationResolution(source, beside: file).tokenizer(file, for: model?.configuration)
        tokenizer = Tokenizer(table: table, configuration: configuration)
        var only = source
        only.tokenizer = file.path
        _ = try LoadedModel.tokenizer(only)
    }

    private static func tokenizerCheckpoint(
        _ source: ModelSource, beside checkpoint: Checkpoint
    ) throws -> Checkpoint? {
        if let path = source.tokenizer { return try Checkpoint(path: path) }
        if checkpoint.tokenizer != nil { return checkpoint }
        do {
            return try Checkpoint(path: ModelLocation.tokenizer(beside: checkpoint.path))
        } catch ModelError.noTokenizer {
            return nil
        }
    }
}

extension LoadedModel {
    /// Throws unless the tensors make the transformer.
    fileprivate static func checkTransformer(_ source: ModelSource, checkpoint: Checkpoint) throws {
        var source = source
        source.model = checkpoint.path
        // As it is stored: nothing is computed with it, and a large model would be copied for nothing. float32 leaves whole
        // numbers alone.
        let stored = try checkpoint.requireModel().records.compactMap { Precision($0.dtype) }
        source.precision = stored.contains(where: \.isInteger) ? .float32 : stored.first ?? source.precision
        _ = try transformer(source)
    }
}
