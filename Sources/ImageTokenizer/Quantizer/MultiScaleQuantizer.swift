package import NeuralNetworks
public import TokenPyramid
public import Torch

/// Writes a latent as one map of codes per scale, coarse to fine, each quantizing what the coarser ones left over (VAR,
/// arXiv:2404.02905, algorithms 1 and 2).
public struct MultiScaleQuantizer {
    /// The token maps.
    public let schedule: ScaleSchedule
    /// The vectors of the codes, `[V, Z]`.
    public let codebook: Tensor
    private let residual: ResidualConvolutions
    private let comparesByCosine: Bool

    package init(_ configuration: TokenizerConfiguration, at path: ParameterPath) throws(TorchError) {
        schedule = configuration.schedule
        comparesByCosine = configuration.comparesByCosine
        codebook = try (path / "embedding" / "weight").tensor(
            configuration.vocabularySize, configuration.latentChannels,
            initial: .uniform(bound: 1 / Double(configuration.vocabularySize)))
        residual = try ResidualConvolutions(configuration, at: path / "quant_resi")
    }

    // MARK: Latent to codes

    /// The code nearest to each vector.
    ///
    /// - Parameter vectors: `[n, Z]`.
    /// - Returns: `[n]`, int64; the lowest code on a tie.
    /// - Throws: ``Torch/TorchError`` if memory runs out.
    public func nearestCodes(_ vectors: Tensor) throws(TorchError) -> Tensor {
        if comparesByCosine {
            return try vectors.unit(axis: 1).matrixProduct(codebook.unit(axis: 1).transposed(0, 1))
                .indexOfMaximum(axis: 1)
        }
        // ‖x - e‖² without the differences: ‖x‖² + ‖e‖² - 2 x·e.
        let squares = try (vectors * vectors).sum(axes: 1, keepingAxes: true) + (codebook * codebook).sum(axes: 1)
        return try squares.adding(vectors.matrixProduct(codebook.transposed(0, 1)), times: -2).indexOfMinimum(axis: 1)
    }

    /// Encodes a latent, and calls `observe` with each step of the sum.
    ///
    /// - Parameters:
    ///   - features: `[B, Z, h, w]`, the encoder's output.
    ///   - observe: Gets the scale and f̂ after it.
    /// - Returns: The codes of all scales, `[B, L]` int64, and their latent f̂, `[B, Z, h, w]`.
    /// - Throws: ``Torch/TorchError`` if memory runs out.
    public func encode(
        _ features: Tensor, observing observe: (Int, Tensor) throws(TorchError) -> Void = { _, _ in }
    ) throws(TorchError) -> (tokens: Tensor, latent: Tensor) {
        let batch = features.shape[0]
        let channels = features.shape[1]
        var rest = features
        var latent = try features.zerosLike()
        var tokens: [Tensor] = []
        for (scale, side) in schedule.sides.enumerated() {
            let isLast = scale == schedule.count - 1
            let resized = isLast ? rest : try rest.areaResized(height: side, width: side)
            let vectors = try resized.permuted(0, 2, 3, 1).reshaped(-1, channels)  // [B · T, Z]
            let codes = try nearestCodes(vectors).reshaped(batch, -1)  // [B, T]
            tokens.append(codes)
            let contribution = try contribution(of: codes, scale: scale)
            rest = try rest - contribution
            latent = try latent + contribution
            try observe(scale, latent)
        }
        return (try Tensor.concatenated(tokens, axis: 1), latent)
    }

    // MARK: Codes to latent

    /// What the codes of one scale add to f̂.
    ///
    /// - Parameters:
    ///   - codes: `[B, T]`, int64.
    ///   - scale: The scale, from 0.
    /// - Returns: `[B, Z, h, w]`.
    /// - Throws: ``Torch/TorchError`` if a code is outside `0..<V` or memory runs out.
    public func contribution(of codes: Tensor, scale: Int) throws(TorchError) -> Tensor {
        try contribution(ofVectors: codebook.embedding(codes), scale: scale)
    }

    /// As ``contribution(of:scale:)``, for vectors instead of codes: `[B, T, Z]`.
    public func contribution(ofVectors vectors: Tensor, scale: Int) throws(TorchError) -> Tensor {
        let side = schedule.sides[scale]
        let shape = vectors.shape
        var map = try vectors.transposed(1, 2).reshaped(shape[0], shape[2], side, side)  // [B, Z, s, s]
        if scale != schedule.count - 1 {
            map = try map.bicubicResized(height: schedule.latentSide, width: schedule.latentSide)
        }
        return try residual(map, scale: scale)
    }

    /// The latent f̂ of all codes.
    ///
    /// - Parameters:
    ///   - tokens: `[B, n]`, int64: the codes of the first scales, or of all.
    ///   - observe: Gets the scale and f̂ after it.
    /// - Returns: `[B, Z, h, w]`.
    /// - Throws: ``Torch/TorchError`` if a code is outside `0..<V` or memory runs out.
    public func latent(
        of tokens: Tensor, observing observe: (Int, Tensor) throws(TorchError) -> Void = { _, _ in }
    ) throws(TorchError) -> Tensor {
        var latent = try emptyLatent(batch: tokens.shape[0])
        let given = tokens.shape[1]
        for scale in 0..<schedule.count where schedule.range(ofScale: scale).upperBound <= given {
            let codes = try tokens.narrowed(axis: 1, schedule.range(ofScale: scale))
            latent = try latent + contribution(of: codes, scale: scale)
            try observe(scale, latent)
        }
        return latent
    }

    /// f̂ before the first scale: zeros, `[B, Z, h, w]`.
    public func emptyLatent(batch: Int) throws(TorchError) -> Tensor {
        let side = schedule.latentSide
        return try Tensor.zeros(
            [batch, codebook.shape[1], side, side], dtype: codebook.dtype, device: codebook.device)
    }

    // MARK: What the transformer sees

    /// The transformer's input at `scale`: f̂ after the scales before, brought to its map.
    ///
    /// - Parameters:
    ///   - scale: At least 1.
    ///   - latent: f̂ after the scales before, `[B, Z, h, w]`.
    /// - Returns: `[B, T, Z]`.
    /// - Throws: ``Torch/TorchError`` if memory runs out.
    public func input(ofScale scale: Int, from latent: Tensor) throws(TorchError) -> Tensor {
        let side = schedule.sides[scale]
        return try latent.areaResized(height: side, width: side).permuted(0, 2, 3, 1)
            .reshaped(latent.shape[0], side * side, -1)
    }

    /// The inputs of all scales but the first under teacher forcing.
    ///
    /// - Parameter tokens: `[B, L]`, int64.
    /// - Returns: `[B, L - 1, Z]`.
    /// - Throws: ``Torch/TorchError`` if a code is outside `0..<V` or memory runs out.
    public func teacherInputs(_ tokens: Tensor) throws(TorchError) -> Tensor {
        var inputs: [Tensor] = []
        _ = try latent(of: tokens) { (scale, latent) throws(TorchError) in
            if scale + 1 < schedule.count { inputs.append(try input(ofScale: scale + 1, from: latent)) }
        }
        guard !inputs.isEmpty else { return try Tensor.zeros([tokens.shape[0], 0, codebook.shape[1]]) }
        return try Tensor.concatenated(inputs, axis: 1)
    }
}
