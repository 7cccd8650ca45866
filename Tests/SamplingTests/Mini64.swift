import Checkpoints
import Foundation
import ImageTokenizer
import NeuralNetworks
import Sampling
import ScaleTransformer
import TokenPyramid
import Torch

/// The fixture mini64: a random model of two blocks for pictures of 64 pixels, and what the public code made of it.
struct Mini64 {
    let transformer: NextScaleTransformer
    let tokenizer: VisualTokenizer
    var quantizer: MultiScaleQuantizer { tokenizer.quantizer }

    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures").path

    /// Parameters with which this model's draws are far from certain.
    static let lively = SamplingParameters(guidance: 1.5, topK: 40, topP: 0.95, temperature: 2)

    init(_ pattern: AttentionPattern = .spatial(kernel: 7)) throws {
        let configuration = TransformerConfiguration(
            depth: 2, width: 64, heads: 1, classes: 4, vocabularySize: 64, latentChannels: 8, pattern: pattern)
        transformer = try Self.load("model.pth") { try NextScaleTransformer(configuration, at: $0) }
        let shape = TokenizerConfiguration(channels: 32, multipliers: [1, 1, 1], latentChannels: 8, vocabularySize: 64)
        tokenizer = try Self.load("tokenizer.pth") { try VisualTokenizer(shape, at: $0) }
    }

    private static func load<Network>(_ file: String, _ make: (ParameterPath) throws -> Network) throws -> Network {
        let checkpoint = try Checkpoint(path: folder + "/mini64/" + file)
        let table = try checkpoint.model ?? checkpoint.requireTokenizer()
        var tensors: [String: Tensor] = [:]
        for record in table.records { tensors[record.name] = try record.tensor() }
        let parameters = LoadedParameters(tensors, origin: file, ignoring: DerivedBuffers.contains)
        let network = try make(ParameterPath(parameters))
        try parameters.finish()
        return network
    }

    func generation(_ request: GenerationRequest) throws -> ImageGeneration {
        try ImageGeneration(request, transformer: transformer, quantizer: quantizer)
    }

    /// Runs a generation to its end.
    func finished(_ request: GenerationRequest) throws -> ImageGeneration {
        let generation = try generation(request)
        while try generation.advance() != nil {}
        return generation
    }

    /// Latent and pictures of one run, `[B]` each, as exact values.
    func result(_ request: GenerationRequest) throws -> [GeneratedPicture] {
        let generation = try finished(request)
        let pictures = try tokenizer.pictures(of: generation.latent)
        return try (0..<request.count).map {
            GeneratedPicture(
                tokens: try generation.tokens[$0], pixels: try pictures.selected(axis: 0, $0).array(of: Float.self))
        }
    }

    /// The golden tensors, read as they are asked for.
    static func golden(_ name: String, file: String = "mini64/golden.safetensors") throws -> Tensor {
        let table = try Safetensors(path: folder + "/" + file).tensors
        guard let record = table[name] else { throw MissingTensor(name: name) }
        return try record.tensor()
    }

    struct MissingTensor: Error { let name: String }
}

struct GeneratedPicture: Equatable {
    let tokens: [Int32]
    let pixels: [Float]
}

extension Tensor {
    /// The rows of a table of tokens.
    func tokenRows() throws -> [[Int32]] {
        let values = try array(of: Int32.self)
        let count = shape[1]
        return (0..<shape[0]).map { Array(values[$0 * count..<($0 + 1) * count]) }
    }

    /// max|a - b|.
    func largestDifference(from other: Tensor) throws -> Double {
        try (self - other).magnitude().maximum().item()
    }
}
