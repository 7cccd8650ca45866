import ArgumentParser
import MVAR

/// How tokens are chosen.
struct SamplingOptions: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Guidance: how strongly pictures are pushed towards their class, 0 or more. (default: the model's)",
            discussion: """
                It grows from 0 at the first scale to this at the last: logits = (1 + t) · conditional − t · \
                unconditional. 0 switches it off and takes half the time. 1 follows the same formula; note that the \
                public code of MVAR switches guidance off at 1 instead.
                """,
            valueName: "X"))
    var cfg: Double?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Draw each token from the N likeliest only; 0 for all. (default: the model's)", valueName: "N"))
    var topK: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Draw from the likeliest tokens that together have probability X, 0 to 1; 0 for all. (default: the model's)",
            valueName: "X"))
    var topP: Double?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Above 1 more variety, below 1 less; 0 always takes the likeliest token.", valueName: "X"))
    var temperature: Double = 1

    @Flag(
        help: ArgumentHelp(
            "Mix codes instead of choosing one for each token.",
            discussion: "VAR's more_smooth: often nicer pictures, but not for measuring FID."))
    var smooth = false

    /// What the user said, over what the model recommends.
    func parameters(over defaults: SamplingParameters) -> SamplingParameters {
        SamplingParameters(
            guidance: cfg ?? defaults.guidance, topK: topK ?? defaults.topK, topP: topP ?? defaults.topP,
            temperature: temperature, isSmooth: smooth)
    }

    func validate() throws { try parameters(over: SamplingParameters()).check() }
}
