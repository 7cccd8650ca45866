/// Why a run cannot start, go on or be resumed.
public enum TrainingError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The loss is no number any more.
    case diverged(step: Int, loss: Double)
    /// There is nothing to resume from.
    case nothingToResume(folder: String)
    /// The run folder holds another run.
    case otherRun(folder: String, difference: String)
    /// The run folder already holds a run.
    case folderInUse(folder: String)
    /// The run folder cannot be used.
    case unusableFolder(folder: String, reason: String)
    /// A setting makes no sense.
    case invalidSetting(String)
    /// A saved tensor is absent.
    case incompleteCheckpoint(file: String, missing: String)

    /// What is wrong and what to do, on one line.
    public var description: String {
        switch self {
        case .diverged(let step, let loss):
            "The loss is \(loss) at step \(step). The last checkpoint is whole: resume it with a smaller learning rate."
        case .nothingToResume(let folder):
            "'\(folder)' holds no checkpoint to resume from; leave --resume out to start a run there."
        case .otherRun(let folder, let difference):
            "'\(folder)' holds a run with other settings (\(difference)); resume it with those or take another folder."
        case .folderInUse(let folder):
            "'\(folder)' already holds a run; give --resume to go on with it, or choose another folder."
        case .unusableFolder(let folder, let reason): "'\(folder)' cannot be the run's folder: \(reason)."
        case .invalidSetting(let what): what
        case .incompleteCheckpoint(let file, let missing):
            "'\(file)' lacks \(missing): it is no checkpoint of this run."
        }
    }
}
