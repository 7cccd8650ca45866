import ImageTokenizer
import TokenPyramid
import Torch

/// One pass through the multi-scale quantizer that gradients can take (VAR's `VectorQuantizer2.forward`).
///
/// The choice of codes has no gradient. The decoder's gradient reaches the encoder as if f̂ were f (straight through);
/// other than in the public code it also reaches the codes and φ, which learn to be decoded well and not only to be near.
struct QuantizerPass {
    /// f̂, `[B, Z, h, w]`.
    let latent: Tensor
    /// The mean over scales of ‖f̂ − sg f‖² + β ‖sg f̂ − f‖², as means over elements.
    let loss: Tensor
    /// What was quantized at each scale: `[B · T, Z]`.
    let vectors: [Tensor]
    /// As which codes: `[B · T]`, int64.
    let codes: [Tensor]

    init(_ features: Tensor, through quantizer: MultiScaleQuantizer, commitment: Double) throws(TorchError) {
        let schedule = quantizer.schedule
        let batch = features.shape[0]
        let channels = features.shape[1]
        let fixed = try features.detached()
        var rest = fixed
        var latent = try fixed.zerosLike()
        var losses: [Tensor] = []
        var vectors: [Tensor] = []
        var codes: [Tensor] = []
        for (scale, side) in schedule.sides.enumerated() {
            let chosen = try withoutGradients { () throws(TorchError) in
                let resized = scale == schedule.count - 1 ? rest : try rest.areaResized(height: side, width: side)
                let own = try resized.permuted(0, 2, 3, 1).reshaped(-1, channels)
                vectors.append(own)
                return try quantizer.nearestCodes(own)
            }
            codes.append(chosen)
            let contribution = try quantizer.contribution(of: chosen.reshaped(batch, -1), scale: scale)
            latent = try latent + contribution
            rest = try rest - contribution.detached()
            let codebookLoss = try Self.meanSquare(latent - fixed)
            let commitmentLoss = try Self.meanSquare(features - latent.detached())
            losses.append(try codebookLoss.adding(commitmentLoss, times: commitment))
        }
        self.latent = try latent + (features - fixed)
        loss = try Tensor.stacked(losses).mean()
        self.vectors = vectors
        self.codes = codes
    }

    private static func meanSquare(_ difference: Tensor) throws(TorchError) -> Tensor {
        try (difference * difference).mean()
    }
}
