import NeuralNetworks
import Torch

/// Says of every patch of a picture how real it looks: the convolutional discriminator of pix2pix (Isola et al.,
/// arXiv:1611.07004, section 3.2.2) in the form that VQGAN gave it.
///
/// Normalises groups of channels where VQGAN normalises batches: what it says of a picture does not depend on those beside
/// it, and there are no running statistics to keep.
struct PatchDiscriminator {
    private let input: Convolution2D
    private let blocks: [(convolution: Convolution2D, norm: GroupNorm)]
    private let output: Convolution2D

    private static let slope = 0.2

    init(_ settings: DiscriminatorSettings, at path: ParameterPath) throws(TorchError) {
        func convolution(
            from inputs: Int, to outputs: Int, stride: Int, at path: ParameterPath
        ) throws(TorchError) -> Convolution2D {
            try Convolution2D(
                from: inputs, to: outputs, kernel: 4, stride: stride, padding: 1,
                initial: .normal(standardDeviation: 0.02), at: path)
        }
        var channels = settings.channels
        input = try convolution(from: 3, to: channels, stride: 2, at: path / "input")
        var blocks: [(Convolution2D, GroupNorm)] = []
        for level in 1...settings.layers {
            let place = path / "blocks" / (level - 1)
            let outputs = settings.channels * min(1 << level, 8)
            // The last one looks further without halving.
            let stride = level == settings.layers ? 1 : 2
            blocks.append(
                (
                    try convolution(from: channels, to: outputs, stride: stride, at: place / "convolution"),
                    try GroupNorm(channels: outputs, groups: 32, epsilon: 1e-5, at: place / "norm")
                ))
            channels = outputs
        }
        self.blocks = blocks
        output = try convolution(from: channels, to: 1, stride: 1, at: path / "output")
    }

    /// `[B, 3, H, W]` in -1...1 → `[B, 1, h, w]`: above 0 for patches that look real.
    func callAsFunction(_ images: Tensor) throws(TorchError) -> Tensor {
        var x = try input(images).leakyReLU(slope: Self.slope)
        for (convolution, norm) in blocks { x = try norm(convolution(x)).leakyReLU(slope: Self.slope) }
        return try output(x)
    }
}
