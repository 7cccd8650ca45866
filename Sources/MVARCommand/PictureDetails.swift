import MVAR

/// What a picture tells of itself.
struct PictureDetails: Encodable {
    let path: String
    let format: String
    let width: Int
    let height: Int
    /// Its texts in their order.
    let texts: [PNGMetadata.Text]
    private let tokens: PictureTokens?

    /// Reads a picture; nil where the file is none, and may be a model.
    init?(path: String) throws {
        let file: ImageFile
        do throws(ImageError) {
            file = try ImageFile(path: path)
        } catch {
            // By its name a picture: the message should speak of one.
            if (try? ImageFormat(extensionOf: path)) != nil { throw error }
            return nil
        }
        let picture = try file.image()
        let metadata = file.format == .png ? try file.metadata() : PNGMetadata()
        self.path = path
        format = file.format.rawValue
        (width, height) = (picture.width, picture.height)
        texts = metadata.texts
        tokens = try metadata.tokens.map { (bytes) throws(PictureTokensError) in try PictureTokens(decoding: bytes) }
    }

    /// Whether mixtures of codes were taken, which tokens do not say.
    var isSmooth: Bool { isTrue("mvar:smooth") }

    private func isTrue(_ key: String) -> Bool { texts.contains { $0.key == key && $0.value == "true" } }

    /// Makes the picture again, decoding as it was decoded: of bfloat16 and int8, on a processor of the same kind.
    func rebuilt(by source: ModelSource) throws -> PixelImage {
        guard let tokens else { throw RebuildError(path: path) }
        var source = source
        source.schedule = source.schedule ?? tokens.schedule
        if let precision = texts.first(where: { $0.key == "mvar:precision" }).flatMap({ Precision(rawValue: $0.value) })
        {
            source.precision = precision
        }
        if isTrue("mvar:exact") { source.convolutions = .direct }
        return try PictureSheet(rebuilding: tokens, with: LoadedModel.tokenizer(source)).image
    }

    /// A picture without tokens.
    struct RebuildError: Error, CustomStringConvertible {
        let path: String

        var description: String {
            "'\(path)' holds no tokens, so it cannot be made again: only a PNG that 'mvar sample' wrote does, and programs "
                + "that change pictures drop them."
        }
    }

    /// Lines for people.
    func text(showsAll: Bool) -> String {
        var rows = [("file", path), ("picture", "\(format), \(width) × \(height) pixels")]
        rows += texts.map { (Self.printable($0.key), Self.printable($0.value)) }
        rows += tokens.map { TokenListing($0).rows(showsAll: showsAll) } ?? [("tokens", "none")]
        return aligned(rows)
    }

    /// A stranger's text must not steer the terminal.
    private static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { scalar in
                    switch scalar.properties.generalCategory {
                    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: "?"
                    default: scalar
                    }
                }))
    }

    private enum CodingKeys: String, CodingKey {
        case path, format, width, height, texts
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(path, forKey: .path)
        try container.encode(format, forKey: .format)
        try container.encode(width, forKey: .width)
        try container.encode(height, forKey: .height)
        try container.encode(
            Dictionary(texts.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first }), forKey: .texts)
        try tokens.map(TokenListing.init)?.encode(to: encoder)
    }
}
