import CWebP

/// WebP through libwebp's plain functions.
enum WebPCodec {
    static func decode(_ bytes: [UInt8]) throws(ImageError) -> PixelImage {
        var features = WebPBitstreamFeatures()
        switch WebPGetFeatures(bytes, bytes.count, &features) {
        case VP8_STATUS_OK: break
        case VP8_STATUS_NOT_ENOUGH_DATA: throw ImageError(.truncated(.webp))
        default: throw ImageError(.corrupt(.webp, detail: "its header breaks the format's rules"))
        }
        let (width, height) = (Int(features.width), Int(features.height))
        try PixelImage.checkSize(width: width, height: height)
        guard features.has_animation == 0 else { throw ImageError(.animated(.webp)) }
        let hasAlpha = features.has_alpha != 0
        let rowSize = width * (hasAlpha ? 4 : 3)
        let size = rowSize * height
        let pixels = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            let decode = hasAlpha ? WebPDecodeRGBAInto : WebPDecodeRGBInto
            if decode(bytes, bytes.count, buffer.baseAddress, size, Int32(rowSize)) != nil { count = size }
        }
        guard pixels.count == size else {
            throw ImageError(isCutOff(bytes) ? .truncated(.webp) : .corrupt(.webp, detail: "libwebp cannot decode it"))
        }
        let picture =
            hasAlpha
            ? PixelImage(width: width, height: height, overWhite: pixels)
            : PixelImage(width: width, height: height, pixels: pixels)
        return picture.oriented(by: orientation(in: bytes))
    }

    static func encode(_ picture: PixelImage, quality: Int?) throws(ImageError) -> [UInt8] {
        let (width, height, stride) = (Int32(picture.width), Int32(picture.height), Int32(picture.width * 3))
        var encoded: UnsafeMutablePointer<UInt8>?
        defer { WebPFree(encoded) }
        let size =
            if let quality {
                WebPEncodeRGB(picture.pixels, width, height, stride, Float(quality), &encoded)
            } else {
                WebPEncodeLosslessRGB(picture.pixels, width, height, stride, &encoded)
            }
        guard size > 0, let encoded else { throw ImageError(.encodingFailed(.webp, detail: "no memory")) }
        return [UInt8](UnsafeBufferPointer(start: encoded, count: size))
    }

    /// Whether the file is shorter than its own header says.
    private static func isCutOff(_ bytes: [UInt8]) -> Bool { bytes.count < 8 + littleEndian(bytes, at: 4) }

    private static func orientation(in bytes: [UInt8]) -> EXIFOrientation? {
        var position = 12
        while position + 8 <= bytes.count {
            let length = littleEndian(bytes, at: position + 4)
            let content = position + 8
            guard length <= bytes.count - content else { return nil }
            if bytes[position..<position + 4].elementsEqual("EXIF".utf8) {
                let note = bytes[content..<content + length]
                // Some writers keep the prefix that only JPEG asks for.
                let prefix = Array("Exif\0\0".utf8)
                return EXIFOrientation(tiff: note.starts(with: prefix) ? note.dropFirst(prefix.count) : note)
            }
            position = content + length + length % 2
        }
        return nil
    }

    private static func littleEndian(_ bytes: [UInt8], at offset: Int) -> Int {
        (0..<4).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
    }
}
