import Foundation
import Torch

/// How different two pictures look, by a network from outside.
public struct PerceptualSettings: Codable, Hashable, Sendable {
    /// The TorchScript file.
    public var file: String
    /// The weight of what it returns.
    public var weight: Double

    /// A network and its weight.
    public init(file: String, weight: Double = 1) {
        self.file = file
        self.weight = weight
    }
}

/// A network from a TorchScript file, with weights that stay as they are, such as LPIPS (Zhang et al., arXiv:1801.03924).
///
/// Its `forward` takes reconstructions and pictures, two float32 tensors `[B, 3, H, W]` in about -1...1, and returns one
/// dense tensor of floating point, of any shape, whose mean is the loss. It must let gradients flow to the first.
struct PerceptualNetwork {
    private let script: ScriptModule
    private let device: Device

    /// Loads the network and tries it, with pictures of noise.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - batch: Pictures a step.
    ///   - side: Of the pictures, in pixels.
    ///   - device: Where to compute.
    /// - Throws: ``TrainingError/unusablePerceptualNetwork(file:reason:)``.
    init(path: String, batch: Int, side: Int, on device: Device = .cpu) throws(TrainingError) {
        self.device = device
        func unusable(_ reason: String) -> TrainingError { .unusablePerceptualNetwork(file: path, reason: reason) }
        var isFolder = ObjCBool(false)
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw unusable("it does not exist")
        }
        guard !isFolder.boolValue else { throw unusable("it is a folder") }
        do throws(TorchError) {
            script = try ScriptModule(path: path, on: device)
        } catch { throw unusable("it is no TorchScript file (\(error.message))") }
        let fault: String?
        do throws(TorchError) {
            fault = try trial(batch: batch, side: side)
        } catch { fault = error.message }
        if let fault { throw unusable(fault) }
    }

    /// What is wrong with the network, if anything is.
    private func trial(batch: Int, side: Int) throws(TorchError) -> String? {
        func noise(_ seed: UInt64) throws(TorchError) -> Tensor {
            let uniform = try Tensor.keyedUniform(
                seed: seed, images: [0], scale: 0, tokens: batch * 3 * side * side, draws: 1)
            return try (uniform * 2 - 1).reshaped(batch, 3, side, side).converted(to: .float32).moved(to: device)
        }
        let first = try noise(1)
        try first.setRequiresGradient()
        let loss = try distance(first, from: noise(2))
        guard loss.requiresGradient else { return "its result has no gradient" }
        try loss.backward()
        guard let gradient = first.gradient else {
            return "its result has no gradient with respect to the first picture"
        }
        let value = try loss.detached().item()
        guard value.isFinite else { return "it returns \(value) for noise" }
        let norm = try gradient.norm().item()
        guard norm.isFinite else { return "the norm of its gradient is \(norm) for noise" }
        guard norm > 0 else { return "its gradient with respect to the first picture is 0 for noise" }
        return nil
    }

    /// The mean of what the network returns, a float32 scalar.
    ///
    /// - Parameters:
    ///   - reconstructions: `[B, 3, H, W]`, float32; gradients flow to them.
    ///   - pictures: As many, in -1...1.
    /// - Returns: A scalar.
    /// - Throws: ``Torch/TorchError`` where the network fails.
    func distance(_ reconstructions: Tensor, from pictures: Tensor) throws(TorchError) -> Tensor {
        try script(reconstructions, pictures).converted(to: .float32).mean()
    }
}
