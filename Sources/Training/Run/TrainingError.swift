/// Why a run cannot start, go on or be resumed.
public enum TrainingError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A loss, gradient norm or parameter is no number any more; `saved` is the step of the last checkpoint.
    case diverged(what: String, value: Double, step: Int, saved: Int?)
    /// No loss scale is small enough for float16.
    case scaleCollapsed(step: Int)
    /// Something cannot be written; `saved` is the step of the last checkpoint.
    case unwritable(reason: String, saved: Int?)
    /// There is nothing to resume.
    case nothingToResume(folder: String)
    /// Every checkpoint is damaged.
    case allDamaged(first: String, count: Int)
    /// The run folder holds another run.
    case otherRun(folder: String, difference: String)
    /// The run learned from another number of pictures.
    case otherPictures(folder: String, before: Int, now: Int)
    /// The run learned from, or was measured on, other pictures of the same number.
    case exchangedPictures(folder: String, isMeasured: Bool)
    /// The tokenizer is not that of the run.
    case exchangedTokenizer(folder: String)
    /// The run folder already holds a run.
    case folderInUse(folder: String)
    /// Another process has the run.
    case runGoesOn(folder: String)
    /// The run folder cannot be used.
    case unusableFolder(folder: String, reason: String)
    /// The processes cannot have equal shares of a batch.
    case unequalShares(batch: Int, processes: Int)
    /// A process was started with other settings, or found other pictures, than the first.
    case otherProcess(rank: Int, found: String, expected: String)
    /// The processes can no longer train together.
    case processesParted(reason: String)
    /// A setting makes no sense.
    case invalidSetting(String)
    /// A file cannot serve as perceptual network.
    case unusablePerceptualNetwork(file: String, reason: String)
    /// A saved tensor is absent or of another shape.
    case incompleteCheckpoint(file: String, missing: String)

    /// What is wrong and what to do, on one line.
    public var description: String {
        switch self {
        case .diverged(let what, let value, let step, let saved):
            "The \(what) is \(value.isNaN ? "nan" : "\(value)") at step \(step). "
                + (saved.map {
                    "The checkpoint of step \($0) is whole: to go on from it with a smaller learning rate, write that "
                        + "into run.json and give --resume with it."
                } ?? "Nothing is saved yet: begin again with a smaller learning rate or a longer warm-up.")
        case .scaleCollapsed(let step):
            "Gradients are too large for float16 at step \(step), however little of the loss is taken. To go on from the "
                + "last checkpoint in bfloat16 or float32, write that into run.json as precision and give --resume with it."
        case .unwritable(let reason, let saved):
            reason
                + (saved.map { " The checkpoint of step \($0) is whole: --resume goes on from it." }
                    ?? " No checkpoint is written yet: --resume begins the run anew.")
        case .nothingToResume(let folder):
            "'\(folder)' holds no run to resume; leave --resume out to start one there."
        case .allDamaged(let first, let count):
            count == 1
                ? "'\(first)' is damaged, and there is no other checkpoint: bring one back from a copy, or remove it "
                    + "to begin the run anew with --resume."
                : "'\(first)' is damaged, and so are all \(count) checkpoints: bring one back from a copy, or remove "
                    + "them to begin the run anew with --resume."
        case .otherRun(let folder, let difference):
            "'\(folder)' holds a run with other settings (\(difference)); resume it with those or take another folder."
        case .otherPictures(let folder, let before, let now):
            "The run in '\(folder)' learned from \(before) pictures, and now there are \(now): resume it with the "
                + "pictures that it had, or take another folder."
        case .exchangedPictures(let folder, let isMeasured):
            "The run in '\(folder)' \(isMeasured ? "was measured on" : "learned from") other pictures than these: names, "
                + "sizes, classes or their order differ. Resume it with the pictures that it had, or take another folder."
        case .exchangedTokenizer(let folder):
            "The run in '\(folder)' learned from the tokens of another tokenizer: resume it with the one that it had, or take "
                + "another folder."
        case .folderInUse(let folder):
            "'\(folder)' already holds a run; give --resume to go on with it, or choose another folder."
        case .runGoesOn(let folder):
            "Another process is training in '\(folder)': wait for its end, or choose another folder."
        case .unusableFolder(let folder, let reason): "'\(folder)' cannot be the run's folder: \(reason)."
        case .unequalShares(let batch, let processes):
            "A batch of \(batch) cannot be shared equally by \(processes) processes: choose a multiple of \(processes)."
        case .otherProcess(let rank, let found, let expected):
            "Process \(rank) has \(found), and process 0 has \(expected): start all with the same command, on the same data."
        case .processesParted(let reason):
            reason + " The same command with --resume goes on from the newest checkpoint."
        case .invalidSetting(let what): what
        case .unusablePerceptualNetwork(let file, let reason):
            "'\(file)' cannot be the perceptual network: \(reason). It must be a TorchScript file whose forward takes "
                + "reconstructions and pictures, float32 [B, 3, H, W], and returns a tensor whose mean is the loss."
        case .incompleteCheckpoint(let file, let missing):
            "'\(file)' lacks \(missing): it is no checkpoint of this run."
        }
    }
}
