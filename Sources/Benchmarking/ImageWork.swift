package import MVAR

/// The multiply-accumulates of one picture, counted off the shapes.
///
/// What is counted is the work of the definition: a faster algorithm that does with less shows as a higher rate. Softmax,
/// normalisations, activations and the choice of tokens are not counted.
package struct ImageWork: Hashable, Sendable {
    /// From the class to f̂, tokens and φ included.
    package let transformer: Int
    /// From f̂ to pixels.
    package let decoder: Int

    /// Two operations for each multiply-accumulate.
    package var floatingPointOperations: Double { 2 * Double(transformer + decoder) }

    /// - Parameters:
    ///   - configuration: The transformer's shape.
    ///   - tokenizer: The tokenizer's.
    ///   - isGuided: Whether all is computed for the null class too.
    package init(_ configuration: TransformerConfiguration, _ tokenizer: TokenizerConfiguration, isGuided: Bool) {
        let halves = isGuided ? 2 : 1
        transformer = halves * Self.blocks(configuration) + Self.latent(configuration)
        decoder = Self.decoder(tokenizer)
    }

    /// The blocks, AdaLN once for a picture, and the head.
    private static func blocks(_ configuration: TransformerConfiguration) -> Int {
        let width = configuration.width
        let square = width * width
        let tokens = configuration.schedule.tokenCount
        let products = 4 * square + 2 * width * configuration.hiddenWidth  // qkv, projection, feed-forward
        let attention = 2 * width * pairs(configuration)
        let adaLN = (configuration.sharesAdaLN ? 1 : configuration.depth) * 6 * square
        return configuration.depth * (tokens * products + attention) + adaLN + 2 * square
            + configuration.vocabularySize * width * tokens
    }

    /// Pairs of a query and a key that it sees, over all scales.
    static func pairs(_ configuration: TransformerConfiguration) -> Int {
        let schedule = configuration.schedule
        return schedule.sides.indices.reduce(0) { sum, scale in
            let queries = schedule.tokenCount(ofScale: scale)
            if case .spatial(let kernel) = configuration.pattern, scale >= configuration.firstSpatialScale {
                let window = min(kernel, schedule.sides[scale])
                return sum + queries * window * window
            }
            let first = configuration.pattern.firstVisibleScale(from: scale)
            return sum + queries * schedule.range(ofScales: first..<scale + 1).count
        }
    }

    /// What stands between tokens and the next input: word embedding, φ, bicubic enlargement.
    private static func latent(_ configuration: TransformerConfiguration) -> Int {
        let (schedule, channels) = (configuration.schedule, configuration.latentChannels)
        let cells = schedule.latentSide * schedule.latentSide
        return channels * configuration.width * (schedule.tokenCount - schedule.tokenCount(ofScale: 0))
            + schedule.count * cells * 9 * channels * channels + (schedule.count - 1) * cells * channels * 16
    }

    /// The decoder alone, from f̂ to pixels.
    static func decoder(_ configuration: TokenizerConfiguration) -> Int {
        var side = configuration.schedule.latentSide
        let latent = configuration.latentChannels
        func convolution(_ inputs: Int, _ outputs: Int) -> Int { 9 * side * side * inputs * outputs }
        func block(_ inputs: Int, _ outputs: Int) -> Int {
            convolution(inputs, outputs) + convolution(outputs, outputs)
                + (inputs == outputs ? 0 : side * side * inputs * outputs)
        }
        func attention(_ channels: Int) -> Int {
            let positions = side * side
            return 4 * channels * channels * positions + 2 * channels * positions * positions
        }
        let lowest = configuration.multipliers.count - 1
        var channels = configuration.channels * configuration.multipliers[lowest]
        var work = convolution(latent, latent) + convolution(latent, channels)
        work += 2 * block(channels, channels) + attention(channels)
        for (level, multiplier) in configuration.multipliers.enumerated().reversed() {
            let outputs = configuration.channels * multiplier
            work += block(channels, outputs) + 2 * block(outputs, outputs)
            if level == lowest { work += 3 * attention(outputs) }
            channels = outputs
            if level > 0 {
                side *= 2
                work += convolution(channels, channels)
            }
        }
        return work + convolution(channels, 3)
    }
}
