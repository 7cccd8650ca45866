import Checkpoints
import NeuralNetworks
import ScaleTransformer
import TestSupport
import Testing
import TokenPyramid
import Torch

@testable import Training

@Suite("Beginning with a model")
struct StartingModelTests {
    private let start: StartingModel
    private let fresh = FreshParameters(seed: 3)

    init() throws { start = try StartingModel(Fixture.path("mini64/model.pth")) }

    /// The parameters of a run with so many classes.
    private func parameters(classes: Int) throws -> [String: Tensor] {
        let configuration = start.configuration(classes: classes, pattern: .scale)
        let source = try start.parameters(for: configuration, otherwise: fresh)
        let trainable = TrainableParameters(source)
        _ = try NextScaleTransformer(configuration, at: ParameterPath(trainable))
        try source.finish()
        return Dictionary(trainable.masters.map { ($0.name, $0.tensor) }, uniquingKeysWith: { first, _ in first })
    }

    private func stored(_ name: String) throws -> [Float] {
        let checkpoint = try Checkpoint(path: Fixture.path("mini64/model.pth"))
        let record = try #require(try checkpoint.requireModel()[name])
        return try record.tensor().converted(to: .float32).array(of: Float.self)
    }

    @Test("All weights are the file's, and the pattern is the run's whatever mask the file holds")
    func sameClasses() throws {
        let found = try parameters(classes: start.configuration.classes)
        #expect(start.configuration(classes: 3, pattern: .full).pattern == .full)
        #expect(found["attn_bias_for_masking"] == nil)
        for name in ["class_emb.weight", "head.weight", "blocks.1.ffn.fc1.weight"] {
            let tensor = try #require(found[name])
            #expect(try tensor.array(of: Float.self) == stored(name))
        }
    }

    @Test("With another number of classes only their vectors are new")
    func otherClasses() throws {
        let found = try parameters(classes: 3)
        let vectors = try #require(found["class_emb.weight"])
        #expect(vectors.shape == [4, start.configuration.width])
        #expect(try vectors.array(of: Float.self) == fresh.parameters[0].tensor.array(of: Float.self))
        let word = try #require(found["word_embed.weight"])
        #expect(try word.array(of: Float.self) == stored("word_embed.weight"))
    }

    @Test("A file that is no transformer is an error before anything is read")
    func noTransformer() {
        #expect(throws: CheckpointError.self) { try StartingModel(Fixture.path("mini64/tokenizer.pth")) }
        #expect(throws: CheckpointError.self) { try StartingModel(Fixture.path("mini64/absent.pth")) }
    }
}
