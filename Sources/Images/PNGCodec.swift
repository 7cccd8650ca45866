import CPNG

/// PNG through libpng's simplified interface, which keeps its `longjmp` to itself.
enum PNGCodec {
    static func decode(_ bytes: [UInt8]) throws(ImageError) -> PixelImage {
        // libpng stops reading after the last pixel and takes a file without an end for whole.
        let chunks = PNGChunks(of: bytes)
        guard chunks.isWhole else { throw ImageError(.truncated(.png)) }
        var image = png_image()
        image.version = png_uint_32(PNG_IMAGE_VERSION)
        defer { png_image_free(&image) }
        guard png_image_begin_read_from_memory(&image, bytes, bytes.count) != 0 else { throw corrupt(image) }
        let (width, height) = (Int(image.width), Int(image.height))
        try PixelImage.checkSize(width: width, height: height)
        // Without the flag libpng takes 16-bit values for linear light, which no other reader does.
        image.flags |= png_uint_32(PNG_IMAGE_FLAG_16BIT_sRGB)
        let hasAlpha = image.format & png_uint_32(PNG_FORMAT_FLAG_ALPHA) != 0
        image.format = png_uint_32(PNG_FORMAT_FLAG_COLOR) | (hasAlpha ? png_uint_32(PNG_FORMAT_FLAG_ALPHA) : 0)
        let size = width * height * (hasAlpha ? 4 : 3)
        let pixels = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            if png_image_finish_read(&image, nil, buffer.baseAddress, 0, nil) != 0 { count = size }
        }
        guard pixels.count == size else { throw corrupt(image) }
        let picture =
            hasAlpha
            ? PixelImage(width: width, height: height, overWhite: pixels)
            : PixelImage(width: width, height: height, pixels: pixels)
        return picture.oriented(by: chunks.first("eXIf").flatMap { EXIFOrientation(tiff: bytes[$0.content]) })
    }

    static func encode(_ picture: PixelImage) throws(ImageError) -> [UInt8] {
        var image = png_image()
        image.version = png_uint_32(PNG_IMAGE_VERSION)
        image.width = png_uint_32(picture.width)
        image.height = png_uint_32(picture.height)
        image.format = png_uint_32(PNG_FORMAT_FLAG_COLOR)
        defer { png_image_free(&image) }
        // Deflate grows what it cannot compress by less than this; the rest is for headers.
        let raw = picture.height * (picture.width * 3 + 1)
        var size = raw + raw / 8 + 1024
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            if png_image_write_to_memory(&image, buffer.baseAddress, &size, 0, picture.pixels, 0, nil) != 0 {
                count = size
            }
        }
        guard !bytes.isEmpty else { throw ImageError(.encodingFailed(.png, detail: message(of: image))) }
        return bytes
    }

    private static func corrupt(_ image: png_image) -> ImageError {
        ImageError(.corrupt(.png, detail: message(of: image)))
    }

    private static func message(of image: png_image) -> String {
        let text = withUnsafeBytes(of: image.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        return text.isEmpty ? "no details" : text.filter { !$0.isNewline }
    }
}
