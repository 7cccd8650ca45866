import Torch

/// What was recomputed of one tensor of a golden file, and how close it came.
public struct GoldenCheck: Hashable, Sendable {
    /// The tensor's name in the golden file.
    public let name: String
    /// The largest absolute difference.
    public let maximumAbsolute: Double
    /// The largest absolute difference over the largest magnitude: max|a - b| / max|b|.
    public let maximumRelative: Double
    /// For tokens the share that is equal, else `nil`.
    public let agreement: Double?
    /// What the check demands, for people.
    public let demand: String
    /// Whether it holds.
    public let pass: Bool
}

/// The outcome for a whole golden file.
public struct GoldenReport: Hashable, Sendable {
    /// One check per tensor that was recomputed, in the order of their names.
    public let checks: [GoldenCheck]
    /// Tensors of the file that no check knows.
    public let unknown: [String]
    /// Whether something was checked and all of it holds.
    public let pass: Bool

    init(checks: [GoldenCheck], unknown: [String]) {
        self.checks = checks
        self.unknown = unknown
        pass = !checks.isEmpty && checks.allSatisfy(\.pass)
    }
}

/// How close a recomputed tensor must come.
///
/// The bounds are those of float32 on different machines: the expected noise stands in the fixtures' README.
enum GoldenDemand {
    case identical
    case absolute(Double)
    case relative(Double)

    /// The same demand with the user's bound; tokens stay exact.
    func loosened(to bound: Double?) -> GoldenDemand {
        switch (self, bound) {
        case (.absolute, .some(let bound)): .absolute(bound)
        case (.relative, .some(let bound)): .relative(bound)
        default: self
        }
    }

    /// Compares a tensor with what is expected of it.
    func check(_ name: String, _ found: Tensor, expected: Tensor) throws(TorchError) -> GoldenCheck {
        guard found.shape == expected.shape else {
            return GoldenCheck(
                name: name, maximumAbsolute: .infinity, maximumRelative: .infinity, agreement: nil,
                demand: "shape \(expected.shape), found \(found.shape)", pass: false)
        }
        let found = try found.moved(to: .cpu).converted(to: .float64)
        let expected = try expected.converted(to: .float64)
        let difference = try (found - expected).magnitude()
        let absolute = try difference.maximum().item()
        let magnitude = try expected.magnitude().maximum().item()
        let relative = magnitude > 0 ? absolute / magnitude : absolute
        switch self {
        case .identical:
            let agreement = try difference.isEqual(to: 0).converted(to: .float64).mean().item()
            return GoldenCheck(
                name: name, maximumAbsolute: absolute, maximumRelative: relative, agreement: agreement,
                demand: "identical", pass: agreement == 1)
        case .absolute(let bound):
            return GoldenCheck(
                name: name, maximumAbsolute: absolute, maximumRelative: relative, agreement: nil,
                demand: "absolute ≤ \(bound)", pass: absolute <= bound)
        case .relative(let bound):
            return GoldenCheck(
                name: name, maximumAbsolute: absolute, maximumRelative: relative, agreement: nil,
                demand: "relative ≤ \(bound)", pass: relative <= bound)
        }
    }
}
