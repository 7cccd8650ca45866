import ArgumentParser
import Foundation
import MVAR

/// The entry: runs a command, and turns every failure into one line and a status.
@main
enum Main {
    static func main() async {
        LibTorch.keepFreedMemory()
        StandardStreams.fillGaps()
        Interruption.install()
        let failure = await failure(of: Array(CommandLine.arguments.dropFirst()))
        if let message = failure?.message { StandardError.write(message) }
        fflush(nil)
        Foundation.exit(failure?.status ?? 0)
    }

    /// Why a command line failed.
    struct Failure: Equatable {
        /// 1, or 64 where the command line itself is wrong.
        let status: Int32
        /// One line; nil where the command has said everything.
        let message: String?
    }

    /// Runs a command line, without the program's name.
    ///
    /// Help and the like, which argument-parser throws too, are printed and are no failure.
    static func failure(of arguments: [String]) async -> Failure? {
        do {
            var command = try MVARCommand.parseAsRoot(arguments)
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            return nil
        } catch let code as ExitCode {
            return code.isSuccess ? nil : Failure(status: code.rawValue, message: nil)
        } catch {
            switch MVARCommand.exitCode(for: error) {
            case .success:
                return printed(MVARCommand.fullMessage(for: error))
            case .validationFailure:
                let help = (["mvar"] + subcommands(in: arguments) + ["--help"]).joined(separator: " ")
                let message = oneLine(MVARCommand.message(for: error))
                let end = message.last.map { ".?!".contains($0) } == true ? "" : "."
                return Failure(status: 64, message: "mvar: \(message)\(end) '\(help)' explains it.")
            default:
                return Failure(status: 1, message: "mvar: \(oneLine(MVARCommand.message(for: error)))")
            }
        }
    }

    /// Prints help; a failure where nobody can take it.
    private static func printed(_ text: String) -> Failure? {
        do {
            try OutputOptions.printResult(text)
            return nil
        } catch {
            return Failure(status: 1, message: "mvar: \(oneLine("\(error)"))")
        }
    }

    /// The commands that a command line begins with.
    private static func subcommands(in arguments: [String]) -> [String] {
        var names: [String] = []
        var command: any ParsableCommand.Type = MVARCommand.self
        for argument in arguments {
            let configuration = command.configuration
            let below = configuration.subcommands + configuration.groupedSubcommands.flatMap(\.subcommands)
            guard let next = below.first(where: { $0.configuration.commandName == argument }) else { break }
            names.append(argument)
            command = next
        }
        return names
    }

    private static func oneLine(_ message: String) -> String {
        message.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
            .joined(separator: " ")
    }
}
