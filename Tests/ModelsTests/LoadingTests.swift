import Checkpoints
import Foundation
import ImageTokenizer
import NeuralNetworks
import ScaleTransformer
import TestSupport
import Testing
import TokenPyramid
import Torch

@testable import Models

@Suite("Models from files") struct LoadingTests {
    private func mini64() -> ModelSource { ModelSource(model: Fixture.path("mini64/model.pth")) }

    @Test("A checkpoint in MVAR's form attends in windows, and finds the tokenizer beside it")
    func mvarForm() throws {
        let model = try LoadedModel(mini64())
        #expect(model.form == .mvarModel)
        #expect(!model.isVAR)
        let configuration = model.transformer.configuration
        #expect(configuration.pattern == .spatial(kernel: 7))
        #expect(configuration.firstSpatialScale == 8)
        #expect(configuration.schedule == .published256)
        #expect(configuration.classes == 4)
        #expect(model.files[1].hasSuffix("mini64/tokenizer.pth"))
    }

    @Test("The decoder is as exact as the blocks, the encoder always in float32; what the caller says wins")
    func convolutions() {
        var source = mini64()
        let decoding: [Precision: ConvolutionPrecision] = [
            .float32: .float32, .float16: .float16, .int16: .float16, .bfloat16: .bfloat16, .int8: .bfloat16,
        ]
        for precision in Precision.allCases {
            source.precision = precision
            #expect(decoding[precision].map(ConvolutionAlgorithm.fast) == source.decoding, "\(precision)")
            #expect(source.encoding == .fast(.float32))
        }
        source.convolutions = .direct
        #expect(source.decoding == .direct)
        #expect(source.encoding == .direct)
    }

    @Test("What the caller says wins over the configuration")
    func precedence() throws {
        var source = mini64()
        source.window = 5
        source.firstSpatialScale = 9
        let configuration = try LoadedModel.transformer(source).configuration
        #expect(configuration.pattern == .spatial(kernel: 5))
        #expect(configuration.firstSpatialScale == 9)
        source.window = nil
        source.pattern = .window(2)
        #expect(try LoadedModel.transformer(source).configuration.pattern == .window(2))
    }

    @Test("Without a configuration the published schedule is taken for 680 tokens")
    func published() throws {
        try Fixture.withTemporaryFolder { folder in
            try Fixture.copy(
                ["mini64/model.pth": "model.pth", "mini64/tokenizer.pth": "vae_ch160v4096z32.pth"], to: folder)
            let model = try LoadedModel(ModelSource(model: folder.appendingPathComponent("model.pth").path))
            #expect(model.transformer.configuration.schedule == .published256)
            #expect(model.tokenizer.configuration.schedule == .published256)
        }
    }

    @Test("A schedule with another number of tokens is declined with both")
    func contradictorySchedule() throws {
        var source = mini64()
        source.schedule = try ScaleSchedule([1, 2, 3])
        let error = try #require(throws: ModelError.self) { try LoadedModel(source) }
        #expect(error.description.contains("1,2,3") && error.description.contains("1,2,3,4,5,6,8,10,13,16"))
    }

    @Test("A window that would have no effect is declined", arguments: [AttentionPattern.full, .spatial(kernel: 7)])
    func unusedWindow(pattern: AttentionPattern) throws {
        var source = mini64()
        source.window = 5
        source.pattern = pattern
        let error = try #require(throws: ModelError.self) { try LoadedModel.transformer(source) }
        #expect(error.description.contains("--attention spatial-5"))
    }

    @Test("A schedule that contradicts the one in the tensors is declined, although it has as many tokens")
    func contradictoryRecord() throws {
        // 26 × 26 + 2 × 2 = 680 tokens as well.
        var source = mini64()
        source.schedule = try ScaleSchedule([2, 26])
        let error = try #require(throws: ModelError.self) { try LoadedModel.transformer(source) }
        #expect(error.description.contains("1,2,3,4,5,6,8,10,13,16"))
    }

    @Test("A number of heads that does not divide the width is declined", arguments: [0, 3, -1])
    func heads(count: Int) {
        var source = mini64()
        source.heads = count
        #expect(throws: ModelError.self) { try LoadedModel.transformer(source) }
    }

    @Test("A first spatial scale outside the schedule is declined", arguments: [-1, 11])
    func firstSpatialScale(scale: Int) {
        var source = mini64()
        source.firstSpatialScale = scale
        #expect(throws: ModelError.self) { try LoadedModel.transformer(source) }
    }

    @Test("Without a tokenizer the message says where it was looked for")
    func missingTokenizer() throws {
        try Fixture.withTemporaryFolder { folder in
            try Fixture.copy(["mini64/model.pth": "model.pth"], to: folder)
            let error = try #require(throws: ModelError.self) {
                try LoadedModel(ModelSource(model: folder.appendingPathComponent("model.pth").path))
            }
            #expect(error.description.contains("tokenizer.safetensors"))
            #expect(error.description.contains("--tokenizer"))
        }
    }

    @Test("A model that is given as the tokenizer is declined by what it holds")
    func swapped() {
        var source = mini64()
        source.tokenizer = source.model
        #expect(throws: CheckpointError.self) { try LoadedModel(source) }
    }

    @Test("A folder without a model, and a path that is absent, are errors")
    func absent() throws {
        #expect(throws: CheckpointError.self) { try LoadedModel(ModelSource(model: Fixture.path("mini64/none.pth"))) }
        try Fixture.withTemporaryFolder { folder in
            #expect(throws: CheckpointError.self) { try LoadedModel(ModelSource(model: folder.path)) }
        }
    }

    @Test(
        "A configuration beside the model that makes no sense is declined",
        arguments: [
            #"{"attention": "sideways"}"#, #"{"refine_step": 40}"#, #"{"kernel_size": 0}"#, "{", #"{"schedule": "x"}"#,
        ])
    func hostileConfiguration(json: String) throws {
        try Fixture.withTemporaryFolder { folder in
            try Fixture.copy(["mini64/model.pth": "model.pth", "mini64/tokenizer.pth": "tokenizer.pth"], to: folder)
            try json.write(to: folder.appendingPathComponent("config.json"), atomically: true, encoding: .utf8)
            #expect(throws: (any Error).self) {
                try LoadedModel(ModelSource(model: folder.appendingPathComponent("model.pth").path))
            }
        }
    }
}

/// Takes note of the names and shapes that a network asks for.
private final class Manifest: ParameterSource {
    var shapes: [String: [Int]] = [:]

    func parameter(_ name: String, shape: [Int], initial: InitialValue) throws(TorchError) -> Tensor {
        shapes[name] = shape
        return try Tensor.zeros(shape.map { _ in 1 }).expanded(shape)
    }
}

@Suite("Published checkpoints") struct PublishedNamesTests {
    private struct File: Decodable {
        struct Entry: Decodable { let shape: [Int] }
        let tensors: [String: Entry]
    }

    private func published(_ name: String) throws -> [String: [Int]] {
        let data = try Data(contentsOf: URL(fileURLWithPath: Fixture.path("names/\(name).json")))
        let tensors = try JSONDecoder().decode(File.self, from: data).tensors
        return tensors.filter { !DerivedBuffers.contains($0.key) }.mapValues(\.shape)
    }

    @Test(
        "A preset asks for exactly the tensors of the published model",
        arguments: [
            ("d16", "var_d16"), ("d16", "mvar_d16"), ("d20", "var_d20"), ("d24", "var_d24"), ("d30", "var_d30"),
            ("d36-s", "var_d36-s"),
        ])
    func transformer(preset: String, name: String) throws {
        let manifest = Manifest()
        _ = try NextScaleTransformer(#require(TransformerConfiguration.presets[preset]), at: ParameterPath(manifest))
        let expected = try published(name)
        #expect(manifest.shapes == expected)
    }

    @Test("The published tokenizer's configuration asks for exactly its tensors, 109 million parameters")
    func tokenizer() throws {
        let manifest = Manifest()
        _ = try VisualTokenizer(.published, at: ParameterPath(manifest))
        let expected = try published("vae_ch160v4096z32")
        #expect(manifest.shapes == expected)
        #expect(manifest.shapes.values.reduce(0) { $0 + $1.reduce(1, *) } == 108_948_355)
    }

    @Test(
        "A d16 has 310,283,520 parameters, a d36-s 2,353,893,904",
        arguments: [("d16", 310_283_520), ("d36-s", 2_353_893_904)])
    func counts(preset: String, expected: Int) throws {
        let manifest = Manifest()
        _ = try NextScaleTransformer(#require(TransformerConfiguration.presets[preset]), at: ParameterPath(manifest))
        #expect(manifest.shapes.values.reduce(0) { $0 + $1.reduce(1, *) } == expected)
    }
}
