import FileOutput
public import Images

/// Where pictures go: one file, one file a picture, or standard output.
public struct PicturePaths: Hashable, Sendable {
    /// As typed: a path in which `%05d` stands for a picture's number, or `-` for standard output.
    public let template: String
    /// The format that the extension names; PNG for standard output.
    public let format: ImageFormat
    private let prefix: String
    private let placeholder: Placeholder?
    private let suffix: String

    private struct Placeholder: Hashable {
        let width: Int
        let padding: Character
    }

    /// Reads a template. Nothing is written or looked up yet.
    ///
    /// - Parameter template: A path with at most one placeholder `%d`, `%3d` or `%05d`, in the file's name; or `-`.
    /// - Throws: ``PicturePathError`` where the placeholder makes no sense, ``Images/ImageError`` where the extension
    ///   names no format.
    public init(_ template: String) throws {
        self.template = template
        guard !FileDestination(template).isStandardOutput else {
            (format, prefix, placeholder, suffix) = (.png, template, nil, "")
            return
        }
        let places = template.matches(of: #/%(?<digits>[0-9]*)d/#)
        guard places.count < 2 else { throw PicturePathError.severalPlaceholders(template) }
        if let place = places.first {
            let digits = place.output.digits
            guard let width = digits.isEmpty ? 1 : Int(digits), (1...20).contains(width) else {
                throw PicturePathError.width(template)
            }
            prefix = String(template[..<place.range.lowerBound])
            suffix = String(template[place.range.upperBound...])
            guard !suffix.contains("/") else { throw PicturePathError.placeholderInFolder(template) }
            placeholder = Placeholder(width: width, padding: digits.hasPrefix("0") ? "0" : " ")
        } else {
            (prefix, placeholder, suffix) = (template, nil, "")
        }
        format = try ImageFormat(extensionOf: template)
    }

    /// Whether each picture has a path of its own.
    public var isNumbered: Bool { placeholder != nil }

    /// The path of a picture.
    public func path(of number: Int) -> String {
        guard let placeholder else { return template }
        let digits = String(number)
        let padding = String(repeating: placeholder.padding, count: max(0, placeholder.width - digits.count))
        return prefix + padding + digits + suffix
    }

    /// Throws unless so many files can be written there: before anything is computed for them.
    ///
    /// - Parameter count: The number of files, 1 or more.
    /// - Throws: ``PicturePathError`` where several files would have one name, `FileOutputError` where the folder does not
    ///   exist or is not writable, or standard output is a terminal.
    public func check(count: Int) throws {
        guard count == 1 || isNumbered else {
            throw PicturePathError.oneNameForSeveral(template, count: count)
        }
        try FileDestination(path(of: 0)).check()
    }

    /// Writes a picture to where its number says, and returns the path.
    @discardableResult
    public func write(_ picture: PixelImage, number: Int, metadata: PNGMetadata = PNGMetadata()) throws -> String {
        let destination = FileDestination(path(of: number))
        if destination.isStandardOutput {
            try StandardOutput.write(picture.encoded(as: format, metadata: metadata))
        } else {
            try picture.write(to: destination.path, metadata: metadata)
        }
        return destination.name
    }
}

/// Why a path cannot take pictures.
public enum PicturePathError: Error, Hashable, Sendable, CustomStringConvertible {
    case severalPlaceholders(String)
    case width(String)
    case placeholderInFolder(String)
    case oneNameForSeveral(String, count: Int)

    /// What is wrong and what to do, on one line.
    public var description: String {
        switch self {
        case .severalPlaceholders(let path): "'\(path)' has several places for the number: keep one, such as %05d."
        case .width(let path):
            "The number in '\(path)' has an impossible width: use one such as %05d, at most 20 digits."
        case .placeholderInFolder(let path): "The number in '\(path)' must stand in the file's name, not in a folder's."
        case .oneNameForSeveral(let path, let count):
            "\(count) pictures need names of their own: put a number such as %05d into '\(path)', or lay them out in one "
                + "picture with --grid."
        }
    }
}
