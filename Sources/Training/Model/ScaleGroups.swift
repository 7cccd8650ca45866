package import ScaleTransformer
public import TokenPyramid

/// Which scales a step trains (section 3.4).
public enum ScaleGroups: Hashable, Sendable {
    /// All, in as few passes as the pattern allows; gradients add up.
    case all
    /// One group a step: the coarse scales in so many steps of a cycle, 1 or more, then each fine scale in one (the public
    /// code's `ratio_k`).
    case cycle(coarseSteps: Int)

    /// The passes of a step, each over neighbouring scales.
    ///
    /// Where no token looks beyond its own scale, the loss splits exactly: coarse scales, which are small, together, and
    /// every later one alone.
    package func passes(step: Int, _ configuration: TransformerConfiguration) -> [Range<Int>] {
        let count = configuration.schedule.count
        guard configuration.pattern.isWithinScale else { return [0..<count] }
        let first = min(max(configuration.firstSpatialScale, 1), count)
        let groups = [0..<first] + (first..<count).map { $0..<$0 + 1 }
        switch self {
        case .all: return groups
        case .cycle(let coarseSteps):
            let position = step % (coarseSteps + groups.count - 1)
            return [position < coarseSteps ? groups[0] : groups[position - coarseSteps + 1]]
        }
    }
}

extension ScaleGroups: TextCoded {
    /// The forms of ``description``.
    public static var forms: String { "all, cycle:N" }

    /// As on the command line: `all`, `cycle:8`.
    public var description: String {
        switch self {
        case .all: "all"
        case .cycle(let coarseSteps): "cycle:\(coarseSteps)"
        }
    }

    /// Reads what ``description`` writes; nil for anything else.
    public init?(_ text: String) {
        if text == "all" {
            self = .all
        } else if text.hasPrefix("cycle:"), let steps = Int(text.dropFirst("cycle:".count)), steps > 0 {
            self = .cycle(coarseSteps: steps)
        } else {
            return nil
        }
    }
}
