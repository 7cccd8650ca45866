package import ScaleTransformer
public import TokenPyramid

/// Which scales a step trains (section 3.4).
public enum ScaleGroups: Hashable, Sendable {
    /// All, in as few passes as the pattern allows; gradients add up.
    case all
    /// One group a step: the coarse scales in so many steps of a cycle, 1 or more, then each fine scale in one (the public
    /// code's `ratio_k`).
    case cycle(coarseSteps: Int)

    /// Those of a step among the passes that would train everything.
    package func passes(step: Int, of all: [ScalePass]) -> [ScalePass] {
        guard case .cycle(let coarseSteps) = self, all.count > 1 else { return all }
        let position = step % (coarseSteps + all.count - 1)
        return [all[max(position - coarseSteps + 1, 0)]]
    }
}

/// Neighbouring scales that go through the transformer together.
package struct ScalePass: Hashable, Sendable {
    /// Which.
    package let scales: Range<Int>
    /// How much each of them counts in the loss, 0...1.
    package private(set) var weights: [Double]

    /// All of them count in full.
    package init(_ scales: Range<Int>) {
        self.scales = scales
        weights = scales.map { _ in 1 }
    }

    /// The passes that train everything.
    ///
    /// Where no token looks beyond its own scale, the loss splits exactly: coarse scales, which are small, together, and
    /// every later one alone.
    package static func all(_ configuration: TransformerConfiguration) -> [ScalePass] {
        let count = configuration.schedule.count
        guard configuration.pattern.isWithinScale else { return [ScalePass(0..<count)] }
        let first = min(max(configuration.firstSpatialScale, 1), count)
        return [ScalePass(0..<first)] + (first..<count).map { ScalePass($0..<$0 + 1) }
    }

    private init(_ scales: Range<Int>, weights: [Double]) {
        self.scales = scales
        self.weights = weights
    }

    /// What is left of the pass where only some scales count; nil where none of its own does.
    func keeping(_ kept: Set<Int>, for pattern: AttentionPattern) -> ScalePass? {
        let counting = scales.filter { kept.contains($0) && weights[$0 - scales.lowerBound] > 0 }
        guard let first = counting.first, let last = counting.last else { return nil }
        // Where tokens look back, all coarser scales must be there to be looked at.
        let left = (pattern.isWithinScale ? first : scales.lowerBound)..<last + 1
        return ScalePass(left, weights: left.map { kept.contains($0) ? weights[$0 - scales.lowerBound] : 0 })
    }

    /// The pass with one scale counting less.
    func weighing(_ scale: Int, by weight: Double) -> ScalePass {
        var pass = self
        if scales.contains(scale) { pass.weights[scale - scales.lowerBound] *= weight }
        return pass
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
