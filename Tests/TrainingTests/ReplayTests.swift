import Checkpoints
import Foundation
import ImageTokenizer
import NeuralNetworks
import ScaleTransformer
import Testing
import TokenPyramid
import Torch

@testable import Training

/// What the public PyTorch code recorded (Tests/Fixtures/mini64, see its README).
@Suite("Recorded training steps")
struct ReplayTests {
    private let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fixtures/mini64").path

    private func tensors(_ table: TensorTable) throws -> [String: Tensor] {
        Dictionary(uniqueKeysWithValues: try table.records.map { ($0.name, try $0.tensor()) })
    }

    /// Losses within 2e-5, norms within 2e-5 relative, weights within 5e-6: looser bounds cannot see weight decay.
    @Test("Losses, gradient norms and final weights are PyTorch's", arguments: TrainingReplay.Course.allCases)
    func matchesPyTorch(course: TrainingReplay.Course) throws {
        let description = try ModelDescription(path: folder + "/config.json")
        let golden = try Safetensors(path: folder + "/golden.safetensors").tensors
        func recorded(_ name: String) throws -> Tensor {
            try #require(golden["train.\(course.rawValue).\(name)"]).tensor()
        }
        let schedule = try ScaleSchedule(#require(description.schedule))
        let vocabulary = try #require(description.vocabularySize)
        let channels = try #require(description.latentChannels)
        let tokenizer = try VisualTokenizer(
            TokenizerConfiguration(
                channels: #require(description.channels), multipliers: #require(description.channelMultipliers),
                latentChannels: channels, vocabularySize: vocabulary, schedule: schedule,
                sharedResidualConvolutions: #require(description.phiSharing)),
            at: ParameterPath(
                LoadedParameters(
                    tensors(Checkpoint(path: folder + "/tokenizer.pth").requireTokenizer()), origin: "tokenizer.pth")))
        let steps = try recorded("loss").count
        let replay = try TrainingReplay(
            course, steps: steps,
            configuration: TransformerConfiguration(
                depth: #require(description.depth), width: #require(description.width),
                heads: #require(description.heads), classes: #require(description.classes),
                vocabularySize: vocabulary, latentChannels: channels, schedule: schedule,
                firstSpatialScale: description.refineStep),
            from: LoadedParameters(
                tensors(Checkpoint(path: folder + "/model.pth").requireModel()), origin: "model.pth"),
            quantizer: tokenizer.quantizer, tokens: #require(golden["train.tokens"]).tensor(),
            labels: #require(golden["train.labels"]).tensor())
        for (step, loss) in try recorded("loss").array(of: Double.self).enumerated() {
            #expect(abs(replay.losses[step] - loss) < 2e-5)
        }
        for (step, norm) in try recorded("grad_norm").array(of: Double.self).enumerated() {
            #expect(abs(replay.gradientNorms[step] / norm - 1) < 2e-5)
        }
        for name in ["head.weight", "blocks.0.attn.mat_qkv.weight", "pos_start"] {
            let error = try (#require(replay.parameters[name]) - recorded(name)).magnitude().maximum().item()
            #expect(error < 5e-6, "\(name)")
        }
    }
}
