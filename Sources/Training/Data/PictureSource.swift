import Checkpoints
import FileInput
import Foundation
import Images

/// Pictures and their classes in one of the forms in which people keep them, told apart by content:
///
/// - a folder with a folder for every class, in which the pictures lie, or one folder with them;
/// - a tar archive, plain or gzipped, of entries `CLASS/NAME`;
/// - a tar archive, plain or gzipped, of pairs as WebDataset has them: a picture and a `.cls` of the same name;
/// - a list: a text with a picture's path, a tab and its class on every line.
struct PictureSource {
    /// Gets a picture; returns false to stop.
    typealias Visitor = (FoundPicture) throws(DataError) -> Bool

    let path: String

    /// Calls `body` with every picture, in an order that depends on nothing but the source's content.
    ///
    /// - Parameters:
    ///   - declare: Gets every class for which there is a place, be it empty.
    ///   - body: Gets the pictures.
    /// - Returns: Whether `body` wants more.
    /// - Throws: ``DataError`` where the source cannot be read or has none of the forms.
    func forEachPicture(declaring declare: (String) -> Void, _ body: Visitor) throws(DataError) -> Bool {
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
            return try visitFolder(declaring: declare, body)
        }
        let stream = try DataStream(path: path)
        let start = try stream.peek(TarArchive.blockSize)
        if TarArchive.begins(start) {
            return try visitArchive(TarArchive(stream), body)
        }
        guard !start.isEmpty else { throw .emptyFile(path: path) }
        guard !stream.isGzipped, PictureList.begins(start) else {
            throw .unknownForm(path: path, looksLike: Self.name(of: start, isGzipped: stream.isGzipped))
        }
        return try PictureList(stream).forEachPicture(body)
    }

    private func visitArchive(_ archive: TarArchive, _ body: Visitor) throws(DataError) -> Bool {
        var pictures = ArchivePictures(path: path)
        var goesOn = true
        try archive.forEachFile { (entry) throws(DataError) in
            goesOn = try pictures.take(entry, body)
            return goesOn
        }
        guard goesOn else { return false }
        return try pictures.finish(body)
    }

    private func visitFolder(declaring declare: (String) -> Void, _ body: Visitor) throws(DataError) -> Bool {
        let names = try contents(of: path)
        let classes = names.filter { isFolder(path + "/" + $0) }
        guard !classes.isEmpty else { throw .noClassFolders(path: path, files: names.count) }
        for className in classes {
            declare(className)
            guard try visitClass(className, in: path + "/" + className, isInside: false, body) else { return false }
        }
        return true
    }

    /// Visits the pictures of a class, in its folder and in one folder inside, as Tiny ImageNet has them.
    ///
    /// A class with more folders is refused: they are the classes where the folder above `train` and `val` was given.
    private func visitClass(
        _ className: String, in folder: String, isInside: Bool, _ body: Visitor
    ) throws(DataError) -> Bool {
        let names = try contents(of: folder)
        // Few names have no suffix of a picture, so few files are looked at.
        let others = names.filter { !PictureSuffix.isPicture(PictureSuffix.split($0).suffix) }
        let folders = others.filter { isFolder(folder + "/" + $0) }
        if let first = folders.first, isInside || folders.count > 1 {
            let error = DataError.foldersInClass(path: folder, count: folders.count, first: first)
            return try body(FoundPicture(className: className, name: folder, content: .refused(error)))
        }
        let strays = Set(others.filter { $0 != folders.first && !beginsLikePicture(folder + "/" + $0) })
        for name in names {
            let file = folder + "/" + name
            let goesOn =
                if name == folders.first {
                    try visitClass(className, in: file, isInside: true, body)
                } else {
                    try body(
                        FoundPicture(
                            className: className, name: file, content: strays.contains(name) ? .stray : .file(file)))
                }
            guard goesOn else { return false }
        }
        return true
    }

    private func beginsLikePicture(_ file: String) -> Bool {
        guard let start = try? InputFile.part(of: file, at: 0, count: 12) else { return false }
        return ImageFormat(signatureOf: start) != nil
    }

    private func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    }

    /// The visible names in a folder, sorted: the order must not depend on the file system.
    private func contents(of folder: String) throws(DataError) -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: folder).filter { !$0.hasPrefix(".") }.sorted()
        } catch {
            throw .unreadable(path: folder, reason: error.localizedDescription)
        }
    }

    /// What a file of another form is, in words; nil where it is unknown.
    private static func name(of start: [UInt8], isGzipped: Bool) -> String? {
        if isGzipped { return "a gzipped file that holds no tar archive" }
        if let format = ImageFormat(signatureOf: start) { return "a \(format.rawValue) picture" }
        let known: [([UInt8], String)] = [
            ([0x50, 0x4B, 3, 4], "a zip archive"), ([0x28, 0xB5, 0x2F, 0xFD], "compressed by zstd"),
            ([0xFD, 0x37, 0x7A, 0x58, 0x5A], "compressed by xz"), (Array("BZh".utf8), "compressed by bzip2"),
        ]
        return known.first { start.starts(with: $0.0) }?.1
    }
}
