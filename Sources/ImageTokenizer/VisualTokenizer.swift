public import NeuralNetworks
public import Torch

/// Turns pictures into maps of codes and back.
public struct VisualTokenizer {
    /// Its shape.
    public let configuration: TokenizerConfiguration
    /// Latents to codes and back.
    public let quantizer: MultiScaleQuantizer
    private let encoder: Encoder
    private let decoder: Decoder
    private let quantizerInput: Convolution2D
    private let quantizerOutput: Convolution2D

    /// Reads or draws all parameters below `path`, under the names of the public code.
    ///
    /// - Parameters:
    ///   - configuration: The shape.
    ///   - encoding: How the encoder's convolutions are computed where there are no gradients.
    ///   - decoding: How the decoder's are.
    ///   - path: Where the parameters are.
    /// - Throws: ``Torch/TorchError`` if memory runs out.
    public init(
        _ configuration: TokenizerConfiguration, encoding: ConvolutionAlgorithm = .fast(.float32),
        decoding: ConvolutionAlgorithm = .fast(.float32),
        at path: ParameterPath
    ) throws(TorchError) {
        self.configuration = configuration
        let latentChannels = configuration.latentChannels
        encoder = try Encoder(configuration, by: encoding, at: path / "encoder")
        decoder = try Decoder(configuration, by: decoding, at: path / "decoder")
        quantizer = try MultiScaleQuantizer(configuration, at: path / "quantize")
        quantizerInput = try Convolution2D(
            from: latentChannels, to: latentChannels, kernel: 3, padding: 1, at: path / "quant_conv")
        quantizerOutput = try Convolution2D(
            from: latentChannels, to: latentChannels, kernel: 3, padding: 1, at: path / "post_quant_conv")
    }

    /// Where the parameters are.
    public var device: Device { quantizer.codebook.device }

    /// The latent of pictures before quantization.
    ///
    /// - Parameter images: `[B, 3, H, W]` in -1...1, H and W being the configuration's image side.
    /// - Returns: `[B, Z, h, w]`.
    /// - Throws: ``Torch/TorchError`` if memory runs out.
    public func features(of images: Tensor) throws(TorchError) -> Tensor { try quantizerInput(encoder(images)) }

    /// The codes of pictures, `[B, L]` int64. `images`: `[B, 3, H, W]` in -1...1.
    public func tokens(of images: Tensor) throws(TorchError) -> Tensor {
        try quantizer.encode(features(of: images)).tokens
    }

    /// The pictures of a latent, not clamped.
    ///
    /// - Parameter latent: f̂, `[B, Z, h, w]`.
    /// - Returns: `[B, 3, H, W]`, about -1...1.
    /// - Throws: ``Torch/TorchError`` if memory runs out.
    public func decode(_ latent: Tensor) throws(TorchError) -> Tensor {
        guard latent.device != .cpu else { return try decoder(quantizerOutput(latent)) }
        // A GPU's convolutions of halves want channels last, and keep them so.
        let ordered = try latent.converted(to: quantizerOutput.weight.dtype).channelsLast()
        return try decoder(quantizerOutput(ordered)).converted(to: latent.dtype)
    }

    /// What a parameter is kept in when the transformer's blocks compute in `precision`: on a GPU the decoder computes in
    /// the same, everything else in float32. Tokens never depend on it.
    public static func precision(ofParameter name: String, blocks precision: Precision, on device: Device) -> Precision
    {
        let isOfDecoder = name.hasPrefix("decoder.") || name.hasPrefix("post_quant_conv.")
        return device != .cpu && isOfDecoder ? precision : .float32
    }

    /// How many pictures are decoded together: on the CPU one, on a GPU as many as its largest map of features, in full
    /// resolution, has room for in ``mapBytesAtOnce``. Several such maps are in use at a time.
    package var picturesAtOnce: Int {
        guard quantizerOutput.weight.device != .cpu else { return 1 }
        let channels = configuration.channels * (configuration.multipliers.prefix(2).max() ?? 1)
        let side = configuration.imageSide
        let bytes = side * side * channels * (quantizerOutput.weight.dtype == .float32 ? 4 : 2)
        return max(1, Self.mapBytesAtOnce / bytes)
    }

    /// The memory that ``picturesAtOnce`` gives the largest map.
    package static let mapBytesAtOnce = 256 << 20

    /// The finished pictures of a latent, in 0...1, a few after another so that memory does not grow with the batch.
    ///
    /// - Parameter latent: f̂, `[B, Z, h, w]`.
    /// - Returns: `[B, 3, H, W]`, in 0...1.
    /// - Throws: ``Torch/TorchError`` if memory runs out.
    public func pictures(of latent: Tensor) throws(TorchError) -> Tensor {
        let shape = latent.shape
        // First of all: a batch that is too large fails now, and not after hours of decoding.
        let pictures = try Tensor.empty(
            [shape[0], 3, configuration.stride * shape[2], configuration.stride * shape[3]], dtype: latent.dtype,
            device: latent.device)
        for first in stride(from: 0, to: shape[0], by: picturesAtOnce) {
            let range = first..<min(first + picturesAtOnce, shape[0])
            let decoded = try decode(latent.narrowed(axis: 0, range))
            try pictures.narrowed(axis: 0, range).assign((decoded.clamped(to: -1...1) + 1) * 0.5)
        }
        return pictures
    }
}
