import ArgumentParser

@main
struct MVARCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "mvar", subcommands: [VerifyCommand.self])
}
