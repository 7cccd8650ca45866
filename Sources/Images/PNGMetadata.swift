/// What a PNG file tells beside its pixels: named texts, and the tokens that a generated picture was made of.
public struct PNGMetadata: Hashable, Sendable {
    /// A named text.
    public struct Text: Hashable, Sendable {
        /// The name: 1 to 79 printable ASCII characters, no space at its ends.
        public var key: String
        /// The text, of any characters but zero.
        public var value: String

        /// Makes a named text.
        public init(key: String, value: String) {
            self.key = key
            self.value = value
        }
    }

    /// The texts in the order of the file. A key may come more than once.
    public var texts: [Text]
    /// The content of the private chunk `mvTK`; nil where there is none.
    public var tokens: [UInt8]?

    /// Makes metadata of texts, in their order, and tokens.
    public init(texts: [Text] = [], tokens: [UInt8]? = nil) {
        self.texts = texts
        self.tokens = tokens
    }

    /// The first text of a name.
    public subscript(key: String) -> String? { texts.first { $0.key == key }?.value }
}

extension PNGMetadata {
    /// The private chunk's name. The case of each letter has a meaning: may be ignored, private, as the standard has it,
    /// and not to be copied into a picture whose pixels were changed, since the tokens would no longer be its own.
    private static let tokenChunk = "mvTK"

    /// Reads the metadata of a PNG's bytes.
    ///
    /// Texts that are compressed, and texts with a wrong checksum, are left out: nothing is inflated. A wrong checksum of the tokens
    /// is an error, since another picture would be rebuilt from them.
    ///
    /// - Parameter bytes: A PNG file.
    /// - Throws: ``ImageError`` where the bytes are no PNG, end too early, or hold damaged tokens.
    public init(decoding bytes: [UInt8]) throws(ImageError) {
        guard bytes.starts(with: PNGChunks.signature) else {
            let other = ImageFormat(signatureOf: bytes).map { "a \($0.rawValue) picture, which holds no texts" }
            throw ImageError(.notAPicture(looksLike: other ?? ImageFormat.foreignName(of: bytes)))
        }
        let chunks = PNGChunks(of: bytes)
        guard chunks.isWhole else { throw ImageError(.truncated(.png)) }
        self.init()
        for chunk in chunks.chunks {
            switch chunk.type {
            case "tEXt" where PNGChunks.isIntact(chunk, in: bytes):
                if let text = Text(latin1: bytes[chunk.content]) { texts.append(text) }
            case "iTXt" where PNGChunks.isIntact(chunk, in: bytes):
                if let text = Text(international: bytes[chunk.content]) { texts.append(text) }
            case Self.tokenChunk where tokens == nil:
                guard PNGChunks.isIntact(chunk, in: bytes) else {
                    throw ImageError(.corrupt(.png, detail: "the checksum of the tokens is wrong"))
                }
                tokens = Array(bytes[chunk.content])
            default: break
            }
        }
    }

    /// Reads the metadata of a PNG file.
    ///
    /// - Parameter path: A PNG file.
    /// - Throws: ``ImageError`` where the file is absent, no PNG, ends too early, or holds damaged tokens.
    public init(contentsOf path: String) throws(ImageError) {
        self = try ImageFile(path: path).metadata()
    }

    /// The PNG with this metadata in front of its pixels.
    func inserted(intoPNG png: [UInt8]) throws(ImageError) -> [UInt8] {
        guard !texts.isEmpty || tokens != nil else { return png }
        var added: [UInt8] = []
        for text in texts { added += try text.chunk() }
        if let tokens { added += PNGChunks.encoded(Self.tokenChunk, tokens) }
        guard let pixels = PNGChunks(of: png).first("IDAT") else {
            throw ImageError(.encodingFailed(.png, detail: "no pixels"))
        }
        return png[..<pixels.whole.lowerBound] + added + png[pixels.whole.lowerBound...]
    }
}

extension PNGMetadata.Text {
    /// `tEXt`: key, zero, text, in Latin-1.
    fileprivate init?(latin1 content: ArraySlice<UInt8>) {
        guard let zero = content.firstIndex(of: 0) else { return nil }
        func text(_ bytes: ArraySlice<UInt8>) -> String {
            String(String.UnicodeScalarView(bytes.map(Unicode.Scalar.init)))
        }
        self.init(key: text(content[..<zero]), value: text(content[(zero + 1)...]))
    }

    /// `iTXt`: key, zero, compression flag and method, language, zero, translated key, zero, text, in UTF-8.
    fileprivate init?(international content: ArraySlice<UInt8>) {
        let parts = content.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, parts[1].count >= 4, parts[1].first == 0 else { return nil }
        let rest = parts[1].dropFirst(2).split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false)
        guard rest.count == 3 else { return nil }
        self.init(key: String(decoding: parts[0], as: UTF8.self), value: String(decoding: rest[2], as: UTF8.self))
    }

    fileprivate func chunk() throws(ImageError) -> [UInt8] {
        let isPrintable = key.utf8.allSatisfy { (0x20...0x7E).contains($0) }
        guard (1...79).contains(key.utf8.count), isPrintable, key.first != " ", key.last != " ", !value.utf8.contains(0)
        else { throw ImageError(.unstorableText(key: key.debugDescription)) }
        // ASCII is the same in both; anything else needs the chunk that says UTF-8.
        if value.utf8.allSatisfy({ $0 < 0x80 }) {
            return PNGChunks.encoded("tEXt", Array(key.utf8) + [0] + Array(value.utf8))
        }
        return PNGChunks.encoded("iTXt", Array(key.utf8) + [0, 0, 0, 0, 0] + Array(value.utf8))
    }
}
