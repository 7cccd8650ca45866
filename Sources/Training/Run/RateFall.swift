/// How a learning rate falls after its plateau.
public enum RateFall: String, Codable, Hashable, Sendable, CaseIterable {
    /// Half a wave: VAR's `cos`.
    case cosine
    /// A straight line: VAR's `lin`, `lin0`, `lin00`, which differ in their plateaus of 15, 5 and 0%.
    case linear
    /// By the same share in every step: VAR's `exp`.
    case exponential
    /// Two straight lines, which meet half-way between no fall and ``linear`` at the plateau's end: VAR's `lin0.3` for 30%.
    case bent

    /// What is left of the learning rate.
    ///
    /// - Parameters:
    ///   - share: Of the run, 0...1.
    ///   - plateau: Where the fall begins; for ``bent`` where it bends.
    ///   - last: What is left at the end.
    /// - Returns: A share of the highest rate.
    func factor(_ share: Double, from plateau: Double, to last: Double) -> Double {
        let rest = plateau < 1 ? (1 - share) / (1 - plateau) : 1
        if self == .bent, share < plateau || plateau < 1 {
            let middle = (1 + last + (1 - last) * (1 - plateau)) / 2
            return share < plateau ? 1 + (middle - 1) * share / plateau : last + (middle - last) * rest
        }
        guard share > plateau, plateau < 1 else { return 1 }
        switch self {
        case .cosine: return last + (1 - last) * 0.5 * (1 + Training.cosine(of: .pi * (1 - rest)))
        case .linear, .bent: return last + (1 - last) * rest
        case .exponential: return Training.exponential(of: (1 - rest) * naturalLogarithm(of: last))
        }
    }
}
