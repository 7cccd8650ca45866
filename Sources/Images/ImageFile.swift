import FileInput

/// A picture's file, read whole and once: what lies in it can be looked at in several ways, also where it is a pipe.
public struct ImageFile: Hashable, Sendable {
    /// The file, as the caller named it.
    public let path: String
    /// The format, told by the content, whatever the file's name.
    public let format: ImageFormat

    private let bytes: [UInt8]

    /// Reads a file that begins like a picture. Nothing else is read whole, be it 1 GB or endless.
    ///
    /// - Parameter path: A PNG, JPEG or WebP file, or a pipe of such bytes. A named pipe needs its writer by then.
    /// - Throws: ``ImageError``, naming the path, where the file is absent, unreadable, no picture or too large.
    public init(path: String) throws(ImageError) {
        self.path = path
        do throws(ImageError) {
            (format, bytes) = try Self.content(of: path)
        } catch {
            throw error.with(path: path)
        }
    }

    /// The picture. See ``PixelImage/init(decoding:)`` for what becomes of transparency, rotation and the like.
    ///
    /// - Returns: The picture.
    /// - Throws: ``ImageError``, naming the path, where the bytes are cut off, damaged or too large a picture.
    public func image() throws(ImageError) -> PixelImage {
        do throws(ImageError) {
            return try PixelImage(decoding: bytes)
        } catch {
            throw error.with(path: path)
        }
    }

    /// What a PNG tells beside its pixels.
    ///
    /// - Returns: Its texts and tokens.
    /// - Throws: ``ImageError``, naming the path, where the file is no PNG, ends too early, or holds damaged tokens.
    public func metadata() throws(ImageError) -> PNGMetadata {
        do throws(ImageError) {
            return try PNGMetadata(decoding: bytes)
        } catch {
            throw error.with(path: path)
        }
    }

    private static func content(of path: String) throws(ImageError) -> (ImageFormat, [UInt8]) {
        let limit = 1 << 30
        let file = try reading { () throws(FileInputError) in try InputFile(path: path) }
        var bytes = try reading { () throws(FileInputError) in try file.read(4096) }
        guard let format = ImageFormat(signatureOf: bytes) else { throw ImageError(unrecognized: bytes) }
        guard file.size ?? 0 <= limit else { throw ImageError(.fileTooLarge(limit: limit)) }
        bytes.reserveCapacity(file.size ?? 0)
        while true {
            let more = try reading { () throws(FileInputError) in try file.read(1 << 20) }
            if more.isEmpty { return (format, bytes) }
            bytes += more
            guard bytes.count <= limit else { throw ImageError(.fileTooLarge(limit: limit)) }
        }
    }

    private static func reading<Result>(_ body: () throws(FileInputError) -> Result) throws(ImageError) -> Result {
        do throws(FileInputError) {
            return try body()
        } catch {
            switch error {
            case .absent: throw ImageError(.absent)
            case .abandonedPipe: throw ImageError(.abandonedPipe)
            case .failed(let code): throw ImageError(.unreadable(code: code))
            }
        }
    }
}
