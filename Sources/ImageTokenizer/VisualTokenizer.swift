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
    public func decode(_ latent: Tensor) throws(TorchError) -> Tensor { try decoder(quantizerOutput(latent)) }

    /// The finished pictures of a latent, in 0...1, one after another so that memory does not grow with the batch.
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
        for index in 0..<shape[0] {
            let decoded = try decode(latent.narrowed(axis: 0, index..<index + 1))
            try pictures.narrowed(axis: 0, index..<index + 1).assign((decoded.clamped(to: -1...1) + 1) * 0.5)
        }
        return pictures
    }
}
