import Foundation
import Testing

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

    @Test("A reader that has gone ends it quietly, and not with success") func closedPipe() throws {
        let program = try Program(["doctor"], reader: false)
        program.process.waitUntilExit()
        #expect(program.process.terminationStatus != 0)
        #expect(program.errors().isEmpty)
    }

    @Test("Nothing but the picture goes to standard output") func pictureToStandardOutput() throws {
        let program = try Program(["sample", "--model", Mini64.model, "--seed", "1", "-o", "-"])
        let output = program.output.fileHandleForReading.readDataToEndOfFile()
        #expect(output.starts(with: [0x89, 0x50, 0x4E, 0x47]))
        #expect(program.errors().contains("seed 1"))
        program.process.waitUntilExit()
        #expect(program.process.terminationStatus == 0)
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

/// The program that was built with the tests, running.
struct Program {
    let process = Process()
    let output = Pipe()
    private let standardError = Pipe()

    /// Where the build put it: beside the tests' bundle.
    static let path: String? = {
        let bundle = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        let candidates = [URL(fileURLWithPath: CommandLine.arguments[0]), bundle]
            .map { $0.deletingLastPathComponent().appendingPathComponent("mvar").path }
        return candidates.first(where: FileManager.default.isExecutableFile(atPath:))
    }()

    /// Starts it.
    ///
    /// - Parameters:
    ///   - arguments: Its command line.
    ///   - reader: Whether anybody reads what it prints.
    /// - Throws: What keeps it from starting.
    init(_ arguments: [String], reader: Bool = true) throws {
        process.executableURL = URL(fileURLWithPath: Program.path ?? "mvar")
        process.arguments = arguments
        process.standardOutput = output
        process.standardError = standardError
        if !reader { try output.fileHandleForReading.close() }
        try process.run()
        try output.fileHandleForWriting.close()
    }

    /// All that it said on standard error.
    func errors() -> String {
        String(decoding: standardError.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    }
}
