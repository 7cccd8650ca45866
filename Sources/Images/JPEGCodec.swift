import CTurboJPEG

/// JPEG through TurboJPEG's `tj*` interface, which keeps libjpeg's `longjmp` to itself.
enum JPEGCodec {
    static func decode(_ bytes: [UInt8]) throws(ImageError) -> PixelImage {
        guard let handle = tjInitDecompress() else { throw ImageError(.corrupt(.jpeg, detail: "no memory")) }
        defer { tjDestroy(handle) }
        var (width, height, subsampling, colorSpace): (Int32, Int32, Int32, Int32) = (-1, -1, -1, -1)
        let status = tjDecompressHeader3(
            handle, bytes, UInt(bytes.count), &width, &height, &subsampling, &colorSpace)
        // A rare subsampling alone is no obstacle: only the planar interface needs to know it by name.
        guard status == 0 || width > 0 && height > 0 && colorSpace >= 0 else { throw failure(handle, bytes) }
        try PixelImage.checkSize(width: Int(width), height: Int(height))
        let isInk = colorSpace == Int32(TJCS_CMYK.rawValue) || colorSpace == Int32(TJCS_YCCK.rawValue)
        let format = Int32(isInk ? TJPF_CMYK.rawValue : TJPF_RGB.rawValue)
        // A warning means that pixels are missing or made up. A progressive file may repeat its scans without end.
        let flags = TJFLAG_ACCURATEDCT | TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS
        let size = Int(width) * Int(height) * (isInk ? 4 : 3)
        let pixels = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            let status = tjDecompress2(
                handle, bytes, UInt(bytes.count), buffer.baseAddress, width, 0, height, format, flags)
            if status == 0 { count = size }
        }
        guard pixels.count == size else { throw failure(handle, bytes) }
        let notes = JPEGNotes(of: bytes)
        let picture =
            isInk
            ? PixelImage(width: Int(width), height: Int(height), cmyk: pixels, isInverted: notes.isByAdobe)
            : PixelImage(width: Int(width), height: Int(height), pixels: pixels)
        return picture.oriented(by: notes.orientation)
    }

    static func encode(_ picture: PixelImage, quality: Int) throws(ImageError) -> [UInt8] {
        guard let handle = tjInitCompress() else { throw ImageError(.encodingFailed(.jpeg, detail: "no memory")) }
        defer { tjDestroy(handle) }
        var encoded: UnsafeMutablePointer<UInt8>?
        var size: UInt = 0
        defer { tjFree(encoded) }
        let status = tjCompress2(
            handle, picture.pixels, Int32(picture.width), 0, Int32(picture.height), Int32(TJPF_RGB.rawValue),
            &encoded, &size, Int32(TJSAMP_444.rawValue), Int32(quality), TJFLAG_ACCURATEDCT)
        guard status == 0, let encoded else {
            throw ImageError(.encodingFailed(.jpeg, detail: message(of: handle)))
        }
        return [UInt8](UnsafeBufferPointer(start: encoded, count: Int(size)))
    }

    private static func failure(_ handle: tjhandle, _ bytes: [UInt8]) -> ImageError {
        // What comes after the end marker is not ours to judge; a few bytes of it are common.
        let tail = bytes.suffix(64)
        let ends = zip(tail, tail.dropFirst()).contains { $0 == 0xFF && $1 == 0xD9 }
        return ImageError(ends ? .corrupt(.jpeg, detail: message(of: handle)) : .truncated(.jpeg))
    }

    private static func message(of handle: tjhandle) -> String {
        String(cString: tjGetErrorStr2(handle)).filter { !$0.isNewline }
    }
}

/// What the application segments before the pixels say.
struct JPEGNotes {
    /// The rotation that the camera noted.
    private(set) var orientation: EXIFOrientation?
    /// Whether one of Adobe's programs, which store ink inverted, wrote the file.
    private(set) var isByAdobe = false

    init(of bytes: [UInt8]) {
        var position = 2  // after the start marker
        while position + 4 <= bytes.count, bytes[position] == 0xFF {
            let marker = bytes[position + 1]
            switch marker {
            case 0xFF:  // padding
                position += 1
                continue
            case 0x01, 0xD0...0xD7:  // no length follows
                position += 2
                continue
            case 0xD8, 0xD9, 0xDA:  // from the scan on, nothing here is for us
                return
            default: break
            }
            let length = Int(bytes[position + 2]) << 8 | Int(bytes[position + 3])  // counts itself
            let end = position + 2 + length
            guard length >= 2, end <= bytes.count else { return }
            let content = bytes[position + 4..<end]
            if marker == 0xE1, orientation == nil, content.starts(with: Array("Exif\0\0".utf8)) {
                orientation = EXIFOrientation(tiff: content.dropFirst(6))
            } else if marker == 0xEE, content.starts(with: "Adobe".utf8) {
                isByAdobe = true
            }
            position = end
        }
    }
}
