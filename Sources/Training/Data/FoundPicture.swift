import Checkpoints
import Images

/// A picture where a source has it, not yet decoded.
struct FoundPicture: Sendable {
    /// What there is to decode.
    enum Content: Sendable {
        case bytes([UInt8])
        case file(String)
        /// Nothing, for this reason.
        case unusable(String)
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
        case .bytes(let bytes): try decoding { () throws(ImageError) in try PixelImage(decoding: bytes) }
        case .file(let path): try decoding { () throws(ImageError) in try PixelImage(contentsOf: path) }
        case .unusable(let reason): throw UnreadablePicture(name: name, reason: reason)
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
