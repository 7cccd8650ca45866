import ArgumentParser
import MVAR

/// How the tokenizer's convolutions are computed.
struct ConvolutionOptions: ParsableArguments {
    @Flag(
        help: ArgumentHelp(
            "Encode and decode by the plainest algorithm.",
            discussion: """
                On the CPU the tokenizer's convolutions have an algorithm that is two to three times as fast. In float32 \
                hardly a pixel changes by it, and then by one step of 256, and three of a million tokens. Pictures that \
                are generated in bfloat16 or int8 are decoded with products in bfloat16 where the processor has them, and \
                with this flag in float32 (nearly 50 dB apart).
                """))
    var exact = false

    /// A source whose tokenizer computes in this way.
    func applied(to source: ModelSource) -> ModelSource {
        var source = source
        if exact { source.convolutions = .direct }
        return source
    }
}
