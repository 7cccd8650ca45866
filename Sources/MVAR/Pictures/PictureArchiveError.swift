/// Why pictures cannot go into an archive.
public enum PictureArchiveError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The path does not end in `.npz`.
    case noArchive(String)
    /// There is a file, and nothing was said of going on.
    case exists(String)
    /// There is a file that this program did not write.
    case foreign(String)
    /// There is an archive that is not finished, and nothing was said of going on.
    case unfinished(String, folder: String)
    /// What is there was begun otherwise.
    case otherPictures(String, key: String, own: String, there: String)
    /// The folder of an unfinished archive does not tell what is in it.
    case noRecord(folder: String)
    /// Another process writes the same pictures now.
    case goesOn(String, journal: String)
    /// A file cannot be read.
    case unreadable(path: String)
    /// The folder for what is unfinished cannot be made.
    case noFolder(String, reason: String)

    /// What is wrong and what to do, on one line.
    public var description: String {
        switch self {
        case .noArchive(let path): "'\(path)' is no .npz file: name one."
        case .exists(let path):
            "'\(path)' is there already, and is not written over: remove it or name another. --resume checks that it "
                + "is what you ask for."
        case .foreign(let path):
            "'\(path)' is there already and was not written by 'mvar sample': remove it or name another."
        case .unfinished(let path, let folder):
            "'\(path)' was begun before: go on with --resume, or remove '\(folder)' to begin anew."
        case .otherPictures(let path, let key, let own, let there):
            "'\(path)' was begun with other settings: \(key) is \(there) there and \(own) here. Give the same, or name "
                + "another file."
        case .noRecord(let folder):
            "'\(folder)' does not tell which pictures are in it, as settings.json there would: remove it to begin anew."
        case .goesOn(let path, let journal):
            "Another process is writing to '\(path)' now and has '\(journal)': wait for it or end it."
        case .unreadable(let path): "'\(path)' cannot be read."
        case .noFolder(let path, let reason):
            "The folder for what is unfinished, '\(path)', cannot be made: \(reason)."
        }
    }
}
