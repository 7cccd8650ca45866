public import FileOutput

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Why a picture could not be read, written or compared.
public struct ImageError: Error, Hashable, Sendable {
    /// What is wrong.
    public let reason: Reason
    /// The file that it is about; nil for bytes in memory.
    public let path: String?

    init(_ reason: Reason, path: String? = nil) {
        self.reason = reason
        self.path = path
    }

    /// The error about bytes that begin like no picture of ours.
    init(unrecognized start: [UInt8]) {
        self.init(start.isEmpty ? .empty : .notAPicture(looksLike: ImageFormat.foreignName(of: start)))
    }

    /// The same about a named file.
    func with(path: String) -> ImageError { ImageError(reason, path: path) }

    /// The same for a line that names the file already.
    package var withoutPath: ImageError { ImageError(reason) }

    /// What can be wrong with a picture or its file.
    public enum Reason: Hashable, Sendable {
        /// There is no such file.
        case absent
        /// The file is an empty pipe that nobody writes to.
        case abandonedPipe
        /// The system declined to read the file, for the `errno` `code`.
        case unreadable(code: Int32)
        /// The file is larger than any picture that could be read: more than `limit` bytes.
        case fileTooLarge(limit: Int)
        /// The file holds no bytes at all.
        case empty
        /// The content is no picture of a known format; `looksLike` says what it seems to be, where that is known.
        case notAPicture(looksLike: String?)
        /// The file ends too early.
        case truncated(ImageFormat)
        /// The content breaks its format's rules; `detail` is the decoder's own text.
        case corrupt(ImageFormat, detail: String)
        /// A film, of which no single picture is meant.
        case animated(ImageFormat)
        /// More pixels than this program takes: ``PixelImage/maximumSide``, ``PixelImage/maximumPixelCount``.
        case tooLarge(width: Int, height: Int)
        /// The path's extension names no format that can be written.
        case unsupportedExtension(String)
        /// The format cannot hold a picture of this size.
        case tooLargeFor(ImageFormat, width: Int, height: Int)
        /// The encoder failed; `detail` is its own text.
        case encodingFailed(ImageFormat, detail: String)
        /// A text for the file cannot be stored in it.
        case unstorableText(key: String)
        /// Pictures that are compared differ in size.
        case sizesDiffer(width: Int, height: Int, otherWidth: Int, otherHeight: Int)
        /// The picture is smaller than the `side × side` window that slides over it.
        case tooSmall(width: Int, height: Int, side: Int)
        /// A grid of no pictures was asked for.
        case emptyGrid
        /// The file could not be written.
        case output(FileOutputError)
    }
}

extension ImageError: CustomStringConvertible {
    /// One line: what is wrong and what to do.
    public var description: String {
        let known = "Known are PNG (.png), JPEG (.jpg, .jpeg) and WebP (.webp)."
        return switch reason {
        case .absent: "\(reading): there is no such file. Check the path."
        case .abandonedPipe:
            "\(reading): it is an empty pipe that nobody writes to. Start its writer first, or save the picture to a file."
        case .unreadable(let code): "\(reading): \(String(cString: strerror(code))). \(Self.advice(for: code))"
        case .fileTooLarge(let limit): "\(reading): it is larger than \(limit) bytes. Give a smaller picture."
        case .empty: "\(reading): the file is empty. Get another copy."
        case .notAPicture(let looksLike?): "\(reading): it looks like \(looksLike). \(known) Convert it first."
        case .notAPicture(nil): "\(reading): it is no picture of a known format. \(known)"
        case .truncated(let format): "\(reading): the \(format.rawValue) data end too early. Get a whole copy."
        case .corrupt(let format, let detail):
            "\(reading): the \(format.rawValue) data are damaged (\(detail)). Get another copy or save it anew."
        case .animated(let format):
            "\(reading): it is an animated \(format.rawValue). Save the picture that is meant as a file of its own."
        case .tooLarge(let width, let height):
            "\(asking): \(width) × \(height) pixels are too many. The limits are \(PixelImage.maximumSide) a side "
                + "and \(PixelImage.maximumPixelCount) in all; make it smaller."
        case .unsupportedExtension(let name):
            "\(writing): \(name.isEmpty ? "it has no extension" : "'.\(name)' is no format that can be written"). "
                + known
        case .tooLargeFor(let format, let width, let height):
            "\(writing): \(format.rawValue) holds at most \(format.maximumSide) pixels a side, not \(width) × "
                + "\(height). Write a PNG or a smaller picture."
        case .encodingFailed(let format, let detail):
            "\(writing): the \(format.rawValue) encoder failed (\(detail)). Try another format."
        case .unstorableText(let key):
            "\(writing): the text '\(key)' cannot be stored. A key has 1 to 79 printable ASCII characters and no "
                + "space at its ends; neither it nor the value holds a zero character."
        case .sizesDiffer(let width, let height, let otherWidth, let otherHeight):
            "\(asking): \(width) × \(height) pixels cannot be compared with \(otherWidth) × \(otherHeight). "
                + "Give pictures of one size."
        case .tooSmall(let width, let height, let side):
            "\(asking): \(width) × \(height) pixels are too few for windows of \(side) × \(side). "
                + "Give a larger picture."
        case .emptyGrid: "A grid needs at least one picture."
        case .output(let error): error.description
        }
    }

    private var reading: String { "Cannot read \(name)" }
    private var writing: String { "Cannot write \(name)" }
    private var asking: String { "Cannot use \(name)" }
    private var name: String { path.map { "'\($0)'" } ?? "the picture" }

    private static func advice(for code: Int32) -> String {
        switch code {
        case EACCES, EPERM: "Ask for the right to read it."
        case EISDIR: "Name a file in it."
        default: "Check the path and the disk."
        }
    }
}
