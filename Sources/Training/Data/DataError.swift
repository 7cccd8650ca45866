/// Why pictures to train on could not be had.
public enum DataError: Error, Hashable, Sendable, CustomStringConvertible {
    /// There is no such file or folder.
    case absent(path: String)
    /// The system refuses to read it.
    case unreadable(path: String, reason: String)
    /// It is no tar archive, or not a whole one.
    case damagedArchive(path: String, reason: String)
    /// No picture of the chosen classes was found.
    case noPictures(paths: [String])
    /// Chosen classes of which no picture was found.
    case emptyClasses([String], paths: [String])
    /// Classes of which no picture is among the first so many.
    case classesBeyondLimit([String], limit: Int)
    /// More than one picture in a hundred could not be read.
    case tooManyUnreadable(count: Int, of: Int, first: String)

    /// What is wrong and what to do, on one line.
    public var description: String {
        switch self {
        case .absent(let path): "There is no '\(path)'; give a tar archive or a folder with a folder for every class."
        case .unreadable(let path, let reason): "'\(path)' cannot be read: \(reason)."
        case .damagedArchive(let path, let reason): "'\(path)' is no whole tar archive: \(reason)."
        case .noPictures(let paths):
            "No pictures are in \(paths.joined(separator: ", ")); entries must be named CLASS/NAME, as in n01443537/1.JPEG."
        case .emptyClasses(let classes, let paths):
            "\(paths.joined(separator: ", ")) \(paths.count == 1 ? "holds" : "hold") no picture of "
                + "\(classes.joined(separator: ", ")); check --classes."
        case .classesBeyondLimit(let classes, let limit):
            (limit == 1 ? "The first picture is not of " : "None of the first \(limit) pictures is of ")
                + classes.joined(separator: ", ")
                + "; raise --validation-limit: every class must be measured."
        case .tooManyUnreadable(let count, let total, let first):
            "\(count) of \(total) pictures cannot be read\(count == 1 ? ":" : ", the first being") \(first). Check the data."
        }
    }
}
