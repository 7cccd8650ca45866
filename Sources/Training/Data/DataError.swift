import Checkpoints

/// Why pictures to train on could not be had.
public enum DataError: Error, Hashable, Sendable {
    /// There is no such file or folder.
    case absent(path: String)
    /// The system refuses to read it.
    case unreadable(path: String, reason: String)
    /// The file holds nothing.
    case emptyFile(path: String)
    /// The file has none of the known forms.
    case unknownForm(path: String, looksLike: String?)
    /// It is no tar archive, or not a whole one.
    case damagedArchive(path: String, reason: String)
    /// A picture and its `.cls` do not stand side by side in an archive.
    case pairApart(path: String, name: String)
    /// Two pictures share a name, and with it a `.cls`.
    case twoPictures(path: String, name: String)
    /// A `.cls` holds no class number.
    case invalidNumber(name: String, text: String)
    /// A line of a list names no picture and class.
    case invalidList(path: String, line: Int, reason: String)
    /// A folder holds no folders, which would be classes, but perhaps files.
    case noClassFolders(path: String, files: Int)
    /// The folder of a class holds several folders, or a folder inside it one: classes, perhaps.
    case foldersInClass(path: String, count: Int, first: String)
    /// The choice of classes is empty.
    case noClassNamed
    /// A class is chosen twice, and cannot have two labels.
    case classNamedTwice(String)
    /// No picture was found.
    case noPictures(paths: [String])
    /// Pictures were found, but none of the chosen classes, of which this is the first.
    case noneOfClasses(first: String, others: Int, paths: [String])
    /// Classes of which no picture was found, or none that can be read.
    case emptyClasses([String], paths: [String])
    /// Classes that have a folder without a picture.
    case emptyFolders([String], paths: [String])
    /// A class number without a picture, below the largest.
    case missingNumber(Int, largest: Int)
    /// All pictures are of one class.
    case oneClass(String, pictures: Int)
    /// More than one picture in a hundred could not be read.
    case tooManyUnreadable(count: Int, of: Int, first: UnreadablePicture)
    /// A picture that could be read before.
    case lost(UnreadablePicture)
}

extension DataError: CustomStringConvertible {
    /// What is wrong and what to do, on one line.
    public var description: String { printable(message) }

    private static let forms = """
        Give a folder with a folder for every class, a tar archive (gzipped or not) of CLASS/NAME or of pictures with \
        .cls files, or a list with a picture's path, a tab and its class on every line.
        """

    private var message: String {
        switch self {
        case .absent(let path): "There is no '\(path)'. \(Self.forms)"
        case .unreadable(let path, let reason): "'\(path)' cannot be read: \(reason)."
        case .emptyFile(let path): "'\(path)' is empty. Get a whole copy, or leave it out."
        case .unknownForm(let path, let looksLike):
            "'\(path)' \(looksLike.map { "is \($0)" } ?? "is in no form that is known"). \(Self.forms)"
        case .damagedArchive(let path, let reason):
            "'\(path)' is no whole tar archive: \(reason). Get another copy, or pack it again."
        case .pairApart(let path, let name):
            "'\(path)' has '\(name)' apart from its picture. The two must stand side by side, as after tar --sort=name."
        case .twoPictures(let path, let name):
            "'\(path)' has two pictures named '\(name)' for one .cls. Keep one, or give each its own name and .cls."
        case .invalidNumber(let name, let text):
            "'\(name)' holds '\(text.split(whereSeparator: \.isNewline).first ?? "")' and no class number. "
                + "Write a whole number from 0 on, in decimal digits and nothing else."
        case .invalidList(let path, let line, let reason): "Line \(line) of '\(path)': \(reason)."
        case .noClassFolders(let path, let files):
            files == 0
                ? "The folder '\(path)' is empty. \(Self.forms)"
                : "The folder '\(path)' holds no folders. Put the pictures of each class into a folder of its own there, "
                    + "or name them in a list with a picture's path, a tab and its class on every line."
        case .foldersInClass(let path, let count, let first):
            "'\(path)' should hold pictures of one class, and holds "
                + "\(count == 1 ? "the folder" : "\(count) folders, such as") '\(first)'. Give '\(path)' where its "
                + "folders are the classes; otherwise put all pictures of the class into one folder."
        case .noClassNamed: "No class is named. Give --classes at least one name, or leave it out to use all."
        case .classNamedTwice(let name): "The class '\(name)' is named twice. Name each class once in --classes."
        case .noPictures(let paths): "No pictures are in \(paths.joined(separator: ", ")). \(Self.forms)"
        case .noneOfClasses(let first, let others, let paths):
            "\(Self.holders(paths)) \(others) picture\(others == 1 ? "" : "s"), and none of a class that is used, such as "
                + "'\(first)'. Give pictures of these, or choose other classes with --classes."
        case .emptyClasses(let classes, let paths):
            "\(Self.holders(paths)) no picture of \(classes.joined(separator: ", ")) that can be read. Every class that "
                + "is used needs some: add them, or choose only the others with --classes."
        case .emptyFolders(let classes, let paths):
            "\(Self.holders(paths)) no picture of \(classes.joined(separator: ", ")), only a folder. Put pictures "
                + "there, remove the folder, or choose the others with --classes."
        case .missingNumber(let number, let largest):
            "Class \(number) has no picture, and class \(largest) has. Number the classes from 0 without a gap, or choose "
                + "those that are there with --classes."
        case .oneClass(let name, let pictures):
            "All pictures (\(pictures)) are of one class, '\(name)'. A model of classes needs at least two: add pictures of "
                + "another, or check that the folders are classes and not parts of one."
        case .tooManyUnreadable(let count, let total, let first):
            "\(count) of \(total) pictures cannot be read\(count == 1 ? ":" : ", the first being") \(first.name): "
                + "\(first.reason) More than 1 in 100 is too many; check the data."
        case .lost(let picture): "\(picture.name) could be read at first, and not any more: \(picture.reason)"
        }
    }

    private static func holders(_ paths: [String]) -> String {
        paths.joined(separator: ", ") + (paths.count == 1 ? " holds" : " hold")
    }
}
