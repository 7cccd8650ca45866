/// How tokens are chosen from logits.
public struct SamplingParameters: Codable, Hashable, Sendable {
    /// The strength of classifier-free guidance at the last scale, at least 0; 0 switches it off.
    public var guidance: Double
    /// How many of the likeliest codes are drawn from; 0, or as many as there are, for all.
    public var topK: Int
    /// The share of the probability that is drawn from, the likeliest codes first: 0...1; 0 for all.
    public var topP: Double
    /// What logits are divided by: above 1 flattens, below 1 sharpens, 0 always takes the likeliest code.
    public var temperature: Double
    /// Whether a place gets a mixture of codes instead of one (``GumbelMixture``): nicer, but not for measuring FID.
    public var isSmooth: Bool

    /// Parameters; without arguments, tokens are drawn from the model's own distribution.
    public init(
        guidance: Double = 0, topK: Int = 0, topP: Double = 0, temperature: Double = 1, isSmooth: Bool = false
    ) {
        self.guidance = guidance
        self.topK = topK
        self.topP = topP
        self.temperature = temperature
        self.isSmooth = isSmooth
    }

    /// The likeliest code every time.
    public static func greedy(guidance: Double) -> SamplingParameters {
        SamplingParameters(guidance: guidance, temperature: 0)
    }

    /// What the authors of a model sampled with (MVAR, arXiv:2505.12742; VAR's demonstration for all others).
    ///
    /// - Parameters:
    ///   - depth: The number of blocks.
    ///   - isMVAR: Whether it is a model of MVAR's, not of VAR's.
    /// - Returns: Parameters for a vocabulary of 4096; ``topK`` has no effect on one that is not larger.
    public static func published(depth: Int, isMVAR: Bool) -> SamplingParameters {
        switch depth {
        case 16 where isMVAR: SamplingParameters(guidance: 2.7, topK: 1200, topP: 0.99)
        case 24 where isMVAR: SamplingParameters(guidance: 1.4, topK: 900, topP: 0.96)
        default: SamplingParameters(guidance: 1.5, topK: 900, topP: 0.96)
        }
    }

    /// The parameters with those of a model's configuration, where it has them.
    public func overridden(guidance: Double?, topK: Int?, topP: Double?) -> SamplingParameters {
        var parameters = self
        parameters.guidance = guidance ?? self.guidance
        parameters.topK = topK ?? self.topK
        parameters.topP = topP ?? self.topP
        return parameters
    }

    /// Throws unless every number is in its range.
    public func check() throws(SamplingError) {
        guard guidance.isFinite, guidance >= 0 else { throw .guidance(guidance) }
        guard topK >= 0 else { throw .topK(topK) }
        guard topP >= 0, topP <= 1 else { throw .topP(topP) }
        guard temperature.isFinite, temperature >= 0 else { throw .temperature(temperature) }
    }

    private enum CodingKeys: String, CodingKey {
        case guidance = "cfg"
        case topK = "top_k"
        case topP = "top_p"
        case temperature
        case isSmooth = "smooth"
    }
}
