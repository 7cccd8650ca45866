import Foundation

/// Messages for people.
enum StandardError {
    /// Whether somebody reads it on a terminal.
    static let isTerminal = isatty(STDERR_FILENO) == 1

    /// Whether colours are wanted: on a terminal, unless `NO_COLOR` or a plain terminal says no.
    static let hasColor: Bool = {
        let environment = ProcessInfo.processInfo.environment
        return isTerminal && (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
    }()

    /// Writes a line.
    static func write(_ line: String) { writeText(line + "\n") }

    /// Writes text as it is. What cannot be written, where nobody reads, is no failure of the command.
    static func writeText(_ text: String) { try? FileHandle.standardError.write(contentsOf: Data(text.utf8)) }
}
