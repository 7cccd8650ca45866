import ArgumentParser
import FileOutput
import Foundation

/// What every command says, and how.
struct OutputOptions: ParsableArguments {
    @Flag(name: [.short, .long], help: "No progress and no remarks: only results and errors.")
    var quiet = false

    @Flag(help: "Print the result as JSON, for programs.")
    var json = false

    /// Throws where a picture and the result as JSON would mix on standard output.
    func check(picturePath: String?) throws {
        if json, picturePath == "-" {
            throw ValidationError("--json and a picture at '-' both want standard output: write the picture to a file")
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

    /// Prints a line of the result, on standard output: at once, and with an error where nobody can take it.
    static func printResult(_ line: String) throws { try printer(line + "\n") }

    /// What prints results; tests listen to it.
    @TaskLocal static var printer: @Sendable (String) throws -> Void = { try StandardOutput.write(Array($0.utf8)) }

    /// The text of ``printJSON(_:)``: one line, keys in a fixed order.
    static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}
