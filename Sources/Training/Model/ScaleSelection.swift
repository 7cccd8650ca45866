public import TokenPyramid

/// Some scales of a schedule, counted from 1 as r₁ … r_L in the paper.
public struct ScaleSelection: Hashable, Sendable {
    /// Counted from 0.
    public let indices: Set<Int>

    /// Throws where the schedule has no such scale.
    func check(for schedule: ScaleSchedule) throws(TrainingError) {
        guard let last = indices.max(), last >= schedule.count else { return }
        throw .invalidSetting("There is no scale \(last + 1) to train: the schedule \(schedule) has \(schedule.count).")
    }
}

extension ScaleSelection: TextCoded {
    /// The forms of ``description``.
    public static var forms: String { "scales from 1 on and ranges of them, as 1-8,10" }

    /// As on the command line: `1-8,10`.
    public var description: String {
        var ranges: [ClosedRange<Int>] = []
        for index in indices.sorted() {
            if let last = ranges.last, last.upperBound == index {
                ranges[ranges.count - 1] = last.lowerBound...index + 1
            } else {
                ranges.append(index + 1...index + 1)
            }
        }
        return ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
            .joined(separator: ",")
    }

    /// Reads what ``description`` writes, in any order; nil for anything else.
    public init?(_ text: String) {
        var indices: Set<Int> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
            guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1],
                1 <= first, first <= last, last <= 1000
            else { return nil }
            indices.formUnion(first - 1...last - 1)
        }
        self.indices = indices
    }
}
