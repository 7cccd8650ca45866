import ArgumentParser

/// `mvar train`: what trains.
struct TrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Train a tokenizer, then a model on its tokens.",
        discussion: """
            Pictures (PNG, JPEG, WebP) come from tar archives with entries CLASS/NAME, as in n01443537/1.JPEG, or from \
            folders with a folder for every class. A run keeps its state in a folder of its own and can be stopped with Ctrl-C and resumed. The result is a \
            folder that 'mvar sample --model' takes as it is.

              mvar train tokenizer --data train.tar --validation val.tar \\
                --run runs/tokenizer --minutes 45
              mvar train model --tokenizer runs/tokenizer/model \\
                --data train.tar --validation val.tar --run runs/model --minutes 45
              mvar sample --model runs/model/model --grid --count 16 -o grid.png

            This is a first plain form, enough for small models such as the one that comes with mvar.
            """,
        subcommands: [TrainTokenizerCommand.self, TrainModelCommand.self])
}
