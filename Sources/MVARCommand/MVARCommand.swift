import ArgumentParser

/// `mvar`: the root of all commands.
struct MVARCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mvar",
        abstract: "Makes pictures by next-scale prediction (MVAR and VAR).",
        discussion: """
            A model predicts a picture as maps of tokens, from 1 × 1 to 16 × 16 and more; a tokenizer turns tokens into \
            pixels. A small default model comes with the program, so this works at once:

              mvar sample --class goldfish --seed 1 -o fish.png
              mvar sample --count 16 --grid -o grid.png

            Models of the papers work too: give their files with --model and --tokenizer.

            Results go to standard output, progress and messages to standard error. The status is 0 for success, 1 for \
            a failure, 64 for a wrong command line, 130 after Ctrl-C.

            'mvar --generate-completion-script bash' (or zsh, or fish) prints a script by which the shell completes \
            commands and options: put it where your shell looks for completions.
            """,
        version: version,
        groupedSubcommands: [
            CommandGroup(
                name: "Pictures", subcommands: [SampleCommand.self, ReconstructCommand.self, TokensCommand.self]),
            CommandGroup(
                name: "Models",
                subcommands: [TrainCommand.self, ConvertCommand.self, InspectCommand.self, ClassesCommand.self]),
            CommandGroup(name: "Checks", subcommands: [VerifyCommand.self, BenchCommand.self, DoctorCommand.self]),
        ])

    /// The version of the program, also written into its pictures.
    static let version = "0.1.0"
}
