#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

extension PixelImage {
    /// Reads a picture from a file.
    ///
    /// The format is told by the content, whatever the file's name. See ``init(decoding:)`` for what becomes of
    /// transparency, rotation and the like.
    ///
    /// - Parameter path: A PNG, JPEG or WebP file.
    /// - Throws: ``ImageError``, naming the path, where the file is absent, no picture, damaged or too large.
    public init(contentsOf path: String) throws(ImageError) {
        do throws(ImageError) {
            try self.init(decoding: Self.bytes(ofPictureAt: path))
        } catch {
            throw error.with(path: path)
        }
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
        case nil: throw Self.unrecognized(bytes)
        }
    }

    static func checkSize(width: Int, height: Int) throws(ImageError) {
        // Sides first, so that the product cannot overflow.
        guard width <= maximumSide, height <= maximumSide, width * height <= maximumPixelCount else {
            throw ImageError(.tooLarge(width: width, height: height))
        }
    }

    private static func unrecognized(_ start: [UInt8]) -> ImageError {
        ImageError(start.isEmpty ? .empty : .notAPicture(looksLike: ImageFormat.foreignName(of: start)))
    }

    /// The bytes of a file that begins like a picture; nothing else is read whole, be it 1 GB or endless.
    static func bytes(ofPictureAt path: String) throws(ImageError) -> [UInt8] {
        let limit = 1 << 30
        guard !path.utf8.contains(0) else { throw ImageError(.absent) }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw ImageError(errno == ENOENT || errno == ENOTDIR ? .absent : .unreadable(code: errno))
        }
        defer { close(descriptor) }
        var bytes = try read(upTo: 4096, from: descriptor)
        guard ImageFormat(signatureOf: bytes) != nil else { throw unrecognized(bytes) }
        var status = stat()
        if fstat(descriptor, &status) == 0, status.st_size > bytes.count {
            guard status.st_size <= limit else { throw ImageError(.fileTooLarge(limit: limit)) }
            bytes.reserveCapacity(Int(status.st_size))
        }
        while true {
            let more = try read(upTo: 1 << 20, from: descriptor)
            if more.isEmpty { return bytes }
            bytes += more
            guard bytes.count <= limit else { throw ImageError(.fileTooLarge(limit: limit)) }
        }
    }

    /// Reads until `count` bytes have come or the file has ended.
    private static func read(upTo count: Int, from descriptor: Int32) throws(ImageError) -> [UInt8] {
        var failure: Int32?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                // Qualified: the method's own name hides the function.
                let received = systemRead(descriptor, buffer.baseAddress.map { $0 + filled }, count - filled)
                if received < 0, errno == EINTR { continue }
                if received < 0 { failure = errno }
                if received <= 0 { return }
                filled += received
            }
        }
        if let failure { throw ImageError(.unreadable(code: failure)) }
        return bytes
    }
}

private func systemRead(_ descriptor: Int32, _ buffer: UnsafeMutablePointer<UInt8>?, _ count: Int) -> Int {
    read(descriptor, buffer, count)
}
