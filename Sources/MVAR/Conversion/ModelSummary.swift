public import Checkpoints
public import ImageTokenizer
public import Models
import NeuralNetworks
public import ScaleTransformer

/// What files hold, for `mvar inspect`. Codable, with the names of `config.json`.
public struct ModelSummary: Codable, Hashable, Sendable {
    /// A network's tensors.
    public struct Tensors: Codable, Hashable, Sendable {
        /// How many there are, without buffers.
        public let count: Int
        /// Numbers in them; scales of whole numbers are not counted.
        public let parameters: Int
        /// Bytes on the disk.
        public let bytes: Int
        /// The types of their elements, the most frequent first.
        public let types: [String]

        enum CodingKeys: String, CodingKey {
            case count = "tensors"
            case parameters, bytes, types
        }

        init(_ table: TensorTable) {
            let records = table.records.filter { !DerivedBuffers.contains($0.name) }
            count = records.count
            let scales = LoadedParameters.scalesNames(among: records.map { ($0.name, $0.dtype) })
            parameters = records.filter { !scales.contains($0.name) }.reduce(0) { $0 + $1.count }
            bytes = records.reduce(0) { $0 + $1.byteCount }
            let types = Dictionary(grouping: records, by: \.dtype.name).mapValues(\.count)
            self.types = types.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map(\.key)
        }
    }

    /// A transformer.
    public struct Model: Codable, Hashable, Sendable {
        /// Its shape.
        public let configuration: TransformerConfiguration
        /// Its tensors.
        public let tensors: Tensors
    }

    /// A tokenizer.
    public struct Tokenizer: Codable, Hashable, Sendable {
        /// Its shape.
        public let configuration: TokenizerConfiguration
        /// The side of its pictures in pixels.
        public let imageSide: Int
        /// Its tensors.
        public let tensors: Tensors

        enum CodingKeys: String, CodingKey {
            case configuration, tensors
            case imageSide = "image_size"
        }
    }

    /// The file or folder.
    public let path: String
    /// The form that it is in.
    public let form: CheckpointForm
    /// Its name for itself.
    public let name: String?
    /// The transformer.
    public let model: Model?
    /// The tokenizer, in it or beside it.
    public let tokenizer: Tokenizer?
    /// Number and name of each class, where there is a model.
    public let classes: [String]?

    /// Reads what a source's files say. Every tensor's name and shape is checked, as for computing with it.
    ///
    /// - Parameter source: The files; without any, those of the default model.
    /// - Throws: ``Checkpoints/CheckpointError``, ``ModelError`` or ``NeuralNetworks/ParameterError`` where they cannot be
    ///   used.
    public init(_ source: ModelSource) throws {
        let networks = try Networks(source)
        path = networks.path
        form = networks.form
        name = networks.description?.name
        model = networks.model.map { Model(configuration: $0.configuration, tensors: Tensors($0.table)) }
        tokenizer = networks.tokenizer.map {
            Tokenizer(
                configuration: $0.configuration, imageSide: $0.configuration.imageSide, tensors: Tensors($0.table))
        }
        classes = networks.classes.map { names in names.names.indices.map(names.label(of:)) }
    }
}
