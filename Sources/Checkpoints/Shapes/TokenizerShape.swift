/// What the tensors of a tokenizer say about its shape.
public struct TokenizerShape: Codable, Hashable, Sendable {
    /// Channels of the first level, before the multipliers.
    public var channels: Int
    /// Channels of every level over ``channels``, finest level first.
    public var channelMultipliers: [Int]
    /// Residual blocks of an encoder's level; a decoder's has one more.
    public var residualBlocks: Int
    /// Channels of a latent.
    public var latentChannels: Int
    /// The number of codes.
    public var vocabularySize: Int
    /// How many convolutions φ there are.
    public var phiCount: Int
    /// How scales share them: VAR's `share_quant_resi`: 0 where each scale has its own, 1 where all share one, else
    /// the number of them.
    public var phiSharing: Int
    /// Whether the coarsest level has attention blocks.
    public var hasAttentionInLowestLevel: Bool
    /// Whether there is an attention block between encoder and decoder levels.
    public var hasAttentionInMiddle: Bool
    /// The side of the kernels of `quant_conv` and `post_quant_conv`.
    public var quantConvolutionKernel: Int
    /// The number of scales, where the file says it.
    public var scaleCount: Int?

    /// How many pixels of the picture a latent's position spans along each axis.
    public var stride: Int { 1 << (channelMultipliers.count - 1) }

    /// Reads the shape off a tokenizer's tensors. Only those that it is read from are looked at.
    ///
    /// - Parameters:
    ///   - tensors: A state dict under the official names.
    ///   - file: What errors call the file.
    /// - Throws: ``CheckpointError`` naming every tensor that is missing, or one of impossible shape.
    public init(_ tensors: TensorTable, file: String) throws(CheckpointError) {
        var reader = ShapeReader(tensors, file: file)
        let names = tensors.names
        let first = try reader.shape("encoder.conv_in.weight", "[channels, 3, 3, 3]", axes: 4)
        let codes = try reader.shape("quantize.embedding.weight", "[codes, latent channels]", axes: 2)
        let kernel = try reader.shape("quant_conv.weight", "[latent channels, latent channels, side, side]", axes: 4)
        // A stride of more than 2¹⁶ is no picture's.
        let levelCount = min(max(ShapeReader.count(of: names, after: "encoder.down."), 1), 16)
        var levels: [[Int]] = []
        for level in 0..<levelCount {
            levels.append(
                try reader.shape(
                    "encoder.down.\(level).block.0.conv1.weight", "[channels, channels before, 3, 3]", axes: 4))
        }
        try reader.finish()

        channels = first[0]
        channelMultipliers = []
        for (level, shape) in levels.enumerated() {
            guard shape[0].isMultiple(of: channels) else {
                throw reader.wrongShape(
                    "encoder.down.\(level).block.0.conv1.weight", "a multiple of \(channels) channels", shape)
            }
            channelMultipliers.append(shape[0] / channels)
        }
        residualBlocks = ShapeReader.count(of: names, after: "encoder.down.0.block.")
        vocabularySize = codes[0]
        latentChannels = codes[1]
        quantConvolutionKernel = kernel[3]
        hasAttentionInLowestLevel = tensors["encoder.down.\(levelCount - 1).attn.0.qkv.weight"] != nil
        hasAttentionInMiddle = tensors["encoder.mid.attn_1.qkv.weight"] != nil

        let prefix = "quantize.quant_resi."
        let shared = ShapeReader.count(of: names, after: prefix + "qresi_ls.")
        let own = ShapeReader.count(of: names, after: prefix)
        if tensors[prefix + "qresi.weight"] != nil {
            (phiSharing, phiCount) = (1, 1)
        } else if shared > 0 {
            (phiSharing, phiCount) = (shared, shared)
        } else if own > 0 {
            (phiSharing, phiCount) = (0, own)
        } else {
            throw CheckpointError(file: file, .tensorsMissing(names: [prefix + "qresi_ls.0.weight"]))
        }
        if let hits = tensors["quantize.ema_vocab_hit_SV"], hits.shape.count == 2, hits.shape[0] > 0 {
            scaleCount = hits.shape[0]
        } else {
            scaleCount = phiSharing == 0 ? phiCount : nil
        }
    }
}
