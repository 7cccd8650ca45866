package import MVAR

/// A model of any shape with random weights, in files like those of a real one.
///
/// It is loaded as any other, so that what loading does to time and memory is measured too: pages that are mapped, and
/// let go again, do not count as the process's own until they are touched.
package final class RandomModel {
    private let transformer: TransformerConfiguration
    private let tokenizer: TokenizerConfiguration
    private let files: (transformer: UnnamedFile, tokenizer: UnnamedFile)

    /// What the weights are like.
    package enum Weights: Hashable, Sendable {
        /// A fresh model's: for time and memory.
        case fresh
        /// Such that every layer acts on the result: for what is computed.
        case acting
    }

    /// Writes the weights; a second and a half for a d16.
    package init(
        _ transformer: TransformerConfiguration, _ tokenizer: TokenizerConfiguration, weights: Weights = .fresh
    ) throws {
        self.transformer = transformer
        self.tokenizer = tokenizer
        files = (
            try Self.file(weights) { _ = try NextScaleTransformer(transformer, at: $0) },
            try Self.file(weights) { _ = try VisualTokenizer(tokenizer, at: $0) }
        )
    }

    /// The whole of it.
    package func load(precision: Precision, device: Device) throws -> LoadedModel {
        var source = ModelSource(model: files.transformer.path, tokenizer: files.tokenizer.path)
        source.schedule = transformer.schedule
        source.heads = transformer.heads
        source.pattern = transformer.pattern
        source.firstSpatialScale = transformer.firstSpatialScale
        source.precision = precision
        source.device = device
        return try LoadedModel(source)
    }

    /// The tokenizer of a shape, by itself.
    static func tokenizer(
        _ configuration: TokenizerConfiguration, decoding algorithms: [ConvolutionAlgorithm], device: Device
    ) throws -> [VisualTokenizer] {
        let file = try file(.fresh) { _ = try VisualTokenizer(configuration, at: $0) }
        let checkpoint = try Checkpoint(path: file.path)
        return try algorithms.map { algorithm in
            let parameters = LoadedParameters(
                try checkpoint.requireTokenizer().tensors(), origin: checkpoint.path, device: device)
            return try VisualTokenizer(configuration, decoding: algorithm, at: ParameterPath(parameters))
        }
    }

    /// A safetensors file with all parameters that building a network asks for.
    private static func file(
        _ weights: Weights, of build: (ParameterPath) throws -> Void
    ) throws -> UnnamedFile {
        let list = ParameterList(weights)
        try build(ParameterPath(list))
        var end = 0
        let fields = list.parameters.map { parameter in
            let begin = end
            end += 4 * parameter.count
            let shape = parameter.shape.map(String.init).joined(separator: ",")
            return "\"\(parameter.name)\":{\"dtype\":\"F32\",\"shape\":[\(shape)],\"data_offsets\":[\(begin),\(end)]}"
        }
        var header = Array(("{" + fields.joined(separator: ",") + "}").utf8)
        header += [UInt8](repeating: UInt8(ascii: " "), count: (8 - header.count % 8) % 8)
        let file = try UnnamedFile()
        try withUnsafeBytes(of: UInt64(header.count).littleEndian) { try file.append($0) }
        try header.withUnsafeBytes { try file.append($0) }
        var numbers = RandomNumbers(upTo: list.parameters.reduce(1) { max($0, $1.count) })
        for (index, parameter) in list.parameters.enumerated() {
            try append(parameter.initial, parameter.count, &numbers, from: index, to: file)
        }
        return file
    }

    private static func append(
        _ value: InitialValue, _ count: Int, _ numbers: inout RandomNumbers, from index: Int, to file: UnnamedFile
    ) throws {
        if case .consecutive(let parts) = value {
            for part in parts { try append(part.value, part.count, &numbers, from: index, to: file) }
            return
        }
        try numbers.sequence(value).withContiguousBytes { bytes in
            var rest = 4 * count
            // Each parameter begins elsewhere: blocks of equal weights would not be like a model's.
            var begin = 4 * (index * 7919 % (bytes.count / 4))
            while rest > 0 {
                let next = min(rest, bytes.count - begin)
                try file.append(UnsafeRawBufferPointer(rebasing: bytes[begin..<begin + next]))
                rest -= next
                begin = 0
            }
        }
    }
}

/// Notes what a network asks for, and gives it tensors that take no memory.
private final class ParameterList: ParameterSource {
    private(set) var parameters: [(name: String, shape: [Int], initial: InitialValue, count: Int)] = []
    private let weights: RandomModel.Weights

    init(_ weights: RandomModel.Weights) { self.weights = weights }

    func parameter(_ name: String, shape: [Int], initial: InitialValue) throws(TorchError) -> Tensor {
        let value = weights == .fresh ? initial : ActingWeights.value(name, shape: shape, initial: initial)
        parameters.append((name, shape, value, shape.reduce(1, *)))
        return try Tensor.zeros(shape.map { _ in 1 }).expanded(shape)
    }
}
