import ArgumentParser
import Foundation
import MVAR

/// `mvar sample`: classes in, pictures out.
struct SampleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sample",
        abstract: "Generate pictures of a model's classes.",
        discussion: """
            Examples, with the model that comes with mvar:

              mvar sample --class goldfish -o fish.png
              mvar sample --class 3,5,none --count 9 --seed 1 -o 'out/%05d.png'
              mvar sample --count 16 --grid -o grid.webp
              mvar sample --class goldfish --progressive -o steps.png

            With a published model, its tokenizer lying beside it:

              mvar sample --model var_d16.pth --class 207 --seed 7 -o dog.png

            Many pictures for an evaluation, in one file for NumPy (arr_0: uint8 [N, H, W, 3]; arr_1: classes), which \
            grows while they are made and goes on after a kill where it was:

              mvar sample --per-class 50 --seed 1 --resume -o pictures.npz

            Processes that torchrun or srun has started share its pictures out among themselves. What is not finished \
            lies in pictures.npz.unfinished.

            A picture depends on model, class, seed and its number (0, 1, …), not on --batch, --threads or the other \
            pictures. Every PNG tells how it was made ('mvar inspect') and holds its tokens, of which it can be made \
            again. For each file that is written a line is printed: path, class, seed, number; --json tells of each \
            picture.
            """)

    @OptionGroup(title: "Pictures") var choice: PictureChoiceOptions
    @OptionGroup(title: "Model") var model: ModelOptions
    @OptionGroup(title: "Sampling") var sampling: SamplingOptions
    @OptionGroup(title: "Computing") var compute: ComputeOptions
    @OptionGroup(title: "Computing") var devices: DevicesOption
    @OptionGroup(title: "Computing") var precision: PrecisionOptions
    @OptionGroup(title: "Computing") var convolutions: ConvolutionOptions
    @OptionGroup(title: "Output") var pictures: PictureOutputOptions
    @OptionGroup(title: "Output") var archive: PictureArchiveOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    func validate() throws {
        try output.check(pictures.output)
        try archive.check(pictures, isProgressive: choice.progressive)
        try devices.check(pictures.output, device: compute.place.device)
    }

    func run() async throws {
        let process = try LauncherEnvironment.number(ProcessInfo.processInfo.environment)
        guard !PictureArchiveOptions.isArchive(pictures.output) else { return try fillArchive(as: process) }
        guard process.count == 1 else { throw SharedPicturesError(path: pictures.output, processes: process.count) }
        let paths = try pictures.paths(count: choice.leastCount)
        let progress = output.progress("sampling", unit: "picture")
        defer { progress.finish() }
        let run = try SampleRun(
            generator: generator(on: compute.place.resolved(output), progress: progress), choice: choice,
            sampling: sampling,
            isGrid: pictures.grid,
            isExact: convolutions.exact, paths: paths)
        progress.begin()
        var samples: [Sample] = []
        try run.generate { state in
            progress.update(state.finishedPictures, of: state.pictures, fraction: state.fraction)
        } receive: { written in
            samples += written
            guard !output.json else { return }
            progress.finish()
            try output.report(Sample.line(of: written), of: pictures.output)
        }
        if let obstacle = run.graphObstacle { output.remark(obstacle) }
        if output.json { try output.printJSON(samples) }
    }

    private func generator(on device: Device, progress: ProgressLine) throws -> ImageGenerator {
        try ComputeCheck.check(device)
        try compute.threads.apply()
        let precision = try precision.chosen(on: device)
        progress.announce("loading the model")
        return try ImageGenerator(
            convolutions.applied(to: model.source(device: device, precision: precision)))
    }

    /// Generates this process's share of an archive's pictures.
    private func fillArchive(as process: ProcessNumber) throws {
        let path = pictures.output
        try PictureArchive.check(path, process: process, isResuming: archive.resume)
        let places =
            try devices.devices?.resolved(cudaCount: LibTorch.cudaDeviceCount) ?? [compute.place.resolved(output)]
        let count = max(process.count, places.count)
        guard choice.seed != nil || count == 1 else { throw SharedSeedError(processes: count) }
        if places.count > process.count, process.count == 1 {
            for device in places { try ComputeCheck.check(device) }
            return try DeviceProcesses.run(for: places)
        }
        DeviceProcesses.endWithParent()
        let device = places[(process.localRank ?? process.rank) % places.count]
        if devices.devices != nil { try compute.place.applyTF32(on: device) }
        if devices.devices == .all, device == .cpu, process.isFirst {
            output.remark("no GPU here: --devices all is the CPU")
        }
        // One line for all processes, which advance alike.
        let progress = ProgressLine(
            process.count == 1 ? "sampling" : "sampling, process 0 of \(process.count)", unit: "picture",
            style: process.isFirst ? .forStandardError(isQuiet: output.quiet) : .none)
        defer { progress.finish() }
        let run = try ArchiveRun(
            generator: generator(on: device, progress: progress), choice: choice, sampling: sampling,
            isExact: convolutions.exact, path: path, process: process, isResuming: archive.resume)
        if run.presentCount > 0, process.isFirst {
            progress.finish()
            output.remark("\(run.presentCount) of \(counted(run.shareCount, "picture")) are there already")
        }
        progress.begin()
        let result = try run.generate { progress.update($0, of: $1, fraction: $2) }
        progress.finish()
        if let obstacle = run.graphObstacle { output.remark(obstacle) }
        if output.json { return try output.printJSON(result) }
        guard result.missing == 0 else {
            return output.remark(
                "process \(process.rank) of \(process.count) is through; \(counted(result.missing, "picture")) of "
                    + "others are still to come. If none of them goes on, --resume does.")
        }
        try output.report(result.line, of: path)
    }
}

/// Several processes that would all write the same files.
struct SharedPicturesError: Error, CustomStringConvertible {
    let path: String
    let processes: Int

    var description: String {
        "\(processes) processes would all write '\(path)': they can share the pictures of an .npz file only. Name one, "
            + "or unset WORLD_SIZE and RANK."
    }
}

/// Several processes that would each draw a seed of their own.
struct SharedSeedError: Error, CustomStringConvertible {
    let processes: Int

    var description: String { "\(processes) processes need the same seed: give --seed." }
}
