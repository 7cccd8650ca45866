import FileInput
import Foundation
import Images
import Testing
import Torch

@testable import Training

@Suite("Pictures to train on")
struct DataTests {
    private let data: DrawnData

    init() throws { data = try DrawnData() }

    private func content(of entry: TarArchive.Entry) throws(DataError) -> [UInt8] {
        switch entry.content {
        case .bytes(let bytes): bytes
        case .part(let path, let offset, let size):
            (try? InputFile.part(of: path, at: offset, count: size)) ?? []
        case .file, .unusable, .stray, .refused: []
        }
    }

    private func names(in archive: [UInt8]) throws -> [String] {
        let path = data.folder + "/archive.tar"
        try Data(archive).write(to: URL(fileURLWithPath: path))
        var names: [String] = []
        try TarArchive(DataStream(path: path)).forEachFile { (entry) throws(DataError) in
            names.append(entry.name)
            return true
        }
        return names
    }

    @Test("Every file of an archive is read, in order, with its bytes")
    func readsArchive() throws {
        let path = data.folder + "/archive.tar"
        let entries: [(String, [UInt8])] = [
            ("a/1.png", [1, 2, 3]), ("b/2.png", []), ("b/3.png", .init(repeating: 7, count: 512)),
        ]
        try Data(tarArchive(of: entries)).write(to: URL(fileURLWithPath: path))
        var read: [(String, [UInt8])] = []
        try TarArchive(DataStream(path: path)).forEachFile { (entry) throws(DataError) in
            read.append((entry.name, try content(of: entry)))
            return true
        }
        #expect(read.map(\.0) == entries.map(\.0))
        #expect(read.map(\.1) == entries.map(\.1))
    }

    @Test("An archive that is cut off anywhere before its first end mark is refused, and never crashes")
    func refusesTruncation() throws {
        let whole = tarArchive(of: [("a/1.png", .init(repeating: 9, count: 700)), ("a/2.png", [1])])
        // Two files of 3 and 2 blocks, and two blocks of zeros, of which one will do.
        for length in Array(stride(from: 1, to: 3072, by: 100)) + [512, 1536, 2048, 2560] {
            #expect(throws: DataError.self, "\(length) bytes") { try names(in: Array(whole[..<length])) }
        }
        #expect(try names(in: Array(whole[..<3072])) == ["a/1.png", "a/2.png"])
    }

    @Test("An archive cut off between two files is told to be, gzipped or not; what follows an end mark is not read")
    func endMark() throws {
        let (first, second) = (tarArchive(of: [("a/1.png", [1])]), tarArchive(of: [("b/2.png", [2])]))
        let cut = Array(first.dropLast(1024))
        let path = data.folder + "/archive.tar"
        let expected = DataError.damagedArchive(path: path, reason: "it has no end mark, so it seems to be cut off")
        #expect(throws: expected) { try names(in: cut) }
        #expect(throws: expected) { try names(in: gzipped(cut)) }
        #expect(try names(in: first + second) == ["a/1.png"])
        #expect(try names(in: gzipped(first) + gzipped(second)) == ["a/1.png"])
        #expect(try names(in: cut + second) == ["a/1.png", "b/2.png"])
    }

    @Test("A changed byte in a header is noticed", arguments: [0, 100, 124, 130, 135, 156, 257])
    func noticesDamage(offset: Int) throws {
        var archive = tarArchive(of: [("a/1.png", [1, 2, 3])])
        archive[offset] ^= 1
        #expect(throws: DataError.self) { try names(in: archive) }
    }

    @Test("A size beyond all pictures is refused before memory is asked for")
    func refusesAbsurdSize() throws {
        var archive = tarArchive(of: [("a/1.png", [1, 2, 3])])
        archive.replaceSubrange(124..<135, with: Array("77777777777".utf8))
        seal(&archive, headerAt: 0)
        #expect(throws: DataError.self) { try names(in: archive) }
    }

    @Test("Labels follow the order of the chosen classes")
    func labelsFollowChoice() throws {
        let archive = try data.archive(count: 6, side: 16)
        #expect(try PictureSet([archive], side: 16).labels == [0, 1, 0, 1, 0, 1])
        #expect(try PictureSet([archive], classes: ["square", "disc"], side: 16).labels == [1, 0, 1, 0, 1, 0])
        #expect(try PictureSet([archive], classes: ["square"], side: 16).count == 3)
    }

    @Test("A folder of folders gives the same pictures as an archive")
    func readsFolders() throws {
        let archive = try PictureSet([data.archive(count: 4, side: 16)], side: 16)
        for number in 0..<4 {
            let folder = data.folder + "/tree/" + ["disc", "square"][number % 2]
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try DrawnData.picture(of: number % 2, number: number, side: 16).write(to: "\(folder)/\(number).png")
        }
        let tree = try PictureSet([data.folder + "/tree"], side: 16)
        #expect(tree.classes == archive.classes)
        #expect(try Set(tree.images()) == Set(archive.images()))
    }

    @Test("An unreadable picture is named and passed over")
    func skipsUnreadable() throws {
        var reported: [String] = []
        let archive = try data.archive(count: 120, side: 16, extra: [("disc/broken.png", [0x89, 0x50, 1, 2])])
        let pictures = try PictureSet([archive], side: 16) { reported.append($0.name) }
        #expect(pictures.count == 120)
        #expect(pictures.unreadable.count == 1)
        #expect(reported.count == 1 && reported[0].hasSuffix("disc/broken.png"))
    }

    @Test("More than one unreadable picture in a hundred stops")
    func stopsAtTooMany() throws {
        let archive = try data.archive(count: 20, side: 16, extra: [("disc/broken.png", [1, 2])])
        #expect(throws: DataError.self) { try PictureSet([archive], side: 16) }
    }

    @Test("Nothing to learn from is an error that says so")
    func nothingFound() throws {
        let archive = try data.archive(count: 2, side: 16)
        #expect(throws: DataError.absent(path: "/nowhere.tar")) { try PictureSet(["/nowhere.tar"], side: 16) }
        #expect(throws: DataError.noneOfClasses(first: "cat", others: 2, paths: [archive])) {
            try PictureSet([archive], classes: ["cat", "dog"], side: 16)
        }
        #expect(throws: DataError.emptyClasses(["cat"], paths: [archive])) {
            try PictureSet([archive], classes: ["disc", "cat"], side: 16)
        }
    }

    @Test("A choice of no class, or of one twice, is refused by its name before anything is read")
    func choiceOfClasses() {
        #expect(throws: DataError.noClassNamed) { try PictureSet(["/nowhere.tar"], classes: [], side: 16) }
        #expect(throws: DataError.classNamedTwice("cat")) {
            try PictureSet(["/nowhere.tar"], classes: ["dog", "cat", "cat", "dog"], side: 16)
        }
    }

    @Test("A limit takes as many pictures of each class, wherever they stand, and may leave classes out")
    func limitByClass() throws {
        let archive = try data.archive(count: 4, side: 16)
        let whole = try PictureSet([archive], side: 16)
        for (limit, labels) in [(1, [0]), (2, [0, 1]), (3, [0, 0, 1])] {
            let some = try PictureSet([archive], side: 16, limit: limit)
            #expect(some.labels.sorted() == labels && some.classes == whole.classes)
        }
        #expect(PictureIndex.evenly(3, of: [1, 1, 1, 1, 0], classes: 2) == [0, 1, 4])
        #expect(PictureIndex.evenly(5, of: [1, 1, 1, 1, 0], classes: 2) == [0, 1, 2, 3, 4])
        // All that is there was read: the limit hides nothing.
        #expect(throws: DataError.emptyClasses(["cat"], paths: [archive])) {
            try PictureSet([archive], classes: ["disc", "cat"], side: 16, limit: 3)
        }
    }

    @Test("Messages count as people do") func grammar() {
        func message(_ count: Int) -> String {
            DataError.tooManyUnreadable(count: count, of: 9, first: UnreadablePicture(name: "x", reason: "torn."))
                .description
        }
        #expect(DataError.emptyClasses(["cat"], paths: ["a.tar"]).description.contains("a.tar holds no"))
        #expect(DataError.emptyClasses(["cat"], paths: ["a.tar", "b.tar"]).description.contains("b.tar hold no"))
        #expect(
            DataError.noneOfClasses(first: "cat", others: 1, paths: ["a.tar"]).description.hasPrefix(
                "a.tar holds 1 picture, and none of a class that is used, such as 'cat'."))
        #expect(
            DataError.foldersInClass(path: "x", count: 1, first: "y").description.contains("holds the folder 'y'."))
        #expect(message(1).contains("1 of 9 pictures cannot be read: x: torn. More than"))
        #expect(message(2).contains("2 of 9 pictures cannot be read, the first being x: torn. More than"))
    }

    @Test("A mirrored picture in a batch is the picture read from right to left")
    func mirrors() throws {
        let pictures = try PictureSet([data.archive(count: 2, side: 16)], side: 16)
        let batch = try pictures.shown([1, 1], flipped: [false, true])
        #expect(batch.shape == [2, 3, 16, 16])
        let (plain, mirrored) = (try batch.selected(axis: 0, 0), try batch.selected(axis: 0, 1))
        #expect(try plain.array(of: Float.self) == pictures.images()[1].signedPlanes)
        let fromTheRight = try Tensor(Array((0..<16).reversed()), shape: [16])
        #expect(try mirrored.rows(fromTheRight, axis: 2).array(of: Float.self) == plain.array(of: Float.self))
        #expect(try mirrored.array(of: Float.self) != plain.array(of: Float.self))
    }

    @Test("An epoch shows every picture once, in an order of its own")
    func orderCoversEpoch() {
        var order = ShuffledOrder(count: 10, seed: 3, batch: 2)
        let first = (0..<5).flatMap { order.samples(ofStep: $0).map(\.index) }
        let second = (5..<10).flatMap { order.samples(ofStep: $0).map(\.index) }
        #expect(first.sorted() == Array(0..<10) && second.sorted() == Array(0..<10))
        #expect(first != second)
        var again = ShuffledOrder(count: 10, seed: 3, batch: 2)
        #expect(again.samples(ofStep: 7).map(\.index) == Array(second[4..<6]))
    }

    @Test("The parts of a batch are together the whole one, in samples, mirrorings and crops")
    func orderInParts() {
        var whole = ShuffledOrder(count: 10, seed: 3, batch: 7)
        var parts = [0..<2, 2..<6, 6..<7].map { ShuffledOrder(count: 10, seed: 3, batch: 7, part: $0) }
        // From the second step on over the end of an epoch, and back to the first.
        for step in [0, 1, 2, 5, 0] {
            let samples = whole.samples(ofStep: step)
            #expect(samples.map(\.position) == Array(0..<7))
            #expect(parts.indices.flatMap { parts[$0].samples(ofStep: step) } == samples)
        }
        let many = (0..<30).flatMap { whole.samples(ofStep: $0) }
        #expect(Set(many.map(\.crop)).count == 210 && many.allSatisfy { (0..<1).contains($0.crop.x) })
        #expect((60..<150).contains(many.count { $0.isMirrored }))
        var plain = ShuffledOrder(count: 10, seed: 3, batch: 7, mirrors: false)
        #expect(plain.samples(ofStep: 4).allSatisfy { !$0.isMirrored })
        #expect(plain.samples(ofStep: 4).map(\.index) == whole.samples(ofStep: 4).map(\.index))
    }
}

/// Gives a header of an archive the checksum of its bytes.
func seal(_ archive: inout [UInt8], headerAt start: Int) {
    archive.replaceSubrange(start + 148..<start + 156, with: Array("        ".utf8))
    let sum = String(archive[start..<start + 512].reduce(0) { $0 + Int($1) }, radix: 8)
    archive.replaceSubrange(
        start + 148..<start + 154, with: Array((String(repeating: "0", count: 6 - sum.count) + sum).utf8))
}
