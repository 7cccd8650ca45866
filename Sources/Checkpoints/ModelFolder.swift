import FileOutput
import Foundation
public import Torch

/// A model in our own form: a folder of `config.json`, `model.safetensors` and `tokenizer.safetensors`, with the tensor
/// names of the official checkpoints.
public struct ModelFolder: Sendable {
    /// The name of the configuration in the folder.
    public static let configurationName = "config.json"
    /// The name of the transformer's tensors in the folder.
    public static let modelName = "model.safetensors"
    /// The name of the tokenizer's tensors in the folder.
    public static let tokenizerName = "tokenizer.safetensors"

    /// The folder.
    public let path: String

    /// The path of the configuration.
    public var configurationPath: String { path + "/" + Self.configurationName }
    /// The path of the transformer's tensors.
    public var modelPath: String { path + "/" + Self.modelName }
    /// The path of the tokenizer's tensors.
    public var tokenizerPath: String { path + "/" + Self.tokenizerName }

    /// A folder, which need not exist yet.
    ///
    /// - Parameter path: The path of the folder.
    public init(path: String) {
        self.path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    }

    /// Whether a folder is at the path.
    static func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    }

    /// The description in the folder that holds a file, for a `.pth` with a `config.json` beside it.
    ///
    /// - Parameter path: The path of a checkpoint.
    /// - Returns: The description; nil where there is no `config.json`.
    /// - Throws: ``CheckpointError`` where there is one and it is not valid.
    public static func description(beside path: String) throws(CheckpointError) -> ModelDescription? {
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        return try description(in: folder.isEmpty ? "/" : folder)
    }

    private static func description(in folder: String) throws(CheckpointError) -> ModelDescription? {
        let configuration = ModelFolder(path: folder).configurationPath
        guard FileManager.default.fileExists(atPath: configuration) else { return nil }
        return try ModelDescription(path: configuration)
    }

    /// Opens what the folder holds. A transformer without a tokenizer, or the other way round, is no error here.
    func checkpoint() throws(CheckpointError) -> Checkpoint {
        func tensors(_ path: String) throws(CheckpointError) -> Safetensors? {
            FileManager.default.fileExists(atPath: path) ? try Safetensors(path: path) : nil
        }
        let model = try tensors(modelPath)
        let tokenizer = try tensors(tokenizerPath)
        guard model != nil || tokenizer != nil else {
            let found = (try? FileManager.default.contentsOfDirectory(atPath: path).sorted()) ?? []
            throw CheckpointError(
                file: path, .partMissing(part: "\(Self.modelName) or \(Self.tokenizerName)", found: found))
        }
        return Checkpoint(
            path: path, form: .modelFolder, model: model?.tensors, tokenizer: tokenizer?.tensors,
            metadata: model?.metadata ?? tokenizer?.metadata ?? [:], description: try Self.description(in: path))
    }

    /// Writes a model folder, and makes it if its parent exists.
    ///
    /// The files get their names one right after the other when all are whole: what ends the work earlier leaves a
    /// folder that was there as it was, and never the weights of two models in one.
    ///
    /// - Parameters:
    ///   - description: What `config.json` will say.
    ///   - model: The transformer's tensors; nil for none.
    ///   - tokenizer: The tokenizer's tensors; nil for none.
    /// - Throws: ``CheckpointError``, `FileOutputError` or ``TorchError`` where a file cannot be written.
    public func write(
        _ description: ModelDescription, model: [(name: String, tensor: Tensor)]?,
        tokenizer: [(name: String, tensor: Tensor)]?
    ) throws {
        let configuration = try description.json(for: configurationPath)
        let folder: NewFolder?
        do {
            folder = Self.isFolder(path) ? nil : try NewFolder(path: path)
        } catch {
            throw CheckpointError(
                file: path, .unwritable("the folder cannot be made; its parent must exist and be writable"))
        }
        do {
            try write(configuration, model: model, tokenizer: tokenizer)
        } catch {
            folder?.remove()
            throw error
        }
        folder?.keep()
    }

    private func write(
        _ configuration: [UInt8], model: [(name: String, tensor: Tensor)]?,
        tokenizer: [(name: String, tensor: Tensor)]?
    ) throws {
        for (tensors, path) in [(tokenizer, tokenizerPath), (model, modelPath)] where tensors == nil {
            guard !FileManager.default.fileExists(atPath: path) else {
                throw CheckpointError(
                    file: path,
                    .unwritable(
                        "it would stay beside networks that it may not belong to; remove it, or name another folder"))
            }
        }
        var files: [AtomicFile] = []
        for (tensors, path) in [(tokenizer, tokenizerPath), (model, modelPath)] {
            guard let tensors else { continue }
            let file = try AtomicFile(path: path)
            try Safetensors.append(tensors, to: file)
            files.append(file)
        }
        let file = try AtomicFile(path: configurationPath)
        try file.append(configuration)
        files.append(file)
        // The disk takes seconds for what a name takes microseconds.
        for file in files { try file.synchronize() }
        for file in files { try file.commit(durably: false) }
    }
}
