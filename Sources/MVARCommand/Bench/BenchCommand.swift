import ArgumentParser

/// `mvar bench`: what is measured.
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure time and memory, or what precisions lose, with a published model's shape.",
        discussion: """
            Weights are random. Everything runs once to warm up, then --runs times; figures are medians. What is compared \
            is measured in turn, so that whatever else the machine does disturbs both. Figures belong to a machine that does nothing \
            else: beside other work they can be several times worse.

              mvar bench sample --preset d16
              mvar bench linear --preset d16 --threads 2 --json
              mvar bench precision --preset d16

            One command line fits all: an option that has no meaning for a part is accepted and does nothing.
            """,
        subcommands: [
            BenchSampleCommand.self, BenchAttentionCommand.self, BenchDecoderCommand.self, BenchLinearCommand.self,
            BenchTokenizerCommand.self, BenchPrecisionCommand.self, BenchTrainCommand.self,
        ])
}
