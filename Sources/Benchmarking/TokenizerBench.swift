package import MVAR

/// Measures a tokenizer, which computes in float32, on random weights.
package struct TokenizerBench {
    /// What the report calls the shape.
    package var preset: String
    package var tokenizer: TokenizerConfiguration
    package var batch = 1
    package var device = Device.cpu
    package var runs = 3
    /// Of blocks: the decoder suits them.
    package var precision = Precision.float32

    package init(preset: String, tokenizer: TokenizerConfiguration) {
        self.preset = preset
        self.tokenizer = tokenizer
    }

    private var decoding: ConvolutionAlgorithm { .fast(ConvolutionPrecision(forBlocksIn: precision)) }
    private var conditions: BenchConditions { BenchConditions(precision: precision, device: device, runs: runs) }

    /// Measures the decoder in both ways.
    package func decoder(progress: BenchProgress = { _, _ in }) throws -> BenchReport<DecoderTimings> {
        let tokenizers = try RandomModel.tokenizer(
            tokenizer, decoding: [decoding, .direct], device: device)
        let latent = try latent()
        let spreads = try measured(tokenizers.map { tokenizer in { _ = try tokenizer.pictures(of: latent) } }, progress)
        let operations = 2 * Double(ImageWork.decoder(tokenizer))
        return BenchReport(
            conditions: conditions,
            result: DecoderTimings(
                preset: preset, batch: batch, secondsPerImage: spreads[0].median,
                secondsPerImageMinimum: spreads[0].minimum, secondsPerImageMaximum: spreads[0].maximum,
                directSecondsPerImage: spreads[1].median, directSecondsPerImageMinimum: spreads[1].minimum,
                directSecondsPerImageMaximum: spreads[1].maximum,
                gigaflopsPerSecond: operations / spreads[0].median / 1e9,
                peakMemoryInMebibytes: Machine.peakMemoryInMebibytes(on: device)))
    }

    /// Measures all parts.
    package func parts(progress: BenchProgress = { _, _ in }) throws -> BenchReport<TokenizerTimings> {
        let network = try RandomModel.tokenizer(tokenizer, decoding: [decoding], device: device)[0]
        let side = tokenizer.imageSide
        var numbers = RandomNumbers()
        let images = try numbers.tensor([batch, 3, side, side], .uniform(bound: 1), device: device)
        let latent = try latent()
        let tokens = try withoutGradients { try network.quantizer.encode(latent).tokens }
        let spreads = try measured(
            TokenizerTimings.Part.allCases.map { part in
                {
                    switch part {
                    case .encoder: _ = try network.features(of: images)
                    case .quantizer: _ = try network.quantizer.encode(latent)
                    case .lookup: _ = try network.quantizer.latent(of: tokens)
                    case .decoder: _ = try network.pictures(of: latent)
                    }
                }
            }, progress)
        let rows = zip(TokenizerTimings.Part.allCases, spreads).map { part, spread in
            TokenizerTimings.Row(
                part: part, secondsPerImage: spread.median, secondsPerImageMinimum: spread.minimum,
                secondsPerImageMaximum: spread.maximum)
        }
        return BenchReport(
            conditions: conditions, result: TokenizerTimings(preset: preset, batch: batch, rows: rows))
    }

    private func latent() throws -> Tensor {
        var numbers = RandomNumbers()
        let side = tokenizer.schedule.latentSide
        return try numbers.tensor([batch, tokenizer.latentChannels, side, side], device: device)
    }

    /// Seconds for one picture of each of the bodies, which compute a batch.
    private func measured(_ bodies: [() throws -> Void], _ progress: BenchProgress) throws -> [Spread] {
        let stopwatch = Stopwatch(on: device)
        return try withoutGradients {
            try stopwatch.interleaved(
                runs: runs, bodies.map { body in { try stopwatch.seconds(body) / Double(batch) } }, progress: progress)
        }
    }
}
