import Foundation

/// The program that was built with the tests, running.
struct Program {
    let process = Process()
    let output = Pipe()
    private let standardError = Pipe()

    /// Where the build put it: beside the tests' bundle.
    static let path: String? = {
        if let named = ProcessInfo.processInfo.environment["MVAR_TEST_PROGRAM"] { return named }
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
    ///   - file: A file for its standard output, instead of ``output``.
    ///   - shell: A shell's line that runs it, as `"$0" "$@"`.
    ///   - variables: For its environment, beside those of the tests.
    /// - Throws: What keeps it from starting.
    init(
        _ arguments: [String], reader: Bool = true, writingTo file: FileHandle? = nil, shell: String? = nil,
        variables: [String: String] = [:]
    ) throws {
        let program = Program.path ?? "mvar"
        process.executableURL = URL(fileURLWithPath: shell == nil ? program : "/bin/sh")
        process.arguments = (shell.map { ["-c", $0, program] } ?? []) + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(variables) { $1 }
        if let file { process.standardOutput = file } else { process.standardOutput = output }
        process.standardError = standardError
        if !reader { try output.fileHandleForReading.close() }
        try process.run()
        try output.fileHandleForWriting.close()
    }

    /// Waits until it says something on standard error.
    ///
    /// - Returns: What it said up to there; everything, if it ends without saying that.
    func errors(until text: String) -> String {
        var said = ""
        while !said.contains(text) {
            let more = standardError.fileHandleForReading.availableData
            if more.isEmpty { break }
            said += String(decoding: more, as: UTF8.self)
        }
        return said
    }

    /// All that it said on standard error, or all the rest.
    func errors() -> String {
        String(decoding: standardError.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    }
}
