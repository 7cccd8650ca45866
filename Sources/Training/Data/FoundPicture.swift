import Checkpoints
import FileInput
import Images

/// A picture where a source has it, not yet decoded.
struct FoundPicture: Sendable {
    /// What there is to decode.
    enum Content: Sendable {
        case bytes([UInt8])
        /// Bytes of a file that holds others, too.
        case part(path: String, offset: Int, size: Int)
        case file(String)
        /// Nothing, for this reason.
        case unusable(String)
        /// A file of another kind, which may lie among pictures.
        case stray
        /// Nothing, and the class cannot be used.
        case refused(DataError)
    }

    /// Its class; nil where that is not known, and the content is unusable.
    let className: String?
    /// Whether the class is a number that the source itself counts from 0.
    var isNumbered = false
    /// Where it is, for people.
    let name: String
    let content: Content

    /// Decodes it.
    ///
    /// - Returns: The picture.
    /// - Throws: ``UnreadablePicture`` where that cannot be done.
    func decoded() throws(UnreadablePicture) -> PixelImage {
        switch content {
        case .bytes(let bytes): return try decoding { () throws(ImageError) in try PixelImage(decoding: bytes) }
        case .part(let path, let offset, let size):
            let bytes = try part(of: path, at: offset, size: size)
            return try decoding { () throws(ImageError) in try PixelImage(decoding: bytes) }
        case .file(let path): return try decoding { () throws(ImageError) in try PixelImage(contentsOf: path) }
        case .unusable(let reason): throw UnreadablePicture(name: name, reason: reason)
        case .stray: throw UnreadablePicture(name: name, reason: "it is no picture.")
        case .refused(let error): throw UnreadablePicture(name: name, reason: "\(error)")
        }
    }

    /// The size of its file, or of its part of an archive; nil where that is not known.
    var byteCount: Int? {
        switch content {
        case .bytes(let bytes): bytes.count
        case .part(_, _, let size): size
        case .file(let path): InputFile.size(of: path)
        case .unusable, .stray, .refused: nil
        }
    }

    private func part(of path: String, at offset: Int, size: Int) throws(UnreadablePicture) -> [UInt8] {
        do throws(FileInputError) {
            return try InputFile.part(of: path, at: offset, count: size)
        } catch {
            throw UnreadablePicture(name: name, reason: "the archive cannot be read: \(error).")
        }
    }

    private func decoding(_ body: () throws(ImageError) -> PixelImage) throws(UnreadablePicture) -> PixelImage {
        do throws(ImageError) {
            return try body()
        } catch {
            throw UnreadablePicture(name: name, reason: "\(error.withoutPath)")
        }
    }
}

/// A picture that was passed over, and why.
public struct UnreadablePicture: Error, Hashable, Sendable {
    /// Where it is.
    public let name: String
    /// What is wrong with it.
    public let reason: String

    init(name: String, reason: String) {
        self.name = printable(name)
        self.reason = printable(reason)
    }
}
