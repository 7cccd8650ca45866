/// In which of the known forms a checkpoint is.
public enum CheckpointForm: String, Codable, Hashable, Sendable, CaseIterable {
    /// A transformer as VAR publishes it: a state dict.
    case varModel = "var"
    /// A transformer as MVAR publishes it: a state dict under `mvar_wo_ddp`.
    case mvarModel = "mvar"
    /// What MVAR's trainer saves: the transformer, the optimizer's state, the run's settings.
    case mvarTrainer = "mvar-trainer"
    /// What VAR's trainer saves: transformer, tokenizer, the optimizer's state, the run's settings.
    case varTrainer = "var-trainer"
    /// A tokenizer: a state dict.
    case tokenizer
    /// A safetensors file of a transformer or of a tokenizer.
    case safetensors
    /// A folder with `config.json`, `model.safetensors` and `tokenizer.safetensors`.
    case modelFolder = "folder"
}

/// The networks that a file holds, whatever its form.
public struct Checkpoint: Sendable {
    /// The file or folder.
    public let path: String

    /// What it was recognised as.
    public let form: CheckpointForm

    /// The transformer's tensors.
    public let model: TensorTable?

    /// The tokenizer's tensors.
    public let tokenizer: TensorTable?

    /// Texts that a safetensors file carries.
    public let metadata: [String: String]

    /// What the file's configuration says: a `config.json` in the folder, else safetensors' `config` text.
    public let description: ModelDescription?

    /// What a trainer's file holds beside the networks: the archive, and in it the dictionary
    /// `{"epoch", "iter", "trainer", "args"}`.
    package let training: TrainingState?

    /// The pickled part of a trainer's file.
    package struct TrainingState: Sendable {
        /// For ``PyTorchArchive/tensor(_:name:)``.
        package let archive: PyTorchArchive

        /// The epoch to go on with.
        package var epoch: Int? { archive.root["epoch"]?.integer }

        /// The settings of the networks that the trainer wrote.
        package var configuration: PickledTree? { archive.root["trainer"]?["config"] }

        /// The side lengths of the scales, as the trainer's settings have them.
        package var schedule: [Int]? { configuration?["patch_nums"]?.integers }

        /// PyTorch's `{"state": {index: {"step", "exp_avg", "exp_avg_sq"}}, "param_groups": […]}`.
        package var optimizer: PickledTree? {
            let trainer = archive.root["trainer"]
            return (trainer?["mvar_opt"] ?? trainer?["var_opt"])?["optimizer"]
        }
    }

    /// Opens a checkpoint of any form. The tensors stay on the disk until they are used.
    ///
    /// - Parameter path: A `.pth` or `.safetensors` file, or a folder in our form.
    /// - Throws: ``CheckpointError`` where it cannot be read, is damaged, or is in no known form.
    public init(path: String) throws(CheckpointError) {
        if ModelFolder.isFolder(path) {
            self = try ModelFolder(path: path).checkpoint()
            return
        }
        try self.init(try MappedFile(path: path))
    }

    package init(_ file: MappedFile) throws(CheckpointError) {
        switch try FileKind(of: file) {
        case .safetensors: try self.init(try Safetensors(file), path: file.path)
        case .zip: try self.init(try PyTorchArchive(file), path: file.path)
        }
    }

    init(
        path: String, form: CheckpointForm, model: TensorTable?, tokenizer: TensorTable?,
        metadata: [String: String] = [:],
        description: ModelDescription? = nil, training: TrainingState? = nil
    ) {
        self.path = path
        self.form = form
        self.model = model?.withoutWrapperPrefixes()
        self.tokenizer = tokenizer?.withoutWrapperPrefixes()
        self.metadata = metadata
        self.description = description
        self.training = training
    }

    /// The transformer's tensors.
    ///
    /// - Returns: Those of ``model``.
    /// - Throws: ``CheckpointError`` that says what the file holds instead.
    public func requireModel() throws(CheckpointError) -> TensorTable {
        guard let model else { throw partMissing("transformer", tokenizer) }
        return model
    }

    /// The tokenizer's tensors.
    ///
    /// - Returns: Those of ``tokenizer``.
    /// - Throws: ``CheckpointError`` that says what the file holds instead.
    public func requireTokenizer() throws(CheckpointError) -> TensorTable {
        guard let tokenizer else { throw partMissing("tokenizer", model) }
        return tokenizer
    }

    /// The transformer's shape, as far as its tensors say it.
    public func modelShape() throws(CheckpointError) -> ModelShape { try ModelShape(try requireModel(), file: path) }

    /// The tokenizer's shape, as far as its tensors say it.
    public func tokenizerShape() throws(CheckpointError) -> TokenizerShape {
        try TokenizerShape(try requireTokenizer(), file: path)
    }

    private func partMissing(_ part: String, _ other: TensorTable?) -> CheckpointError {
        let found = other.map { other in ["\(other.records.count) tensors such as \(listed(other.names, limit: 3))"] }
        return CheckpointError(file: path, .partMissing(part: part, found: found ?? []))
    }
}

extension Checkpoint {
    /// Which network a state dict belongs to, by the names that every one of them has.
    private enum Network {
        case transformer, tokenizer

        init?(_ table: TensorTable) {
            let table = table.withoutWrapperPrefixes()
            if table["word_embed.weight"] != nil || table["pos_start"] != nil
                || table["blocks.0.attn.mat_qkv.weight"] != nil
            {
                self = .transformer
            } else if table["quantize.embedding.weight"] != nil || table["encoder.conv_in.weight"] != nil {
                self = .tokenizer
            } else {
                return nil
            }
        }
    }

    private init(_ archive: PyTorchArchive, path: String) throws(CheckpointError) {
        let root = archive.root
        func part(_ tree: PickledTree?) throws(CheckpointError) -> TensorTable? {
            guard let tree, tree.isDictionary else { return nil }
            return try archive.stateDict(tree)
        }
        if let trainer = root["trainer"], trainer.isDictionary {
            let state = TrainingState(archive: archive)
            if let model = try part(trainer["mvar_wo_ddp"]) {
                self.init(
                    path: path, form: .mvarTrainer, model: model, tokenizer: try part(trainer["vae_local"]),
                    training: state)
                return
            }
            if let model = try part(trainer["var_wo_ddp"]) {
                self.init(
                    path: path, form: .varTrainer, model: model, tokenizer: try part(trainer["vae_local"]),
                    training: state)
                return
            }
            throw CheckpointError(file: path, .unknownForm(found: trainer.keys.map { "trainer." + $0 }))
        }
        if let model = try part(root["mvar_wo_ddp"]) {
            self.init(path: path, form: .mvarModel, model: model, tokenizer: nil)
            return
        }
        guard root.isDictionary, root.pairs?.contains(where: { $0.value.isTensor }) == true else {
            throw CheckpointError(file: path, .unknownForm(found: root.isDictionary ? root.keys : [root.value.kind]))
        }
        let table = try archive.stateDict(root)
        switch Network(table) {
        case .transformer: self.init(path: path, form: .varModel, model: table, tokenizer: nil)
        case .tokenizer: self.init(path: path, form: .tokenizer, model: nil, tokenizer: table)
        case nil: throw CheckpointError(file: path, .unknownForm(found: table.names))
        }
    }

    private init(_ file: Safetensors, path: String) throws(CheckpointError) {
        let description = try file.metadata["config"].map { (text) throws(CheckpointError) in
            try ModelDescription(json: Array(text.utf8), file: path)
        }
        switch Network(file.tensors) {
        case .transformer:
            self.init(
                path: path, form: .safetensors, model: file.tensors, tokenizer: nil, metadata: file.metadata,
                description: description)
        case .tokenizer:
            self.init(
                path: path, form: .safetensors, model: nil, tokenizer: file.tensors, metadata: file.metadata,
                description: description)
        case nil: throw CheckpointError(file: path, .unknownForm(found: file.tensors.names))
        }
    }
}
