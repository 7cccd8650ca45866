import Checkpoints
import Foundation
import ImageTokenizer
public import Models
public import NeuralNetworks
import ScaleTransformer
import TokenPyramid
public import Torch

/// Writes the networks of a checkpoint in another form.
public struct CheckpointConversion {
    /// What can be written.
    public enum Form: String, Codable, Hashable, Sendable, CaseIterable {
        /// A state dict for PyTorch, as VAR publishes its models; tokenizers too.
        case pytorchVAR = "var"
        /// A state dict under `mvar_wo_ddp`, as MVAR publishes its models.
        case pytorchMVAR = "mvar"
        /// One safetensors file.
        case safetensors
        /// A folder with `config.json`, `model.safetensors`, `tokenizer.safetensors`.
        case folder

        /// Whether it is a file for PyTorch.
        public var isPyTorch: Bool { self == .pytorchVAR || self == .pytorchMVAR }
    }

    /// One of the two networks.
    public enum Part: String, Codable, Hashable, Sendable, CaseIterable {
        /// The transformer.
        case model
        /// The tokenizer.
        case tokenizer
    }

    /// What was written.
    public struct Outcome: Codable, Hashable, Sendable {
        /// The form.
        public let form: Form
        /// The networks that are in it.
        public let parts: [Part]
        /// How many tensors were written, buffers included.
        public let tensors: Int
        /// What the reader of the new form should know.
        public let notes: [String]
    }

    /// What to convert.
    public var source: ModelSource
    /// The form; nil goes by the path's extension.
    public var form: Form?
    /// Which network goes into a file that holds one; nil for the only one, or the transformer.
    public var part: Part?
    /// The type of stored numbers; nil leaves it as it is.
    public var precision: Precision?

    /// A conversion of the checkpoint that ``ModelSource/model`` names.
    public init(_ source: ModelSource, to form: Form? = nil, part: Part? = nil, precision: Precision? = nil) {
        self.source = source
        self.form = form
        self.part = part
        self.precision = precision
    }

    /// Converts.
    ///
    /// - Parameter path: Where the file or folder will be; what it lies in must exist.
    /// - Returns: What was written.
    /// - Throws: ``Checkpoints/CheckpointError`` or ``ModelError`` where the source cannot be read,
    ///   ``ConversionError`` where it holds not what was asked for, `FileOutputError` where nothing can be written.
    public func write(to path: String) throws -> Outcome {
        let input = try Networks(source)
        let form = try self.form ?? Self.form(of: path, for: input)
        if form == .folder { return try writeFolder(input, to: path) }
        let part = self.part ?? (input.model == nil ? .tokenizer : .model)
        switch part {
        case .model:
            guard let model = input.model else { throw ConversionError.absentPart(.model, file: input.path) }
            return try write(model, as: form, to: path, beside: input)
        case .tokenizer:
            guard let tokenizer = input.tokenizer else {
                throw ConversionError.absentPart(.tokenizer, file: input.path)
            }
            return try write(tokenizer, as: form, to: path)
        }
    }

    /// The form that a path's extension asks for.
    private static func form(of path: String, for input: Networks) throws(ConversionError) -> Form {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        let ending = name.lastIndex(of: ".").map { String(name[name.index(after: $0)...]).lowercased() }
        switch ending {
        case "pth", "pt": return input.isVAR || input.model == nil ? .pytorchVAR : .pytorchMVAR
        case "safetensors": return .safetensors
        case nil: return .folder
        case .some(let ending): throw .unknownExtension(ending, path: path)
        }
    }

    // MARK: Forms

    private func write(
        _ model: Networks.Model, as form: Form, to path: String, beside input: Networks
    ) throws -> Outcome {
        var tensors = try converted(model.table, .model)
        if form.isPyTorch, let matrix = tensors.first(where: { !$0.tensor.dtype.isFloatingPoint }) {
            throw ConversionError.wholeNumbers(matrix.name, matrix.tensor.dtype)
        }
        var notes: [String] = []
        guard form.isPyTorch else {
            let description = description(input, model: model.configuration, tokenizer: nil)
            try Safetensors.write(tensors, metadata: try metadata(description, for: path), to: path)
            return Outcome(form: form, parts: [.model], tensors: tensors.count, notes: notes)
        }
        tensors += try PyTorchBuffers.tensors(
            of: model.configuration, isBlockDiagonal: form == .pytorchMVAR,
            dtype: tensors.first?.tensor.dtype ?? .float32)
        let state = PicklableValue.stateDict(tensors)
        try PyTorchArchive.write(form == .pytorchMVAR ? .fields([("mvar_wo_ddp", state)]) : state, to: path)
        let usual: AttentionPattern = form == .pytorchMVAR ? .spatial(kernel: 7) : .full
        if model.configuration.pattern != usual {
            notes.append(
                "This form cannot say the attention pattern, and \(usual) will be assumed: give "
                    + "--attention \(model.configuration.pattern), or keep a config.json beside the file.")
        }
        if !model.configuration.normalizesQueriesAndKeys {
            notes.append("This form cannot say the number of heads: give --heads \(model.configuration.heads).")
        }
        return Outcome(form: form, parts: [.model], tensors: tensors.count, notes: notes)
    }

    private func write(_ tokenizer: Networks.Tokenizer, as form: Form, to path: String) throws -> Outcome {
        var tensors = try converted(tokenizer.table, .tokenizer)
        if form.isPyTorch {
            tensors.append(try PyTorchBuffers.codeUse(of: tokenizer.configuration, recorded: tokenizer.table))
            try PyTorchArchive.write(.stateDict(tensors), to: path)
        } else {
            let description = description(nil, model: nil, tokenizer: tokenizer.configuration)
            try Safetensors.write(tensors, metadata: try metadata(description, for: path), to: path)
        }
        // Nobody wraps a tokenizer: both of the forms for PyTorch are the same.
        return Outcome(
            form: form.isPyTorch ? .pytorchVAR : form, parts: [.tokenizer], tensors: tensors.count, notes: [])
    }

    private func writeFolder(_ input: Networks, to path: String) throws -> Outcome {
        let model = part == .tokenizer ? nil : input.model
        let tokenizer = part == .model ? nil : input.tokenizer
        guard model != nil || tokenizer != nil else {
            throw ConversionError.absentPart(part ?? .model, file: input.path)
        }
        let tensors = (
            model: try model.map { try converted($0.table, .model) },
            tokenizer: try tokenizer.map { try converted($0.table, .tokenizer) }
        )
        try ModelFolder(path: path).write(
            description(input, model: model?.configuration, tokenizer: tokenizer?.configuration),
            model: tensors.model, tokenizer: tensors.tokenizer)
        var notes: [String] = []
        if model != nil, tokenizer == nil {
            notes.append("The folder has no tokenizer, which makes pictures of tokens: name one with --tokenizer.")
        }
        return Outcome(
            form: .folder, parts: (model == nil ? [] : [.model]) + (tokenizer == nil ? [] : [.tokenizer]),
            tensors: (tensors.model?.count ?? 0) + (tensors.tokenizer?.count ?? 0), notes: notes)
    }

    // MARK: Contents

    /// All tensors but buffers, in the order of the file; the scales of a matrix follow it.
    private func converted(_ table: TensorTable, _ part: Part) throws -> [(name: String, tensor: Tensor)] {
        let records = table.records.filter { !DerivedBuffers.contains($0.name) }
        let scales = LoadedParameters.scalesNames(among: records.map { ($0.name, $0.dtype) })
        return try records.filter { !scales.contains($0.name) }.flatMap { record in
            try converted(record, scales: table[LoadedParameters.scalesName(of: record.name)], part)
        }
    }

    /// One tensor, and its scales if it gets or keeps such.
    private func converted(
        _ record: TensorRecord, scales: TensorRecord?, _ part: Part
    ) throws -> [(name: String, tensor: Tensor)] {
        let tensor = try record.tensor()
        var matrix = Matrix(tensor)
        if let scales, Precision(tensor.dtype)?.isInteger == true {
            matrix = Matrix(tensor, scales: try scales.tensor())
        } else if !tensor.dtype.isFloatingPoint {
            return [(record.name, tensor)]
        }
        if let precision, precision.dtype != tensor.dtype {
            if !precision.isInteger {
                matrix = Matrix(try matrix.widened().converted(to: precision.dtype))
            } else if part == .model, NextScaleTransformer.isMatrixOfBlocks(record.name) {
                matrix = try Matrix(rounding: matrix.widened(), to: precision)
                if let scales = matrix.scales, try !scales.maximum().item().isFinite {
                    throw ConversionError.notFinite(record.name, precision)
                }
            }
        }
        return [(record.name, matrix.values)]
            + (matrix.scales.map { [(LoadedParameters.scalesName(of: record.name), $0)] } ?? [])
    }

    private func metadata(_ description: ModelDescription, for path: String) throws -> [String: String] {
        ["format": "pt", "config": String(decoding: try description.json(for: path), as: UTF8.self)]
    }

    /// What the source said of itself, completed by what its tensors say.
    private func description(
        _ input: Networks?, model: TransformerConfiguration?, tokenizer: TokenizerConfiguration?
    ) -> ModelDescription {
        var description = input?.description ?? ModelDescription()
        if let model {
            description.checkpointForm = input?.isVAR == true ? "var" : "mvar"
            description.describe(model)
        }
        if let tokenizer {
            description.describe(tokenizer)
        }
        return description
    }
}

/// Why a checkpoint cannot be converted as asked.
public enum ConversionError: Error, Hashable, Sendable, CustomStringConvertible {
    case unknownExtension(String, path: String)
    case absentPart(CheckpointConversion.Part, file: String)
    case wholeNumbers(String, DType)
    case notFinite(String, Precision)

    /// What is wrong and what to do, on one line.
    public var description: String {
        switch self {
        case .unknownExtension(let found, let path):
            "'.\(found)' of '\(path)' names no form: use .pth (PyTorch), .safetensors, or no extension for a folder; "
                + "or say --to var, mvar, safetensors or folder."
        case .wholeNumbers(let tensor, let type):
            "PyTorch's models have no weights of \(type.name) as '\(tensor)' would be: convert to safetensors or a folder, or "
                + "give --precision float32."
        case .notFinite(let tensor, let precision):
            "'\(tensor)' holds values that are no finite numbers, which \(precision.rawValue) cannot hold: the file is damaged, fetch it "
                + "again."
        case .absentPart(let part, let file):
            "'\(file)' holds no \(part.rawValue): name a file that does"
                + (part == .tokenizer ? ", with --tokenizer." : ".")
        }
    }
}
