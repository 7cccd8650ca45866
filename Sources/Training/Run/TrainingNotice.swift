/// What a run says once, about how it goes on.
public enum TrainingNotice: Hashable, Sendable, CustomStringConvertible {
    /// A checkpoint is damaged; the one before is taken.
    case passedOver(file: String, reason: String)
    /// The run goes on after a step.
    case goesOn(step: Int)
    /// Nothing was saved when the run ended: it begins anew.
    case beginsAnew
    /// The log has fewer lines than it had when the checkpoint was written.
    case linesMissing(file: String, found: Int, expected: Int)
    /// A picture for people cannot be written; the run goes on without it.
    case pictureMissing(reason: String)
    /// A picture could not be read.
    case skipped(UnreadablePicture)

    /// One line.
    public var description: String {
        switch self {
        case .passedOver(let file, let reason): "passed over '\(file)', which is damaged: \(reason)"
        case .goesOn(let step): "going on after step \(step)"
        case .beginsAnew: "the run had saved nothing yet; it begins anew"
        case .linesMissing(let file, let found, let expected):
            "'\(file)' has \(found) of \(expected) lines that it had at the checkpoint; the others are lost"
        case .pictureMissing(let reason): "the run goes on without a picture: \(reason)"
        case .skipped(let picture): "skipped \(picture.name): \(picture.reason)"
        }
    }
}
