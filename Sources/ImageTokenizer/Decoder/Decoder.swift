import NeuralNetworks
import Torch

/// The convolutional decoder of latent diffusion: the encoder backwards, with one more residual block per level.
struct Decoder {
    private let input: Convolution2D
    private let middle: MiddleBlocks
    /// From the lowest resolution to the full one.
    private let levels: [Level]
    private let upsamplings: [Convolution2D]
    private let outputNorm: GroupNorm
    private let output: Convolution2D

    init(
        _ configuration: TokenizerConfiguration, by algorithm: ConvolutionAlgorithm, at path: ParameterPath
    ) throws(TorchError) {
        let lowest = configuration.multipliers.count - 1
        var channels = configuration.channels * configuration.multipliers[lowest]
        input = try Convolution2D(
            from: configuration.latentChannels, to: channels, kernel: 3, padding: 1, by: algorithm, at: path / "conv_in"
        )
        middle = try MiddleBlocks(channels: channels, by: algorithm, at: path / "mid")
        var levels: [Level] = []
        var upsamplings: [Convolution2D] = []
        for (index, multiplier) in configuration.multipliers.enumerated().reversed() {
            let place = path / "up" / index
            let outputs = configuration.channels * multiplier
            levels.append(
                try Level(
                    from: channels, to: outputs, blocks: TokenizerConfiguration.encoderBlocks + 1,
                    attending: index == lowest, by: algorithm, at: place))
            channels = outputs
            if index != 0 {
                upsamplings.append(
                    try Convolution2D(
                        from: channels, to: channels, kernel: 3, padding: 1, enlarging: true, by: algorithm,
                        at: place / "upsample" / "conv"))
            }
        }
        self.levels = levels
        self.upsamplings = upsamplings
        outputNorm = try normalization(channels, at: path / "norm_out")
        output = try Convolution2D(from: channels, to: 3, kernel: 3, padding: 1, by: algorithm, at: path / "conv_out")
    }

    /// `[B, Z, h, w]` → `[B, 3, H, W]`, about -1...1.
    func callAsFunction(_ latent: Tensor) throws(TorchError) -> Tensor {
        var x = try middle(input(FeatureMap(latent)))
        for (index, level) in levels.enumerated() {
            x = try level(x)
            if index < upsamplings.count { x = try upsamplings[index](x) }
        }
        return try output(x, after: outputNorm).tensor
    }
}
