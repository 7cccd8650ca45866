import ArgumentParser
import FileOutput
import Foundation

/// What every command says, and how.
struct OutputOptions: ParsableArguments {
    @Flag(name: [.short, .long], help: "No progress and no remarks: only results and errors.")
    var quiet = false

    @Flag(help: "Print the result as JSON, for programs.")
    var json = false

    /// Throws where a file and the result as JSON would mix on standard output.
    func check(_ destination: String?) throws {
        if json, Self.isStandardOutput(destination) {
            throw ValidationError("--json and a file at '-' both want standard output: give the file a name")
        }
    }

    /// A line of progress in the style that the user wants.
    func progress(_ label: String, unit: String) -> ProgressLine {
        ProgressLine(label, unit: unit, style: .forStandardError(isQuiet: quiet))
    }

    /// A remark for people, on standard error.
    func remark(_ text: String) {
        if !quiet { StandardError.write("mvar: \(text)") }
    }

    /// Prints a result as JSON, on standard output.
    func printJSON(_ value: some Encodable) throws { try Self.printResult(try Self.json(value)) }

    /// Prints the result beside a file: on standard error, like a remark, where the file itself went to standard output.
    func report(_ text: String, of destination: String?) throws {
        guard Self.isStandardOutput(destination) else { return try Self.printResult(text) }
        if !quiet { StandardError.write(text) }
    }

    private static func isStandardOutput(_ destination: String?) -> Bool {
        destination.map(FileDestination.init)?.isStandardOutput ?? false
    }

    /// Prints a line of the result, on standard output: at once, and with an error where nobody can take it.
    static func printResult(_ line: String) throws {
        if !isSilent { try printer(line + "\n") }
    }

    /// From now on this process prints no result: it is one of many, of which the first one does.
    static func silenceResults() { isSilent = true }

    // Written once, before the work begins.
    nonisolated(unsafe) private static var isSilent = false

    /// What prints results; tests listen to it.
    @TaskLocal static var printer: @Sendable (String) throws -> Void = { try StandardOutput.write(Array($0.utf8)) }

    /// The text of ``printJSON(_:)``: one line, keys in a fixed order.
    static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}
