import FileOutput
import Foundation
import Testing

@testable import Checkpoints

@Suite("Zip archives") struct ZipArchiveTests {
    private func archive(widthLimit: Int = 0xFFFF_FFFF, names: [String] = ["a/data.pkl", "a/data/0"]) throws -> [UInt8]
    {
        try Fixture.withFolder { folder in
            let path = folder + "/archive.zip"
            try AtomicFile.write(to: path) { file in
                var writer = ZipWriter(file, widthLimit: widthLimit)
                for (index, name) in names.enumerated() {
                    try writer.append(name, [UInt8](repeating: UInt8(index + 1), count: 100 * (index + 1)))
                }
                try writer.finish()
            }
            return Array(try Data(contentsOf: URL(filePath: path)))
        }
    }

    private func open(_ bytes: [UInt8]) throws -> ZipArchive {
        try ZipArchive(try MappedFile(content: bytes, name: "test.zip"))
    }

    @Test("What is written is read back, each entry at a multiple of 64", arguments: [0xFFFF_FFFF, 150, 1])
    func roundTrip(widthLimit: Int) throws {
        let archive = try open(try archive(widthLimit: widthLimit))
        #expect(archive.entries.map(\.name) == ["a/data.pkl", "a/data/0"])
        for (index, entry) in archive.entries.enumerated() {
            #expect(entry.offset % 64 == 0)
            let bytes = try archive.record(entry, limit: 1000)
            #expect(Array(bytes) == [UInt8](repeating: UInt8(index + 1), count: 100 * (index + 1)))
        }
    }

    @Test("More than 65,535 entries are counted by Zip64")
    func manyEntries() throws {
        let names = (0..<65_600).map { "\($0)" }
        let bytes = try Fixture.withFolder { folder in
            let path = folder + "/archive.zip"
            try AtomicFile.write(to: path, durably: false) { file in
                var writer = ZipWriter(file)
                for name in names { try writer.append(name, []) }
                try writer.finish()
            }
            return Array(try Data(contentsOf: URL(filePath: path)))
        }
        let archive = try open(bytes)
        #expect(archive.entries.count == names.count)
        #expect(archive["65599"] != nil)
    }

    @Test("A wrong byte in a small entry is noticed")
    func checksum() throws {
        var bytes = try archive()
        bytes[64] ^= 1
        let archive = try open(bytes)
        let entry = try #require(archive["a/data.pkl"])
        #expect(
            message { _ = try archive.record(entry, limit: 1000) }.contains("checksum of entry 'a/data.pkl' is wrong"))
    }

    @Test("Two entries of one name are refused")
    func duplicates() throws {
        let bytes = try archive(names: ["a", "a"])
        #expect(message { _ = try open(bytes) }.contains("two entries named 'a'"))
    }

    /// Changes the central directory's record of the second entry, which begins behind the first's 46 bytes and name.
    private func damaged(_ change: (inout [UInt8], Int) -> Void) throws -> String {
        var bytes = try archive()
        let end = bytes.count - 22
        let start = Int(bytes[end + 16]) + Int(bytes[end + 17]) << 8
        change(&bytes, start + 46 + "a/data.pkl".utf8.count)
        return message {
            let archive = try open(bytes)
            for entry in archive.entries { _ = try archive.storage(entry) }
        }
    }

    @Test("A directory that lies is refused: elsewhere, overlapping, too long, renamed")
    func lies() throws {
        #expect(
            try damaged { bytes, record in bytes[record + 42] ^= 3 }.contains("is not where the zip directory says"))
        #expect(try damaged { bytes, record in bytes[record + 22] = 1 }.contains("reaches beyond the end"))
        #expect(try damaged { bytes, record in bytes[record + 20] = 1 }.contains("has 1 bytes and claims 200"))
        #expect(
            try damaged { bytes, record in bytes[record + 46] = UInt8(ascii: "b") }.contains("calls itself otherwise"))
        #expect(try damaged { bytes, record in bytes[record] = 0 }.contains("directory breaks off"))
        #expect(
            try damaged { bytes, record in
                // The same place and name as the first entry, under another size.
                let first = record - 46 - "a/data.pkl".utf8.count
                (bytes[first + 20], bytes[first + 24]) = (255, 255)
            }.contains("overlap"))
    }

    @Test("Encrypted and compressed entries are declined by name")
    func obstacles() throws {
        #expect(try damaged { bytes, record in bytes[record + 8] |= 1 }.contains("'a/data/0' is encrypted"))
        #expect(
            message { _ = try PyTorchArchive(path: Fixture.path("checkpoints/compressed.pth")) }.contains(
                "is compressed (method 8)"))
    }

    @Test("An archive in several parts is declined")
    func parts() throws {
        var bytes = try archive()
        bytes[bytes.count - 22 + 4] = 1
        #expect(message { _ = try open(bytes) }.contains("one part of a zip archive"))
    }
}

@Suite("Mapped files") struct MappedFileTests {
    @Test("An absent file, a folder, an empty file and a device are told apart")
    func refused() throws {
        #expect(
            message { _ = try MappedFile(path: "/nonexistent/model.pth") }
                == "'/nonexistent/model.pth' does not exist; check the path.")
        #expect(message { _ = try MappedFile(path: "") }.contains("does not exist"))
        #expect(message { _ = try MappedFile(path: Fixture.folder) }.contains("is a folder"))
        #expect(message { _ = try MappedFile(path: "/dev/null") }.contains("is a device"))
        try Fixture.withFolder { folder in
            try Data().write(to: URL(filePath: folder + "/empty"))
            #expect(message { _ = try MappedFile(path: folder + "/empty") }.contains("is empty"))
        }
    }

    @Test("A pipe is declined at once, written to or not, and says to save it first")
    func pipe() throws {
        try Fixture.withFolder { folder in
            let path = folder + "/model.pth"
            #expect(mkfifo(path, 0o600) == 0)
            #expect(message { _ = try MappedFile(path: path) }.contains("is a pipe"))
            #expect(message { _ = try Checkpoint(path: path) }.contains("save it to a file first"))
        }
        let pipe = Pipe()
        let path = "/dev/fd/\(pipe.fileHandleForReading.fileDescriptor)"
        #expect(message { _ = try MappedFile(path: path) }.contains("is a pipe"))
    }

    @Test("A slice outside the file is nil")
    func slices() throws {
        let file = try MappedFile(content: [1, 2, 3], name: "three")
        #expect(file.slice(at: 1, count: 2)?.elementsEqual([2, 3]) == true)
        #expect(file.slice(at: 3, count: 0)?.isEmpty == true)
        #expect(file.slice(at: 2, count: 2) == nil)
        #expect(file.slice(at: -1, count: 1) == nil)
        #expect(file.slice(at: 1, count: .max) == nil)
        #expect(file.slice(at: .max, count: 1) == nil)
    }
}
