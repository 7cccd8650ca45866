import Checkpoints
public import Models

extension LoadedModel {
    /// The names of a model's classes, without loading it.
    ///
    /// - Parameter source: The files; without any, those of the default model.
    /// - Returns: WordNet's names for 1,000 classes, else the model's own.
    /// - Throws: ``Checkpoints/CheckpointError`` or ``ModelError`` where the files cannot be read.
    public static func classes(_ source: ModelSource) throws -> ClassNames {
        let checkpoint = try Checkpoint(path: source.model ?? ModelLocation.defaultModel())
        let resolution = try ConfigurationResolution(source, beside: checkpoint)
        return resolution.classNames(count: try checkpoint.modelShape().classes)
    }
}
