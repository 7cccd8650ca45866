import Foundation
import MVAR
import Testing

@testable import MVARCommand

/// What only a process of its own shows: signals, closed pipes, what goes where.
@Suite("mvar as a process", .enabled(if: Program.path != nil, "the program was not built beside the tests"))
struct ProcessTests {
    @Test(
        "Ctrl-C and a request to end stop it at once, with no file left",
        arguments: [(Int(SIGINT), 130), (Int(SIGTERM), 143)])
    func signals(signal: Int, status: Int) throws {
        let folder = try TemporaryFolder()
        let program = try Program(
            ["sample", "--model", Mini64.model, "--count", "100000", "-o", folder.file("%d.png")])
        // The first line of the results says that it is deep in its work.
        #expect(!program.output.fileHandleForReading.availableData.isEmpty)
        kill(program.process.processIdentifier, Int32(signal))
        program.process.waitUntilExit()
        #expect(program.process.terminationReason == .exit)
        #expect(Int(program.process.terminationStatus) == status)
        #expect(folder.names.allSatisfy { $0.hasSuffix(".png") && !$0.hasPrefix(".") })
    }

    @Test(
        "A file beyond the limit of sizes is one line and status 1, with nothing left",
        arguments: [
            (["sample", "--quiet", "--model", Mini64.model, "-o"], "a.png"), (["convert", Mini64.model], "new-folder"),
            (["convert", Mini64.model], "a.pth"),
        ])
    func sizeLimit(command: [String], output: String) throws {
        let folder = try TemporaryFolder()
        let program = try Program(command + [folder.file(output)], shell: "ulimit -f 1; exec \"$0\" \"$@\"")
        let errors = program.errors()
        #expect(errors.contains("file-size limit"), "\(errors)")
        program.process.waitUntilExit()
        #expect(program.process.terminationReason == .exit)
        #expect(program.process.terminationStatus == 1)
        #expect(folder.names == [])
    }

    @Test(
        "Memory that is not to be had is one line with what to do, and status 1, with nothing left",
        arguments: [false, true])
    func memoryLimit(isMapping: Bool) throws {
        let folder = try TemporaryFolder()
        let model = folder.file("huge.safetensors")
        var arguments = ["sample", "--quiet", "--model", Mini64.model, "--count", "4096", "--batch", "4096", "--grid"]
        if isMapping {
            // Sparse: it takes no room on the disk.
            try #require(FileManager.default.createFile(atPath: model, contents: nil))
            try #require(truncate(model, 1 << 34) == 0)
            arguments = ["sample", "--quiet", "--model", model]
        }
        let program = try Program(
            arguments + ["-o", folder.file("a.png")], shell: "ulimit -v 2000000; exec \"$0\" \"$@\"")
        let errors = program.errors()
        #expect(errors.split(separator: "\n").count == 1, "\(errors)")
        #expect(errors.contains(isMapping ? "ulimit -v" : "--batch"), "\(errors)")
        program.process.waitUntilExit()
        #expect(program.process.terminationReason == .exit)
        #expect(program.process.terminationStatus == 1)
        #expect(folder.names == (isMapping ? ["huge.safetensors"] : []))
    }

    @Test("A reader that has gone ends it quietly, and not with success") func closedPipe() throws {
        let program = try Program(["doctor"], reader: false)
        program.process.waitUntilExit()
        #expect(program.process.terminationStatus != 0)
        #expect(program.errors().isEmpty)
    }

    // In a process of its own: the tests beside it print.
    @Test("Closed streams are filled, so that no file gets their numbers, and stay unusable")
    func closedStreams() async {
        await #expect(processExitsWith: .success) {
            for stream: Int32 in 0...2 { close(stream) }
            StandardStreams.fillGaps()
            for stream: Int32 in 0...2 { try #require(fcntl(stream, F_GETFD) >= 0) }
            var byte: UInt8 = 0
            try #require(read(0, &byte, 1) < 0 && write(1, &byte, 1) < 0 && write(2, &byte, 1) < 0)
        }
    }

    @Test("With standard output closed the picture is whole, and the results that nobody got are a failure")
    func closedOutput() throws {
        let folder = try TemporaryFolder()
        let picture = folder.file("a.png")
        let program = try Program(
            ["sample", "--model", Mini64.model, "--quiet", "-o", picture], shell: "exec \"$0\" \"$@\" <&- >&-")
        let errors = program.errors()
        #expect(errors.contains("'standard output'") && errors.contains("started with it closed"))
        program.process.waitUntilExit()
        #expect(program.process.terminationStatus == 1)
        #expect(try PixelImage(contentsOf: picture).width == 64)
    }

    @Test("A picture is inspected through a pipe")
    func inspectsPipe() throws {
        let folder = try TemporaryFolder()
        let picture = folder.file("a.png")
        try PixelImage(width: 3, height: 2, pixels: [UInt8](repeating: 0, count: 18))
            .write(to: picture, metadata: PNGMetadata(texts: [.init(key: "k", value: "told")]))
        let program = try Program(["inspect", "/dev/stdin"], shell: "cat \(picture) | \"$0\" \"$@\"")
        let output = String(decoding: program.output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        #expect(output.contains("3 × 2 pixels") && output.contains("told"))
    }

    @Test("A pipe that nobody writes to ends in a line, not in waiting") func abandonedPipe() throws {
        let folder = try TemporaryFolder()
        for name in ["model", "picture.png"] {
            #expect(mkfifo(folder.file(name), 0o600) == 0)
            let program = try Program(["inspect", folder.file(name)])
            let errors = program.errors()
            #expect(errors.contains("pipe") && errors.split(separator: "\n").count == 1)
            program.process.waitUntilExit()
            #expect(program.process.terminationStatus == 1)
        }
    }

    @Test("Nothing but the picture goes to standard output") func pictureToStandardOutput() throws {
        let program = try Program(["sample", "--model", Mini64.model, "--seed", "1", "-o", "-"])
        let output = program.output.fileHandleForReading.readDataToEndOfFile()
        #expect(output.starts(with: [0x89, 0x50, 0x4E, 0x47]))
        #expect(program.errors().contains("seed 1"))
        program.process.waitUntilExit()
        #expect(program.process.terminationStatus == 0)
    }

    @Test("A file of tokens and a checkpoint go to standard output as to a file") func filesToStandardOutput() throws {
        let folder = try TemporaryFolder()
        try PixelImage(width: 64, height: 64, filledWith: .white).write(to: folder.file("a.png"))
        for (arguments, name) in [
            (["tokens", "encode", folder.file("a.png"), "--model", Mini64.model, "-q", "-o"], "a.safetensors"),
            (["convert", Mini64.model, "--to", "safetensors", "-q"], "b.safetensors"),
        ] {
            for destination in [folder.file(name), "-"] {
                let program = try Program(arguments + [destination])
                let output = program.output.fileHandleForReading.readDataToEndOfFile()
                program.process.waitUntilExit()
                #expect(program.process.terminationStatus == 0)
                if destination == "-" { #expect(try [UInt8](output) == bytes(of: folder.file(name)), "\(name)") }
            }
        }
        #expect(folder.names == ["a.png", "a.safetensors", "b.safetensors"])
    }

    @Test("What standard output held before stays in front of the file") func appending() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("log")
        try Data("before".utf8).write(to: URL(fileURLWithPath: path))
        try PixelImage(width: 64, height: 64, filledWith: .white).write(to: folder.file("a.png"))
        let handle = try #require(FileHandle(forWritingAtPath: path))
        try handle.seekToEnd()
        let program = try Program(
            ["tokens", "encode", folder.file("a.png"), "--model", Mini64.model, "-q", "-o", "-"], writingTo: handle)
        program.process.waitUntilExit()
        #expect(program.process.terminationStatus == 0)
        let content = try bytes(of: path)
        #expect(content.starts(with: Array("before".utf8)))
        try Data(content.dropFirst(6)).write(to: URL(fileURLWithPath: folder.file("rest")))
        #expect(try TokenFile(path: folder.file("rest")).pictures.count == 1)
    }

    @Test("Elsewhere than on a terminal no line is drawn again, and --quiet says nothing")
    func quiet() throws {
        for option in ["--quiet", "--grid"] {
            let folder = try TemporaryFolder()
            let program = try Program(["sample", "--model", Mini64.model, option, "-o", folder.file("a.png")])
            let output = String(decoding: program.output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            #expect(output.hasPrefix(folder.file("a.png") + "\tclass "))
            let errors = program.errors()
            #expect(!errors.contains("\r") && !errors.contains("\u{1B}"))
            if option == "--quiet" { #expect(errors.isEmpty) }
        }
    }

    @Test(
        "Errors go to standard error, and the status is 64 or 1",
        arguments: [(["bogus"], 64), (["inspect", "absent"], 1)])
    func errors(arguments: [String], status: Int) throws {
        let program = try Program(arguments)
        #expect(program.output.fileHandleForReading.readDataToEndOfFile().isEmpty)
        let errors = program.errors()
        #expect(errors.hasPrefix("mvar: ") && errors.split(separator: "\n").count == 1)
        program.process.waitUntilExit()
        #expect(Int(program.process.terminationStatus) == status)
    }
}
