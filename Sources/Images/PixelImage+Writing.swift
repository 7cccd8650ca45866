import FileOutput

extension PixelImage {
    /// Encodes the picture as a file's bytes.
    ///
    /// - Parameters:
    ///   - format: The file format.
    ///   - quality: `1...100` for JPEG (nil: 95; colours are not subsampled) and WebP (nil: lossless; else lossy, with
    ///     colours at half resolution). Values outside are moved to the nearest; PNG, always lossless, takes no notice.
    ///   - metadata: Texts and tokens for a PNG; the other formats don't hold them.
    /// - Returns: The bytes of the whole file.
    /// - Throws: ``ImageError`` where the format cannot hold a picture of this size or a text cannot be stored.
    public func encoded(
        as format: ImageFormat, quality: Int? = nil, metadata: PNGMetadata = PNGMetadata()
    ) throws(ImageError) -> [UInt8] {
        guard width <= format.maximumSide, height <= format.maximumSide else {
            throw ImageError(.tooLargeFor(format, width: width, height: height))
        }
        let quality = quality.map { min(max($0, 1), 100) }
        return switch format {
        case .png: try metadata.inserted(intoPNG: PNGCodec.encode(self))
        case .jpeg: try JPEGCodec.encode(self, quality: quality ?? 95)
        case .webp: try WebPCodec.encode(self, quality: quality)
        }
    }

    /// Writes the picture to a file, which appears whole or not at all. An existing one is replaced.
    ///
    /// - Parameters:
    ///   - path: Its extension names the format (see ``ImageFormat``). The folder must exist.
    ///   - quality: See ``encoded(as:quality:metadata:)``.
    ///   - metadata: Texts and tokens for a PNG; the other formats don't hold them.
    /// - Throws: ``ImageError`` where the extension is unknown or the file cannot be written.
    public func write(
        to path: String, quality: Int? = nil, metadata: PNGMetadata = PNGMetadata()
    ) throws(ImageError) {
        let format = try ImageFormat(extensionOf: path)
        let bytes: [UInt8]
        do throws(ImageError) {
            bytes = try encoded(as: format, quality: quality, metadata: metadata)
        } catch {
            throw error.with(path: path)
        }
        do throws(FileOutputError) {
            // A picture can be made again: not worth waiting for the disk, thousands of times over.
            try AtomicFile.write(bytes, to: path, durably: false)
        } catch {
            throw ImageError(.output(error), path: path)
        }
    }
}
