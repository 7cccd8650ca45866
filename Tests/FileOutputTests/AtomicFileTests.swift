import FileOutput
import Foundation
import Testing

@Suite("Files that appear whole or not at all")
final class AtomicFileTests {
    private let folder: String

    init() throws {
        folder = NSTemporaryDirectory() + "mvar-atomic-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    private func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder).sorted() }

    private func content(_ name: String) -> [UInt8]? {
        FileManager.default.contents(atPath: "\(folder)/\(name)").map([UInt8].init)
    }

    private struct Interrupted: Error {}

    @Test("A file has its name only after the body has returned")
    func appearsWhole() throws {
        let path = "\(folder)/a.bin"
        let count = try AtomicFile.write(to: path) { file in
            try file.append([1, 2, 3])
            #expect(!FileManager.default.fileExists(atPath: path))
            try file.append([4])
            return file.count
        }
        #expect(count == 4)
        #expect(content("a.bin") == [1, 2, 3, 4])
        #expect(try names() == ["a.bin"])
    }

    @Test("The start of a file can be replaced until it has its name; that of a device cannot")
    func overwritesStart() throws {
        try AtomicFile.write(to: "\(folder)/a.bin") { file in
            #expect(file.canOverwrite)
            try file.append([1, 2, 3])
            try file.overwriteStart([7, 8])
            try file.append([4])
            #expect(file.count == 4)
        }
        #expect(content("a.bin") == [7, 8, 3, 4])
        #expect(try !AtomicFile(path: "/dev/null").canOverwrite)
    }

    @Test("A body that throws leaves the old file and nothing else")
    func throwingBody() throws {
        let path = "\(folder)/a.bin"
        try AtomicFile.write([7], to: path)
        #expect(throws: Interrupted.self) {
            try AtomicFile.write(to: path) { file in
                try file.append([UInt8](repeating: 1, count: 100_000))
                throw Interrupted()
            }
        }
        #expect(content("a.bin") == [7])
        #expect(try names() == ["a.bin"])
    }

    @Test("A file that is released without a commit leaves nothing")
    func released() throws {
        do {
            let file = try AtomicFile(path: "\(folder)/a.bin")
            try file.append([1])
            #expect(try names().count == 1)
        }
        #expect(try names().isEmpty)
    }

    // In a process of its own: the call removes the unfinished files of every test that runs beside it.
    @Test("What a signal handler calls removes every unfinished file and no finished one")
    func removeUnfinished() async {
        await #expect(processExitsWith: .success) {
            let test = try AtomicFileTests()
            try AtomicFile.write([7], to: "\(test.folder)/whole.bin")
            let unfinished = try (0..<3).map { try AtomicFile(path: "\(test.folder)/\($0).bin") }
            try #require(try test.names().count == 4)
            AtomicFile.removeUnfinishedFiles()
            try #require(try test.names() == ["whole.bin"])
            for file in unfinished { file.discard() }
        }
    }

    @Test("More files at once than the table of unfinished ones holds")
    func manyAtOnce() throws {
        let files = try (0..<100).map { try AtomicFile(path: "\(folder)/\($0).bin") }
        for file in files { try file.commit(durably: false) }
        #expect(try names().count == 100)
    }

    @Test("A link is followed: its target is replaced and the link stays")
    func symbolicLink() throws {
        try AtomicFile.write([1], to: "\(folder)/target")
        try FileManager.default.createSymbolicLink(
            atPath: "\(folder)/link", withDestinationPath: "\(folder)/target")
        try AtomicFile.write([2], to: "\(folder)/link")
        #expect(content("target") == [2])
        #expect(try names() == ["link", "target"])
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/link") == "\(folder)/target")
    }

    @Test("A link to a file that is not there yet stays, and the file appears where it leads")
    func danglingLink() throws {
        for (link, target) in [("one", "two"), ("two", "file")] {
            try FileManager.default.createSymbolicLink(atPath: "\(folder)/\(link)", withDestinationPath: target)
        }
        try AtomicFile.write([1], to: "\(folder)/one")
        #expect(content("file") == [1])
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/two") == "file")
    }

    @Test("Links in a circle are refused when the file is begun, and stay")
    func circularLink() throws {
        try FileManager.default.createSymbolicLink(atPath: "\(folder)/circle", withDestinationPath: "circle")
        let path = "\(folder)/circle"
        #expect(throws: FileOutputError.failed(operation: "create", path: path, code: ELOOP)) {
            try AtomicFile(path: path)
        }
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: path) == "circle")
    }

    @Test("A device is written to, not replaced")
    func device() throws {
        try AtomicFile.write([1, 2], to: "/dev/null")
        let type = try FileManager.default.attributesOfItem(atPath: "/dev/null")[.type] as? FileAttributeType
        #expect(type == .typeCharacterSpecial)
    }

    @Test("A pipe is not opened before there are bytes: its reader does not see an empty file first")
    func pipe() throws {
        let path = "\(folder)/pipe"
        try #require(mkfifo(path, 0o600) == 0)
        // Would wait for a reader if the pipe were opened.
        try AtomicFile(path: path).discard()
        let reader = open(path, O_RDONLY | O_NONBLOCK)
        defer { close(reader) }
        try AtomicFile.write([1, 2, 3], to: path)
        var bytes = [UInt8](repeating: 0, count: 10)
        #expect(read(reader, &bytes, 10) == 3 && bytes[..<3] == [1, 2, 3])
        #expect(try names() == ["pipe"])
    }

    @Test("A full disk is reported as such")
    func fullDisk() throws {
        let error = #expect(throws: FileOutputError.self) { try AtomicFile.write([1], to: "/dev/full") }
        #expect(error == .failed(operation: "write", path: "/dev/full", code: ENOSPC))
        #expect(error?.description.contains("Free some space") == true)
    }

    @Test("Paths that cannot be written to are named with what to do")
    func unwritablePaths() throws {
        let absent = "\(folder)/no/a.bin"
        let missing = #expect(throws: FileOutputError.self) { try AtomicFile(path: absent) }
        #expect(missing == .folderMissing(path: absent, folder: "\(folder)/no"))
        #expect(throws: FileOutputError.isFolder(path: folder)) { try AtomicFile(path: folder) }
        #expect(throws: FileOutputError.isFolder(path: "\(folder)/no/")) { try AtomicFile(path: "\(folder)/no/") }
        #expect(throws: FileOutputError.invalidPath("")) { try AtomicFile(path: "") }
        #expect(throws: FileOutputError.invalidPath("a\0b")) { try AtomicFile(path: "a\0b") }

        let long = "\(folder)/\(String(repeating: "x", count: 300))"
        let tooLong = #expect(throws: FileOutputError.self) { try AtomicFile(path: long) }
        #expect(tooLong?.description.contains("shorter name") == true)

        try AtomicFile.write([1], to: "\(folder)/file")
        let inFile = #expect(throws: FileOutputError.self) { try AtomicFile(path: "\(folder)/file/a.bin") }
        #expect(inFile?.description.contains("not a folder") == true)
        #expect(try names() == ["file"])
        for error in [missing, tooLong, inFile] { #expect(error?.description.contains("\n") == false) }
    }

    @Test("A name as long as names may be can be written")
    func longestName() throws {
        let name = String(repeating: "x", count: 255)
        try AtomicFile.write([1], to: "\(folder)/\(name)")
        #expect(try names() == [name])
    }
}
