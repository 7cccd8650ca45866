import Checkpoints
import NeuralNetworks
import TestSupport
import Testing
import Torch

@testable import Training

@Suite("The discriminator")
struct AdversaryTests {
    private let pictures: Tensor
    private let reconstructions: Tensor

    init() throws {
        pictures = try LossFixture.pictures()
        reconstructions = try LossFixture.reconstructions()
    }

    private func adversary(bfloat16: Bool = false) throws -> Adversary {
        let settings = DiscriminatorSettings(channels: 32, layers: 2, weight: 0.5, start: 3)
        let run = try TokenizerTrainingTests.settings(steps: 1) {
            $0.precision = bfloat16 ? .bfloat16 : .float32
            $0.clip = 1e6
        }
        return try Adversary(settings, of: run)
    }

    /// One with the weights of `scripts/fixtures/make_losses.py`.
    private func knownAdversary() throws -> Adversary {
        let adversary = try adversary()
        for (index, (name, master)) in adversary.learner.parameters.masters.enumerated() {
            let values = try LossFixture.wave(
                master.shape, master.rank > 1 ? 0.05 : 0.1, 0.7, Double(index),
                middle: name.hasSuffix("norm.weight") ? 1 : 0)
            try withoutGradients { try master.assign(values) }
        }
        return adversary
    }

    @Test("Judgements, hinge loss and both gradients are PyTorch's") func parity() throws {
        let golden = try Safetensors(path: Fixture.path("losses/golden.safetensors")).tensors
        func check(_ found: Tensor, _ name: String) throws {
            let expected = try #require(golden[name]).tensor()
            #expect(found.shape == expected.shape)
            let largest = try expected.magnitude().maximum().item()
            let error = try withoutGradients { try (found - expected).magnitude().maximum().item() } / largest
            // Sums of 1024 products in float32; a wrong normalisation or slope is off by percents.
            #expect(error < 2e-5, "\(name): \(error)")
        }
        let adversary = try knownAdversary()
        try check(adversary.judgement(of: pictures), "discriminator.real")
        try check(adversary.judgement(of: reconstructions), "discriminator.reconstructed")
        let loss = try adversary.loss(real: pictures, reconstructed: reconstructions)
        try check(loss, "discriminator.loss")
        try loss.backward()
        try check(Tensor([adversary.learner.clippedGradients()], shape: []), "discriminator.gradient_norm")
        let pressure = try adversary.pressure(on: reconstructions)
        try check(Tensor([pressure.loss], shape: []), "adversarial.loss")
        try check(pressure.gradient, "adversarial.gradient")
    }

    @Test("Its weight is the ratio of the gradients at the last layer, which it leaves alone, times the share")
    func adaptiveWeight() throws {
        let adversary = try adversary()
        let layer = try LossFixture.wave([3, 4, 1, 1], 0.3, 0.9, 0)
        try layer.setRequiresGradient()
        let images = try LossFixture.wave([2, 4, 16, 16], 1, 0.3, 0).convolved(weight: layer, bias: nil)
        let (error, pressure) = (try LossFixture.pictures() * 0.01, try LossFixture.reconstructions())
        let weight = try adversary.weight(at: images, layer: layer, error: error, pressure: pressure)
        #expect(layer.gradient == nil)

        func pull(_ gradient: Tensor) throws -> Double {
            try layer.setGradient(nil)
            try LossFixture.wave([2, 4, 16, 16], 1, 0.3, 0).convolved(weight: layer, bias: nil).backward(gradient)
            return try #require(layer.gradient).norm().item()
        }
        let expected = try 0.5 * pull(error) / (pull(pressure) + 1e-4)
        #expect(abs(weight / expected - 1) < 1e-6)

        // Where the discriminator says nothing its weight stays within bounds, and what is no number stays seen.
        let silent = try adversary.weight(
            at: images, layer: layer, error: error * 1e6, pressure: pressure.zerosLike())
        #expect(silent == 0.5 * 1e4)
        let broken = try adversary.weight(
            at: images, layer: layer, error: error, pressure: Tensor.full(pressure.shape, .nan))
        #expect(broken.isNaN)
    }

    @Test("It learns to tell reconstructions from pictures", arguments: [false, true])
    func learns(bfloat16: Bool) throws {
        let adversary = try adversary(bfloat16: bfloat16)
        var losses: [Double] = []
        for step in 0..<20 {
            try adversary.learner.parameters.dropGradients()
            let loss = try adversary.loss(real: pictures, reconstructed: reconstructions)
            try loss.backward()
            _ = try adversary.learner.clippedGradients()
            losses.append(try loss.detached().item())
            try adversary.move(step: step, share: 1)
        }
        // Knowing nothing costs 1.
        #expect(abs(losses[0] - 1) < 0.2, "\(losses)")
        #expect(losses[19] < 0.5 * losses[0], "\(losses)")
    }

    @Test("It takes part from its step on") func start() throws {
        let adversary = try adversary()
        #expect(!adversary.takesPart(in: 2))
        #expect(adversary.takesPart(in: 3))
    }
}
