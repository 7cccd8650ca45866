/// The decoder by the fast algorithm beside the direct one.
package struct DecoderTimings: Codable, Hashable, Sendable {
    package let preset: String
    package let batch: Int
    /// The median; all seconds are for one picture.
    package let secondsPerImage: Double
    package let secondsPerImageMinimum: Double
    package let secondsPerImageMaximum: Double
    /// The same of the direct algorithm.
    package let directSecondsPerImage: Double
    package let directSecondsPerImageMinimum: Double
    package let directSecondsPerImageMaximum: Double
    /// ``ImageWork/decoder`` over ``secondsPerImage``, in 10⁹ operations a second.
    package let gigaflopsPerSecond: Double
    /// The process's largest memory, which holds both algorithms' weights; nil where the system does not tell.
    package let peakMemoryInMebibytes: Double?

    enum CodingKeys: String, CodingKey {
        case preset, batch
        case secondsPerImage = "seconds_per_image"
        case secondsPerImageMinimum = "min"
        case secondsPerImageMaximum = "max"
        case directSecondsPerImage = "direct_seconds_per_image"
        case directSecondsPerImageMinimum = "direct_min"
        case directSecondsPerImageMaximum = "direct_max"
        case gigaflopsPerSecond = "gflop_per_second"
        case peakMemoryInMebibytes = "peak_memory_mib"
    }
}

/// Encoder, quantizer and decoder by themselves.
package struct TokenizerTimings: Codable, Hashable, Sendable {
    package let preset: String
    package let batch: Int
    package let rows: [Row]

    /// One part.
    package struct Row: Codable, Hashable, Sendable {
        /// Which part.
        package let part: Part
        /// The median; all seconds are for one picture.
        package let secondsPerImage: Double
        package let secondsPerImageMinimum: Double
        package let secondsPerImageMaximum: Double

        enum CodingKeys: String, CodingKey {
            case part
            case secondsPerImage = "seconds_per_image"
            case secondsPerImageMinimum = "min"
            case secondsPerImageMaximum = "max"
        }
    }

    /// Pixels to features, features to tokens, tokens to f̂, f̂ to pixels.
    package enum Part: String, Codable, Hashable, Sendable, CaseIterable { case encoder, quantizer, lookup, decoder }
}
