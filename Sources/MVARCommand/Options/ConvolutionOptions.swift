import ArgumentParser
import MVAR

/// How the tokenizer's convolutions are computed.
struct ConvolutionOptions: ParsableArguments {
    @Flag(
        help: ArgumentHelp(
            "Encode and decode by the plainest algorithm.",
            discussion: """
                On the CPU the tokenizer's convolutions have an algorithm that is several times as fast and whose roundings \
                differ by about a hundred-thousandth: hardly a pixel changes, and then by one step of 256, and of a million \
                tokens three.
                """))
    var exact = false

    /// A source whose tokenizer computes in this way.
    func applied(to source: ModelSource) -> ModelSource {
        var source = source
        if exact { source.convolutions = .direct }
        return source
    }
}
