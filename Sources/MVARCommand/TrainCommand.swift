import ArgumentParser

/// `mvar train`: what trains.
struct TrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Train a tokenizer, then a model on its tokens.",
        discussion: """
            Pictures are PNG, JPEG or WebP, of any colour form. They come with their classes in one of these forms, \
            told apart by content, whatever the files are called:

              a folder with a folder for every class
              a tar archive of entries CLASS/NAME, as n01443537/1.JPEG
              a tar archive of pairs, as WebDataset has them: 7.jpg beside 7.cls,
                in which the number of the class stands, from 0
              a list: on every line a path, a tab and a class; paths count from
                the folder of the list

            Archives may be gzipped; then their pictures' bytes stay in memory while a run goes on. Labels follow the names \
            of the classes, by value where all are whole numbers. A picture that cannot be read is named and skipped; more \
            than 1 in 100 end the command. Pictures are decoded on --workers threads, ahead of the steps that need them. The \
            result is a folder that 'mvar sample --model' takes as it is.

            A run keeps its state in a folder of its own. The first Ctrl-C (status 130), SIGTERM (143) or SIGHUP (129) ends the step, \
            writes a checkpoint and stops; the second stops at once. However a run ended, the same command with --resume \
            goes on from the newest checkpoint that is whole.

              mvar train tokenizer --data train.tar --validation val.tar \\
                --run runs/tokenizer --minutes 45
              mvar train model --tokenizer runs/tokenizer/model \\
                --data train.tar --validation val.tar --run runs/model --minutes 45
              mvar sample --model runs/model/model --grid --count 16 -o grid.png

            Started by torchrun --no-python, srun or another launcher that sets RANK, WORLD_SIZE, MASTER_ADDR and \
            MASTER_PORT, many processes train one run together, on one machine or many:

              torchrun --no-python --nproc-per-node 2 -- \\
                mvar train model --tokenizer runs/tokenizer/model \\
                --data train.tar --validation val.tar --run runs/model --steps 20000

            The run's folder also has event files: 'tensorboard --logdir runs' shows the curves of all runs there while \
            they grow.

            A run can be described by a file instead of options: --config takes a recipe, or the run.json of another run.
            """,
        subcommands: [TrainTokenizerCommand.self, TrainCacheCommand.self, TrainModelCommand.self])
}
