import ArgumentParser
import Foundation
import Testing

@testable import MVARCommand

@Suite("Help") struct HelpTests {
    private static let commands = commands(of: MVARCommand.self)

    private static func commands(of root: any ParsableCommand.Type) -> [any ParsableCommand.Type] {
        let configuration = root.configuration
        let below = configuration.subcommands + configuration.groupedSubcommands.flatMap(\.subcommands)
        return [root] + below.flatMap(commands(of:))
    }

    /// A command's help as a terminal of 80 columns shows it.
    private func help(of command: any ParsableCommand.Type) -> String {
        MVARCommand.helpMessage(for: command, columns: 80)
    }

    /// The help's text without its line breaks.
    private func words(of command: any ParsableCommand.Type) -> String {
        help(of: command).split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }

    @Test("Every command says what it does") func abstracts() {
        for command in Self.commands {
            #expect(!command.configuration.abstract.isEmpty, "\(command)")
            #expect(help(of: command).contains("--help"), "\(command)")
        }
    }

    @Test("No line is wider than 80 columns, and no example is broken") func width() {
        for command in Self.commands {
            let lines = help(of: command).split(separator: "\n")
            for line in lines { #expect(line.count <= 80, "\(command): \(line)") }
            for example in command.configuration.discussion.split(separator: "\n") where example.hasPrefix("  ") {
                #expect(lines.contains(example), "\(command): \(example)")
            }
        }
    }

    @Test("Every option of a command stands under a title") func titles() throws {
        for command in Self.commands {
            let help = help(of: command)
            let untitled = try #require(help.range(of: "\nOPTIONS:\n"), "\(command)")
            let options = help[untitled.upperBound...].prefix { $0 != ":" }.split(separator: "\n")
                .filter { $0.contains("  -") }
            #expect(options.count == 2, "\(command): \(options)")
        }
    }

    @Test(
        "Defaults that hold stand in the help",
        arguments: [
            ("--device <device>", "default: cpu", [SampleCommand.self, VerifyCommand.self, ReconstructCommand.self]),
            ("--precision <type>", "default: float32", [SampleCommand.self, VerifyCommand.self]),
            ("--multipliers <N,…>", "default: 1,1,2", [TrainTokenizerCommand.self]),
            ("--schedule, --pn <sides>", "default: 1,2,3,4,5,6,8,10,13,16", [TrainTokenizerCommand.self]),
            ("--attention <pattern>", "default: spatial-7", [TrainModelCommand.self]),
            ("--model <path>", "default: model.pth or model.safetensors beside", [VerifyCommand.self]),
            ("--tokenizer <path>", "default: tokenizer.pth or tokenizer.safetensors beside", [VerifyCommand.self]),
        ] as [(String, String, [any ParsableCommand.Type])])
    func defaults(option: String, value: String, commands: [any ParsableCommand.Type]) throws {
        for command in commands {
            let lines = help(of: command).split(separator: "\n")
            let first = try #require(lines.firstIndex { ($0 + " ").hasPrefix("  \(option) ") }, "\(command)")
            let rest = lines[(first + 1)...].prefix { $0.hasPrefix("   ") }
            let own = ([lines[first]] + rest).map { $0.trimmingCharacters(in: .whitespaces) }.joined(separator: " ")
            #expect(own.contains(value), "\(command): \(own)")
        }
    }

    @Test("Training says that it needs an end") func end() {
        for command in [TrainTokenizerCommand.self, TrainModelCommand.self] as [any ParsableCommand.Type] {
            #expect(words(of: command).contains("(--steps <N> | --epochs <X> | --minutes <X>)"))
            #expect(words(of: command).contains("This, --epochs or --minutes is required."))
        }
    }

    @Test("Sampling says how --cfg 1 differs from the public code") func guidanceOfOne() {
        #expect(words(of: SampleCommand.self).contains("1 follows the same formula"))
        #expect(words(of: SampleCommand.self).contains("the public code of MVAR switches guidance off at 1"))
    }

    @Test("Listing classes offers nothing that has no effect on it") func classes() {
        for option in ["--window", "--schedule", "--heads", "--tokenizer", "--attention"] {
            #expect(!help(of: ClassesCommand.self).contains(option))
        }
    }
}
