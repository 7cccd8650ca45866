import Checkpoints
import TestSupport
import Testing
import Torch

@testable import Training

@Suite("A perceptual network")
struct PerceptualNetworkTests {
    private let pictures: Tensor
    private let reconstructions: Tensor

    init() throws {
        pictures = try LossFixture.pictures()
        reconstructions = try LossFixture.reconstructions()
        try reconstructions.setRequiresGradient()
    }

    private func network(_ name: String, batch: Int = 2, side: Int = 16) throws -> PerceptualNetwork {
        try PerceptualNetwork(path: Fixture.path("losses/" + name), batch: batch, side: side)
    }

    @Test("Its loss and gradient are PyTorch's, with dropout off, and the same bit for bit at every call")
    func parity() throws {
        let golden = try Safetensors(path: Fixture.path("losses/golden.safetensors")).tensors
        let network = try network("perceptual.pt")
        let expected = try #require(golden["perceptual.gradient"]).tensor()
        let largest = try expected.magnitude().maximum().item()
        var first: (loss: Double, gradient: [Float])?
        for _ in 0..<4 {
            try reconstructions.setGradient(nil)
            let loss = try network.distance(reconstructions, from: pictures)
            try loss.backward()
            let gradient = try #require(reconstructions.gradient)
            let value = try loss.detached().item()
            if let first {
                #expect(value == first.loss)
                #expect(try gradient.array(of: Float.self) == first.gradient)
            }
            first = (value, try gradient.array(of: Float.self))
            // Roundings of float32 sums, on another version of PyTorch.
            let lossError = try abs(value / #require(golden["perceptual.loss"]).tensor().item() - 1)
            let gradientError = try (gradient - expected).magnitude().maximum().item() / largest
            #expect(lossError < 1e-5, "\(lossError)")
            #expect(gradientError < 1e-5, "\(gradientError)")
        }
    }

    @Test(
        "A file that cannot serve is refused on one line that says why",
        arguments: [
            ("absent.pt", "it does not exist"), ("../losses", "it is a folder"),
            ("golden.safetensors", "it is no TorchScript file"),
            ("../checkpoints/plain.pth", "it is no TorchScript file"),
            ("../checkpoints/no-pickle.zip", "it is no TorchScript file"),
            ("one-argument.pt", "Expected at most 2 argument(s) for operator 'forward'"),
            ("without-gradient.pt", "its result has no gradient"),
            ("of-the-second.pt", "its gradient with respect to the first picture is 0"),
            ("whole-numbers.pt", "a tensor of Long, not of floating point"),
            ("two.pt", "returns a Tuple, not a Tensor"),
            ("not-a-number.pt", "it returns nan"), ("other-size.pt", "The size of tensor a (16) must match"),
        ])
    func refused(file: String, part: String) {
        do {
            _ = try network(file)
            Issue.record("\(file) was taken")
        } catch {
            #expect("\(error)".contains(part), "\(error)")
            #expect("\(error)".hasPrefix("'\(Fixture.path("losses/" + file))' cannot be the perceptual network: "))
            #expect(!"\(error)".contains("\n"))
        }
    }

    @Test("A run that names such a file throws before it begins") func beforeTheRun() throws {
        let settings = try TokenizerTrainingTests.settings(steps: 1) {
            $0.perceptual = PerceptualSettings(file: Fixture.path("losses/two.pt"))
        }
        #expect(throws: TrainingError.self) { try TokenizerTraining(settings, folder: "/nowhere") }
    }
}

/// The pictures of `scripts/fixtures/make_losses.py`.
enum LossFixture {
    static func pictures() throws -> Tensor { try wave([2, 3, 16, 16], 0.8, 0.11, 0) }

    static func reconstructions() throws -> Tensor { try wave([2, 3, 16, 16], 0.7, 0.13, 0.5) }

    /// middle + amplitude · sin(step · i + phase) of the i-th element.
    static func wave(
        _ shape: [Int], _ amplitude: Double, _ step: Double, _ phase: Double, middle: Double = 0
    ) throws -> Tensor {
        let angles = try Tensor.range(0..<shape.reduce(1, *), dtype: .float64) * step + (phase - .pi / 2)
        return try (angles.cosine() * amplitude + middle).reshaped(shape).converted(to: .float32)
    }
}
