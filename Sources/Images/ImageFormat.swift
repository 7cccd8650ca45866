/// A file format of pictures that can be read and written.
public enum ImageFormat: String, Hashable, Sendable, CaseIterable {
    /// Lossless; holds the parameters and tokens of a generated picture too. Extension `png`.
    case png = "PNG"
    /// Lossy. Extensions `jpg` and `jpeg`.
    case jpeg = "JPEG"
    /// Lossless or lossy. Extension `webp`.
    case webp = "WebP"

    /// The file name extensions, lower case, the usual one first.
    public var fileExtensions: [String] {
        switch self {
        case .png: ["png"]
        case .jpeg: ["jpg", "jpeg"]
        case .webp: ["webp"]
        }
    }

    /// The longest side that the format, as its library writes it, can hold.
    public var maximumSide: Int {
        switch self {
        case .png: PixelImage.maximumSide
        case .jpeg: 65_500
        case .webp: 16_383
        }
    }

    /// The format that a path's extension names, in upper or lower case.
    ///
    /// - Parameter path: A path or a file name.
    /// - Throws: ``ImageError`` with ``ImageError/Reason/unsupportedExtension(_:)`` where it names none.
    public init(extensionOf path: String) throws(ImageError) {
        let name = path.split(separator: "/").last ?? ""
        let dot = name.lastIndex(of: ".")
        let found = dot.map { String(name[name.index(after: $0)...]) } ?? ""
        let format = Self.allCases.first { $0.fileExtensions.contains(found.lowercased()) }
        guard let format else { throw ImageError(.unsupportedExtension(found), path: path) }
        self = format
    }

    /// The format whose signature the bytes begin with; nil where it is none of ours.
    ///
    /// - Parameter bytes: The beginning of a file; 12 bytes are enough.
    public init?(signatureOf bytes: some Collection<UInt8>) {
        let start = Array(bytes.prefix(12))
        if start.starts(with: PNGChunks.signature) {
            self = .png
        } else if start.starts(with: [0xFF, 0xD8, 0xFF]) {
            self = .jpeg
        } else if start.count == 12, start.starts(with: "RIFF".utf8), start[8...].elementsEqual("WEBP".utf8) {
            self = .webp
        } else {
            return nil
        }
    }

    /// What a file that is none of ours looks like, in words; nil where it is unknown.
    static func foreignName(of start: [UInt8]) -> String? {
        func begins(_ text: String, at offset: Int = 0) -> Bool { start.dropFirst(offset).starts(with: text.utf8) }
        // Pictures first: the advice for them is to convert.
        let brands = ["avif": "an AVIF picture", "avis": "an AVIF picture", "heic": "a HEIC picture"]
        if begins("ftyp", at: 4) {
            let brand = start.dropFirst(8).prefix(4).map { Character(Unicode.Scalar($0)) }
            return brands[String(brand)] ?? "a HEIF picture or an MPEG-4 film"
        }
        if begins("GIF8") { return "a GIF picture" }
        if start.starts(with: [0x49, 0x49, 0x2A, 0]) || start.starts(with: [0x4D, 0x4D, 0, 0x2A]) {
            return "a TIFF picture"
        }
        if start.starts(with: [0xFF, 0x0A]) || begins("JXL ", at: 4) { return "a JPEG XL picture" }
        if begins("jP  ", at: 4) { return "a JPEG 2000 picture" }
        if begins("8BPS") { return "a Photoshop picture" }
        if begins("qoif") { return "a QOI picture" }
        if begins("P6") || begins("P5") || begins("P3") { return "a PNM picture" }
        if start.starts(with: [0, 0, 1, 0]) { return "an icon" }
        // Bytes 6 to 9 of a bitmap are reserved and zero: two letters alone would be too little.
        if begins("BM"), start.count >= 10, start[6..<10].allSatisfy({ $0 == 0 }) { return "a BMP picture" }
        if begins("%PDF") { return "a PDF document" }
        if start.starts(with: [0x50, 0x4B, 3, 4]) { return "a zip archive, or a PyTorch checkpoint" }
        if start.starts(with: [0x1F, 0x8B]) { return "a gzip archive" }
        if begins("{\"", at: 8) { return "a safetensors file" }
        if begins("<") { return "an SVG picture or a web page" }
        return nil
    }
}
