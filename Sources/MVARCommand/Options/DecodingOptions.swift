import ArgumentParser
import MVAR

/// How tokens become pixels.
struct DecodingOptions: ParsableArguments {
    @Flag(
        help: ArgumentHelp(
            "Decode by the plainest algorithm.",
            discussion: """
                On the CPU pictures are decoded by an algorithm that is several times as fast and whose roundings differ by \
                about a hundred-thousandth: hardly a pixel changes, and then by one step of 256.
                """))
    var exact = false

    /// A source that decodes in this way.
    func applied(to source: ModelSource) -> ModelSource {
        var source = source
        if exact { source.decoding = .direct }
        return source
    }
}
