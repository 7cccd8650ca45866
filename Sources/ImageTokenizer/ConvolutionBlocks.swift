import NeuralNetworks
import Torch

/// The group normalisation of encoder and decoder.
func normalization(_ channels: Int, at path: ParameterPath) throws(TorchError) -> GroupNorm {
    try GroupNorm(
        channels: channels, groups: TokenizerConfiguration.normalizationGroups, epsilon: 1e-6, at: path)
}

/// x′ + conv2(SiLU(norm2(conv1(SiLU(norm1(x)))))), with x′ = x, or a 1×1 convolution of it where channels change.
struct ResidualBlock {
    private let norm1: GroupNorm
    private let conv1: Convolution2D
    private let norm2: GroupNorm
    private let conv2: Convolution2D
    private let shortcut: Convolution2D?

    init(
        from inputs: Int, to outputs: Int, by algorithm: ConvolutionAlgorithm, at path: ParameterPath
    ) throws(TorchError) {
        norm1 = try normalization(inputs, at: path / "norm1")
        conv1 = try Convolution2D(from: inputs, to: outputs, kernel: 3, padding: 1, by: algorithm, at: path / "conv1")
        norm2 = try normalization(outputs, at: path / "norm2")
        conv2 = try Convolution2D(from: outputs, to: outputs, kernel: 3, padding: 1, by: algorithm, at: path / "conv2")
        if inputs == outputs {
            shortcut = nil
        } else {
            shortcut = try Convolution2D(
                from: inputs, to: outputs, kernel: 1, padding: 0, by: algorithm, at: path / "nin_shortcut")
        }
    }

    /// `[B, inputs, h, w]` → `[B, outputs, h, w]`; nobody may need `x` afterwards.
    func callAsFunction(_ x: FeatureMap) throws(TorchError) -> FeatureMap {
        let inner = try conv1(x, after: norm1)
        return try conv2(
            inner, after: norm2, addedTo: shortcut.map { shortcut throws(TorchError) in try shortcut(x) } ?? x)
    }
}

/// x + proj_out(softmax(q kᵀ / √C) v) over all positions, with one head.
struct PositionAttention {
    private let norm: GroupNorm
    private let qkv: Convolution2D
    private let output: Convolution2D
    private let channels: Int

    init(channels: Int, by algorithm: ConvolutionAlgorithm, at path: ParameterPath) throws(TorchError) {
        self.channels = channels
        norm = try normalization(channels, at: path / "norm")
        qkv = try Convolution2D(
            from: channels, to: 3 * channels, kernel: 1, padding: 0, by: algorithm, at: path / "qkv")
        output = try Convolution2D(
            from: channels, to: channels, kernel: 1, padding: 0, by: algorithm, at: path / "proj_out")
    }

    /// `[B, C, h, w]` → the same shape.
    func callAsFunction(_ map: FeatureMap) throws(TorchError) -> FeatureMap {
        let x = map.tensor
        let shape = x.shape
        let parts = try qkv(norm(x)).reshaped(shape[0], 3, 1, channels, -1)  // [B, 3, 1, C, h · w]
            .transposed(3, 4)  // [B, 3, 1, h · w, C]
            .unbound(axis: 1)
        let mixed = try parts[0].attention(
            keys: parts[1], values: parts[2], scale: 1 / Double(channels).squareRoot())  // [B, 1, h · w, C]
        return FeatureMap(try x + output(mixed.transposed(2, 3).reshaped(shape)))
    }
}

/// The middle of encoder and decoder: residual block, attention, residual block, at the lowest resolution.
struct MiddleBlocks {
    private let block1: ResidualBlock
    private let attention: PositionAttention
    private let block2: ResidualBlock

    init(channels: Int, by algorithm: ConvolutionAlgorithm, at path: ParameterPath) throws(TorchError) {
        block1 = try ResidualBlock(from: channels, to: channels, by: algorithm, at: path / "block_1")
        attention = try PositionAttention(channels: channels, by: algorithm, at: path / "attn_1")
        block2 = try ResidualBlock(from: channels, to: channels, by: algorithm, at: path / "block_2")
    }

    /// Nobody may need `x` afterwards.
    func callAsFunction(_ x: FeatureMap) throws(TorchError) -> FeatureMap { try block2(attention(block1(x))) }
}

/// The residual blocks of one resolution, each followed by an attention in the lowest one.
struct Level {
    private let blocks: [ResidualBlock]
    private let attentions: [PositionAttention]

    init(
        from inputs: Int, to outputs: Int, blocks count: Int, attending: Bool, by algorithm: ConvolutionAlgorithm,
        at path: ParameterPath
    ) throws(TorchError) {
        var blocks: [ResidualBlock] = []
        var attentions: [PositionAttention] = []
        for index in 0..<count {
            blocks.append(
                try ResidualBlock(
                    from: index == 0 ? inputs : outputs, to: outputs, by: algorithm, at: path / "block" / index))
            if attending {
                attentions.append(try PositionAttention(channels: outputs, by: algorithm, at: path / "attn" / index))
            }
        }
        self.blocks = blocks
        self.attentions = attentions
    }

    /// Nobody may need `x` afterwards.
    func callAsFunction(_ x: consuming FeatureMap) throws(TorchError) -> FeatureMap {
        for (index, block) in blocks.enumerated() {
            x = try block(x)
            if !attentions.isEmpty { x = try attentions[index](x) }
        }
        return x
    }
}
