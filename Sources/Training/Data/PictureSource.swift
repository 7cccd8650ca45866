import Checkpoints
import FileInput
import Foundation
import Images

/// Pictures and their classes in one of the forms in which people keep them, told apart by content:
///
/// - a folder with a folder for every class;
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
            for name in try contents(of: path + "/" + className) {
                let file = path + "/" + className + "/" + name
                guard try body(FoundPicture(className: className, name: file, content: .file(file))) else {
                    return false
                }
            }
        }
        return true
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
