import CZlib
import Foundation
import Images
import Testing

@testable import Training

@Suite("Sources of pictures")
struct SourceTests {
    private let data: DrawnData

    init() throws { data = try DrawnData() }

    private func png(_ number: Int) throws -> [UInt8] {
        try DrawnData.picture(of: number % 2, number: number, side: 16).encoded(as: .png)
    }

    private func file(_ name: String, _ bytes: [UInt8]) throws -> String {
        let path = data.folder + "/" + name
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return path
    }

    private func tar(_ name: String, _ entries: [(name: String, bytes: [UInt8])]) throws -> String {
        try file(name, tarArchive(of: entries))
    }

    /// A shard of WebDataset: six pictures of the classes 0, 1 and 2, `.cls` before the picture or behind it.
    private func pairs(numberFirst: Bool = true) throws -> [(name: String, bytes: [UInt8])] {
        try (0..<6).flatMap { index in
            let number = ("shard/\(index).cls", Array("\(index % 3)\n".utf8))
            let picture = ("shard/\(index).\(["png", "PNG"][index % 2])", try png(index))
            let text = ("shard/\(index).json", Array("{}".utf8))
            return numberFirst ? [number, text, picture] : [text, picture, number]
        }
    }

    /// What a source is refused with.
    private func failure(_ paths: String..., classes: [String]? = nil) -> DataError? {
        do throws(DataError) {
            _ = try PictureSet(paths, classes: classes, side: 16)
            return nil
        } catch {
            return error
        }
    }

    @Test("One set of pictures is the same from a folder, an archive, a list, and pairs, gzipped or not")
    func formsAgree() throws {
        let names = ["0", "1", "2"]
        var list = "\u{FEFF}"
        var entries: [(name: String, bytes: [UInt8])] = []
        for index in 0..<6 {
            let name = "tree/\(names[index % 3])/\(index).png"
            _ = try file(name, png(index))
            list += "\(name)\t\(names[index % 3])\r\n\n"
            entries.append((names[index % 3] + "/\(index).png", try png(index)))
        }
        let archive = tarArchive(of: entries)
        let inOrder = try [
            file("a.tar", archive), file("misnamed", gzipped(archive)), file("list.jpg", Array(list.utf8)),
            tar("pairs.tar", pairs()), tar("pairs-behind", pairs(numberFirst: false)),
            file("members.tgz", gzipped(Array(archive[..<700])) + gzipped(Array(archive[700...])) + [0, 0, 0]),
        ]
        let expected = try (0..<6).map { try PixelImage(decoding: png($0)) }
        for path in inOrder {
            let set = try PictureSet([path], side: 16)
            #expect(set.classes == names, "\(path)")
            #expect(set.labels == [0, 1, 2, 0, 1, 2], "\(path)")
            #expect(try set.images() == expected, "\(path)")
        }
        let tree = try PictureSet([data.folder + "/tree"], side: 16)
        #expect(tree.labels == [0, 0, 1, 1, 2, 2])
        let images = try tree.images()
        #expect([0, 2, 4, 1, 3, 5].map { images[$0] } == expected)
    }

    @Test("Classes that are numbers are ordered by value")
    func numericOrder() throws {
        let pairs = try (0..<11).flatMap { [("\($0).cls", Array("\($0)".utf8)), ("\($0).png", try png($0))] }
        let set = try PictureSet([tar("pairs.tar", pairs)], side: 16)
        #expect(set.labels == Array(0..<11))
        #expect(set.classes.last == "10")
    }

    @Test("A gzipped archive that is cut off anywhere, or has a changed byte, is refused", arguments: 0..<24)
    func damagedGzip(part: Int) throws {
        // Noise, so that the damage is in the pictures' bytes and not in long runs of zeros.
        var noise = SplitMix64(seed: 1, stream: 0, purpose: 0)
        let picture = PixelImage(
            width: 16, height: 16, pixels: (0..<768).map { _ in UInt8(truncatingIfNeeded: noise.next()) })
        let whole = gzipped(tarArchive(of: [("a/1.png", try picture.encoded(as: .png))]))
        let place = 10 + (whole.count - 11) * part / 24
        var reasons: [String] = []
        var changed = whole
        changed[place] ^= 0x10
        for bytes in [Array(whole[..<place]), changed] {
            guard let error = try failure(file("a.tgz", bytes)) else {
                Issue.record("damage at byte \(place) of \(whole.count) is not noticed")
                continue
            }
            reasons.append("\(error)")
        }
        #expect(reasons.first?.contains("gzip data end too early") == true, "\(reasons)")
    }

    @Test("An empty folder, and one without folders for classes, are told apart")
    func emptyFolders() throws {
        let empty = data.folder + "/empty"
        try FileManager.default.createDirectory(atPath: empty, withIntermediateDirectories: true)
        #expect(failure(empty) == .noClassFolders(path: empty, files: 0))
        #expect(failure(empty)?.description.contains("is empty") == true)
        _ = try file("flat/1.png", png(1))
        #expect(failure(data.folder + "/flat") == .noClassFolders(path: data.folder + "/flat", files: 1))
        #expect(failure(data.folder + "/flat")?.description.contains("holds no folders") == true)
    }

    @Test("A class with a folder and no picture is an error, unless the others are chosen or another source has some")
    func emptyClass() throws {
        _ = try file("tree/cat/1.png", png(1))
        let tree = data.folder + "/tree"
        try FileManager.default.createDirectory(atPath: tree + "/dog", withIntermediateDirectories: true)
        #expect(failure(tree) == .emptyFolders(["dog"], paths: [tree]))
        #expect(failure(tree, classes: ["cat"]) == nil)
        #expect(try failure(tree, tar("dogs.tar", [("dog/1.png", png(2))])) == nil)
    }

    @Test("Pictures in one folder inside a class's are of that class; several folders there are refused by name")
    func foldersInClass() throws {
        let tree = data.folder + "/tree"
        for number in 0..<4 {
            _ = try file("tree/\(["cat", "dog"][number % 2])/images/\(number).JPEG", png(number))
        }
        _ = try file("tree/cat/1.png", png(5))
        let set = try PictureSet([tree], side: 16)
        #expect(set.classes == ["cat", "dog"] && set.labels == [0, 0, 0, 1, 1])
        let expected = try [5, 0, 2, 1, 3].map { try PixelImage(decoding: png($0)) }
        #expect(try set.images() == expected)

        _ = try file("tree/dog/more/1.png", png(1))
        let several = DataError.foldersInClass(path: tree + "/dog", count: 2, first: "images")
        #expect(failure(tree) == several)
        #expect(failure(tree, classes: ["cat"]) == nil)
        #expect(several.description.contains("/dog' should hold pictures of one class, and holds 2 folders, such as"))
        try FileManager.default.removeItem(atPath: tree + "/dog/more")
        // A link to the folder that holds it leads nowhere else.
        try FileManager.default.createSymbolicLink(atPath: tree + "/dog/images/all", withDestinationPath: "..")
        #expect(failure(tree) == .foldersInClass(path: tree + "/dog/images", count: 1, first: "all"))
    }

    @Test("Files that are no pictures are passed over in one remark; pictures that cannot be read are counted")
    func strayFiles() throws {
        let (cat, dog) = (data.folder + "/tree/cat/", data.folder + "/tree/dog/")
        var entries: [(name: String, bytes: [UInt8])] = [
            ("README", [1]), ("cat/Thumbs.db", [1, 2]), ("cat/notes.txt", [1, 2]), ("dog/empty", []),
            ("dog/.DS_Store", [1]),
        ]
        for number in 0..<200 {
            // A picture's suffix or its first bytes are enough.
            entries.append(("\(["cat", "dog"][number % 2])/\(number)\(number < 9 ? "" : ".PNG")", try png(number)))
        }
        entries.append(("cat/film.gif", Array("GIF89a".utf8)))
        entries.append(("cat/text.jpg", Array("text".utf8)))
        for (name, bytes) in entries { _ = try file("tree/" + name, bytes) }
        let archive = try tar("strays.tar", entries)
        let prefix = archive + ":"
        for (path, names) in [
            (data.folder + "/tree", [cat + "Thumbs.db", cat + "film.gif", cat + "text.jpg"]),
            (archive, [prefix + "cat/Thumbs.db", prefix + "cat/film.gif", prefix + "cat/text.jpg"]),
        ] {
            var reported: [UnreadablePicture] = []
            let set = try PictureSet([path], side: 16) { reported.append($0) }
            #expect(set.count == 200 && reported.map(\.name) == names, "\(path)")
            #expect(set.unreadable == Array(reported.dropFirst()), "\(path)")
            #expect(reported.first?.reason == "it is no picture, nor are 2 more files.", "\(path)")
            #expect(reported.dropFirst().first?.reason.contains("GIF") == true, "\(path)")
            // Those of other classes are of no interest.
            reported = []
            #expect(try PictureSet([path], classes: ["dog"], side: 16) { reported.append($0) }.count == 100)
            #expect(reported.map(\.name) == [path == archive ? prefix + "dog/empty" : dog + "empty"], "\(path)")
            #expect(reported.first?.reason == "it is no picture.", "\(path)")
        }
    }

    @Test("A link in an archive that has the name of a picture is named and counted, and other links are not")
    func links() throws {
        var entries: [(name: String, bytes: [UInt8])] = try (0..<200).map {
            ("\(["cat", "dog"][$0 % 2])/\($0).png", try png($0))
        }
        let first = entries.count
        entries += [("cat/hard.png", []), ("dog/soft.JPG", []), ("cat/1.cls", []), ("current", [])]
        var archive = tarArchive(of: entries)
        // From the end, where two blocks of zeros stand.
        for (number, kind) in zip(first..<entries.count, "1222".utf8) {
            let header = archive.count - 1024 - (entries.count - number) * 512
            archive[header + 156] = kind
            seal(&archive, headerAt: header)
        }
        for bytes in [archive, gzipped(archive)] {
            let path = try file("links.tar", bytes)
            let set = try PictureSet([path], side: 16)
            #expect(set.count == 200)
            #expect(set.unreadable.map(\.name) == [path + ":cat/hard.png", path + ":dog/soft.JPG"])
            #expect(set.unreadable.allSatisfy { $0.reason.hasPrefix("it is a link: ") })
        }
    }

    @Test("A class number that no picture has is an error, unless the others are chosen")
    func missingNumber() throws {
        let path = try tar(
            "pairs.tar", [("1.cls", [0x30]), ("1.png", png(1)), ("2.cls", [0x33]), ("2.png", png(2))])
        #expect(failure(path) == .missingNumber(1, largest: 3))
        #expect(failure(path, classes: ["0", "3"]) == nil)
    }

    @Test(
        "A .cls that is no number stops, and is quoted",
        arguments: ["cat", "", "1 2", "-1", "1.5", "1234567890", "٣"])
    func invalidNumber(text: String) throws {
        let path = try tar("pairs.tar", [("1.cls", Array(text.utf8)), ("1.png", png(1))])
        #expect(failure(path) == .invalidNumber(name: path + ":1.cls", text: text))
    }

    @Test("A picture without .cls, and a .cls without picture, are passed over like damaged pictures")
    func incompletePairs() throws {
        var entries = try (0..<200).flatMap { [("\($0).cls", [0x30 + UInt8($0 % 2)]), ("\($0).png", try png($0))] }
        entries.append(("lonely.cls", [0x30]))
        entries.append(("naked.png", try png(1)))
        let set = try PictureSet([tar("pairs.tar", entries)], side: 16)
        #expect(set.count == 200)
        #expect(set.unreadable.map(\.name.localizedLowercase).map { $0.hasSuffix("lonely.cls") } == [true, false])
        #expect(
            set.unreadable.map(\.reason) == [
                "no picture of the same name stands beside it.", "no .cls of the same name stands beside it.",
            ])
    }

    @Test("Pictures apart from their .cls, or two for one, are an error and no wrong class")
    func disorderedPairs() throws {
        let apart = try tar(
            "apart.tar", [("x/1.png", png(1)), ("x/2.png", png(2)), ("x/1.cls", [0x30]), ("x/2.cls", [0x31])])
        #expect(failure(apart) == .pairApart(path: apart, name: "x/1.cls"))
        let two = try tar("two.tar", [("1.cls", [0x30]), ("1.png", png(1)), ("1.webp", png(1))])
        #expect(failure(two) == .twoPictures(path: two, name: "1"))
    }

    @Test(
        "A list that names an absent file, or has a line of another form, tells the line",
        arguments: [
            ("tree/1.png\tcat\nlost.png\tcat", 2, "there is no file"), ("tree/1.png cat", 1, "a path, a tab"),
            ("tree/1.png\tcat\n\n\tcat", 3, "a path, a tab"), ("tree/1.png\t", 1, "a path, a tab"),
            ("tree/1.png\tcat\t3", 1, "a path, a tab"),
        ])
    func invalidList(text: String, line: Int, part: String) throws {
        _ = try file("tree/1.png", png(1))
        let path = try file("list.txt", Array(text.utf8))
        guard case .invalidList(path, line, let reason) = failure(path) else {
            Issue.record("\(String(describing: failure(path)))")
            return
        }
        #expect(reason.contains(part))
    }

    @Test("A file of another kind is called by its name, and told what would do")
    func foreignFiles() throws {
        let cases: [([UInt8], String)] = [
            (try png(1), "is a PNG picture"), (Array("PK\u{3}\u{4}".utf8), "is a zip archive"),
            (gzipped(Array("hello".utf8)), "a gzipped file that holds no tar"),
            ([0, 1, 2], "in no form that is known"),
            ([0x28, 0xB5, 0x2F, 0xFD, 0], "compressed by zstd"),
        ]
        for (bytes, part) in cases {
            let path = try file("x", bytes)
            let message = "\(try #require(failure(path)))"
            #expect(message.contains(part) && message.contains(".cls files"), "\(message)")
        }
        #expect(try failure(file("x", [])) == .emptyFile(path: data.folder + "/x"))
    }

    @Test("Names out of archives cannot steer the terminal")
    func printableNames() throws {
        let path = try tar("a.tar", [("a/\u{1B}[2J.png", [1])])
        #expect(failure(path)?.description.contains("\u{1B}") == false)
    }
}

/// Bytes as gzip packs them.
func gzipped(_ bytes: [UInt8]) -> [UInt8] {
    var stream = z_stream()
    deflateInit2_(
        &stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    defer { deflateEnd(&stream) }
    var (input, output) = (bytes, [UInt8](repeating: 0, count: bytes.count + 1024))
    let room = output.count
    let left = input.withUnsafeMutableBufferPointer { input in
        output.withUnsafeMutableBufferPointer { output in
            stream.next_in = input.baseAddress
            stream.avail_in = UInt32(input.count)
            stream.next_out = output.baseAddress
            stream.avail_out = UInt32(room)
            deflate(&stream, Z_FINISH)
            return Int(stream.avail_out)
        }
    }
    return Array(output[..<(room - left)])
}
