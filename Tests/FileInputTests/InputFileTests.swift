import FileInput
import Foundation
import Testing

@Suite("Files that are read once")
final class InputFileTests {
    private let folder: String

    init() throws {
        folder = NSTemporaryDirectory() + "mvar-input-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    private func pipe(_ name: String) throws -> String {
        let path = "\(folder)/\(name)"
        try #require(mkfifo(path, 0o600) == 0)
        return path
    }

    /// Starts a program that writes to a pipe, in pieces.
    private func write(_ pieces: [String], to path: String) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", "exec > \(path); for piece; do sleep 0.05; printf %s $piece; done", "sh"] + pieces
        try process.run()
        return process
    }

    @Test("A file is read piece by piece, and the last piece is shorter")
    func regular() throws {
        let path = "\(folder)/file"
        try Data([1, 2, 3, 4, 5]).write(to: URL(fileURLWithPath: path))
        let file = try InputFile(path: path)
        #expect(file.size == 5)
        #expect(try [file.read(2), file.read(2), file.read(2), file.read(2)] == [[1, 2], [3, 4], [5], []])
    }

    @Test("Any part of a file is read, as far as it goes")
    func parts() throws {
        let path = "\(folder)/file"
        try Data([1, 2, 3, 4, 5]).write(to: URL(fileURLWithPath: path))
        #expect(try InputFile.part(of: path, at: 1, count: 3) == [2, 3, 4])
        #expect(try InputFile.part(of: path, at: 3, count: 3) == [4, 5])
        #expect(try InputFile.part(of: path, at: 9, count: 3) == [])
        #expect(throws: FileInputError.absent) { try InputFile.part(of: path + "x", at: 0, count: 1) }
        #expect(InputFile.size(of: path) == 5 && InputFile.size(of: path + "x") == nil)
    }

    @Test("A pipe that nobody writes to is an error, and no wait without end")
    func abandonedPipe() throws {
        let file = try InputFile(path: pipe("abandoned"))
        #expect(file.size == nil)
        #expect(throws: FileInputError.abandonedPipe) { try file.read(10) }
    }

    @Test("A pipe is read to the end of its writer, however slowly that comes")
    func slowPipe() throws {
        let path = try pipe("slow")
        let holder = open(path, O_RDWR)
        defer { close(holder) }
        let writer = try write(["one", "two", "three"], to: path)
        let file = try InputFile(path: path)
        #expect(try file.read(11) == Array("onetwothree".utf8))
        writer.waitUntilExit()
    }

    @Test("The end of what was written to a pipe is the end")
    func pipeEnds() throws {
        let pipe = Pipe()
        try pipe.fileHandleForWriting.write(contentsOf: Data([7, 8]))
        try pipe.fileHandleForWriting.close()
        let file = try InputFile(path: "/dev/fd/\(pipe.fileHandleForReading.fileDescriptor)")
        #expect(try file.read(10) == [7, 8])
        #expect(try file.read(10).isEmpty)
    }

    @Test("A device without end gives as much as is asked for")
    func endless() throws { #expect(try InputFile(path: "/dev/zero").read(1000) == [UInt8](repeating: 0, count: 1000)) }

    @Test("What is absent or unreadable is told apart")
    func refused() {
        for path in ["", "a\0b", "\(folder)/absent", "/dev/null/below"] {
            #expect(throws: FileInputError.absent) { try InputFile(path: path) }
        }
        #expect(throws: FileInputError.failed(code: EISDIR)) { try InputFile(path: self.folder).read(1) }
    }
}
