import NeuralNetworks
import Torch

/// The convolutional encoder of latent diffusion: pictures to features, each level at half the resolution.
struct Encoder {
    private let input: Convolution2D
    private let levels: [Level]
    private let downsamplings: [Convolution2D]
    private let middle: MiddleBlocks
    private let outputNorm: GroupNorm
    private let output: Convolution2D

    init(
        _ configuration: TokenizerConfiguration, by algorithm: ConvolutionAlgorithm, at path: ParameterPath
    ) throws(TorchError) {
        let lowest = configuration.multipliers.count - 1
        var channels = configuration.channels
        input = try Convolution2D(from: 3, to: channels, kernel: 3, padding: 1, by: algorithm, at: path / "conv_in")
        var levels: [Level] = []
        var downsamplings: [Convolution2D] = []
        for (index, multiplier) in configuration.multipliers.enumerated() {
            let place = path / "down" / index
            let outputs = configuration.channels * multiplier
            levels.append(
                try Level(
                    from: channels, to: outputs, blocks: TokenizerConfiguration.encoderBlocks,
                    attending: index == lowest, by: algorithm, at: place))
            channels = outputs
            if index != lowest {
                downsamplings.append(
                    try Convolution2D(
                        from: channels, to: channels, kernel: 3, stride: 2, padding: 0,
                        at: place / "downsample" / "conv"))
            }
        }
        self.levels = levels
        self.downsamplings = downsamplings
        middle = try MiddleBlocks(channels: channels, by: algorithm, at: path / "mid")
        outputNorm = try normalization(channels, at: path / "norm_out")
        output = try Convolution2D(
            from: channels, to: configuration.latentChannels, kernel: 3, padding: 1, by: algorithm,
            at: path / "conv_out")
    }

    /// `[B, 3, H, W]` in -1...1 → `[B, Z, h, w]`.
    func callAsFunction(_ images: Tensor) throws(TorchError) -> Tensor {
        var x = try input(FeatureMap(images))
        for (index, level) in levels.enumerated() {
            x = try level(x)
            // Padded on the right and at the bottom only, as the weights were trained.
            if index < downsamplings.count {
                x = try downsamplings[index](FeatureMap(x.tensor.zeroPadded([0, 1, 0, 1])))
            }
        }
        return try output(middle(x), after: outputNorm).tensor
    }
}
