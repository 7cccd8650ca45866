import NeuralNetworks
import Testing
import Torch

@testable import Training

@Suite("AdamW")
struct OptimizerTests {
    private func parameter(_ values: [Float], shape: [Int]) throws -> Tensor {
        let tensor = try Tensor(values, shape: shape)
        try tensor.setRequiresGradient()
        return tensor
    }

    /// torch.optim.AdamW([w, b], lr=0.1, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.05 for w only), two steps with the
    /// gradients [0.5, -1] and [1, 1], torch 2.13, float64 arithmetic rounded.
    @Test("Two steps move a decayed matrix as PyTorch does")
    func matchesPyTorch() throws {
        let weight = try parameter([1, -2], shape: [1, 2])
        let optimizer = try AdamW([("weight", weight)])
        for gradient in [[Float(0.5), -1], [1, 1]] {
            try weight.setGradient(Tensor(gradient, shape: [1, 2]))
            try optimizer.step(learningRate: 0.1)
        }
        let values = try weight.array(of: Double.self)
        #expect(abs(values[0] - expected[0]) < 1e-6 && abs(values[1] - expected[1]) < 1e-6, "\(values)")
    }

    @Test("A gradient that lies in memory by columns moves the same numbers")
    func gradientInAnotherOrder() throws {
        var moved: [[Float]] = []
        for transposes in [false, true] {
            let weight = try parameter([1, 2, 3, 4, 5, 6], shape: [2, 3])
            let gradient = try Tensor([Float(1), -2, 3, -4, 5, 0], shape: [2, 3])
            try weight.setGradient(transposes ? gradient.transposed(0, 1).contiguous().transposed(0, 1) : gradient)
            try AdamW([("weight", weight)]).step(learningRate: 0.1)
            moved.append(try weight.array(of: Float.self))
        }
        #expect(moved[0] == moved[1])
        #expect(abs(moved[0][5] - 6 * (1 - 0.1 * 0.05)) < 1e-6)
    }

    private let expected = [0.794726416, -1.885813159]

    @Test("Vectors, biases and positions are not decayed")
    func exemptions() throws {
        let matrix = try Tensor.zeros([2, 2])
        #expect(AdamW.isDecayed("blocks.0.ffn.fc1.weight", matrix))
        #expect(AdamW.isDecayed("class_emb.weight", matrix))
        for name in ["pos_1LC", "pos_start", "lvl_embed.weight", "blocks.0.ada_gss", "blocks.0.attn.scale_mul_1H11"] {
            #expect(!AdamW.isDecayed(name, matrix))
        }
        #expect(!AdamW.isDecayed("norm.weight", try Tensor.zeros([2])))
    }

    @Test("A parameter without a gradient stays, and its step count too")
    func skipsWithoutGradient() throws {
        let (first, second) = (try parameter([1, 1], shape: [1, 2]), try parameter([1, 1], shape: [1, 2]))
        let optimizer = try AdamW([("first", first), ("second", second)])
        try first.setGradient(Tensor([Float(1), 1], shape: [1, 2]))
        try optimizer.step(learningRate: 0.1)
        #expect(optimizer.steps == [1, 0])
        #expect(try second.array(of: Float.self) == [1, 1])
        #expect(try first.array(of: Float.self) != [1, 1])
    }

    @Test("Gradients are scaled to the bound, and smaller ones are left alone")
    func clips() throws {
        let weight = try parameter([0, 0], shape: [2])
        try weight.setGradient(Tensor([Float(3), 4], shape: [2]))
        #expect(try clipGradients(of: [weight], to: 10) == 5)
        #expect(try weight.gradient?.array(of: Float.self) == [3, 4])
        #expect(try clipGradients(of: [weight], to: 1) == 5)
        let clipped = try #require(try weight.gradient?.array(of: Float.self))
        #expect(abs(clipped[0] - 0.6) < 1e-5 && abs(clipped[1] - 0.8) < 1e-5)
    }

    @Test("A largest norm of 0 leaves every gradient alone") func noClipping() throws {
        let parameters = TrainableParameters(FreshParameters(seed: 1))
        let weight = try (ParameterPath(parameters) / "weight").tensor(2, initial: .normal(standardDeviation: 1))
        let learner = try Learner(parameters, settings: .init(), clip: 0, averageDecay: 0)
        try (weight * 1e6).sum().backward()
        #expect(try learner.clippedGradients() > 1e6)
        #expect(try parameters.masters[0].tensor.gradient?.array(of: Float.self) == [1e6, 1e6])
    }
}
