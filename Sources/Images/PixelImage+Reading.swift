extension PixelImage {
    /// Reads a picture from a file.
    ///
    /// The format is told by the content, whatever the file's name. See ``init(decoding:)`` for what becomes of
    /// transparency, rotation and the like.
    ///
    /// - Parameter path: A PNG, JPEG or WebP file.
    /// - Throws: ``ImageError``, naming the path, where the file is absent, no picture, damaged or too large.
    public init(contentsOf path: String) throws(ImageError) {
        self = try ImageFile(path: path).image()
    }

    /// Reads a picture from a file's bytes.
    ///
    /// Any colour form becomes 8-bit RGB. What is transparent shows white behind it (mixed on the sRGB values, as web
    /// browsers do). 16-bit channels are rounded to 8. A PNG's gamma is respected, colour profiles are not. CMYK is
    /// converted without a profile. The rotation that a camera noted (EXIF orientation) is carried out.
    ///
    /// - Parameter bytes: A whole PNG, JPEG or WebP file, told apart by their first bytes.
    /// - Throws: ``ImageError`` where the bytes are no picture, cut off, damaged or too large.
    public init(decoding bytes: [UInt8]) throws(ImageError) {
        switch ImageFormat(signatureOf: bytes) {
        case .png: self = try PNGCodec.decode(bytes)
        case .jpeg: self = try JPEGCodec.decode(bytes)
        case .webp: self = try WebPCodec.decode(bytes)
        case nil: throw ImageError(unrecognized: bytes)
        }
    }

    static func checkSize(width: Int, height: Int) throws(ImageError) {
        // Sides first, so that the product cannot overflow.
        guard width <= maximumSide, height <= maximumSide, width * height <= maximumPixelCount else {
            throw ImageError(.tooLarge(width: width, height: height))
        }
    }
}
