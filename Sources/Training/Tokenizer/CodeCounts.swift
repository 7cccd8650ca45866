/// How often each code occurs.
struct CodeCounts {
    private var counts: [Int]

    /// None yet.
    init(vocabulary: Int) { counts = [Int](repeating: 0, count: vocabulary) }

    /// Counts a code, in `0..<vocabulary`.
    mutating func add(_ code: Int) { counts[code] += 1 }

    /// Counts what was counted elsewhere.
    mutating func add(_ other: CodeCounts) {
        for code in counts.indices { counts[code] += other.counts[code] }
    }

    /// The share of the codes that occur.
    var usage: Double { Double(counts.count { $0 > 0 }) / Double(counts.count) }

    /// exp(-Σ p · ln p) over the frequencies p: as many codes as would occur equally often to be as hard to guess; at
    /// least 1, at most the vocabulary.
    var perplexity: Double {
        let total = Double(counts.reduce(0, +))
        let entropy = counts.reduce(0.0) { sum, count in
            guard count > 0 else { return sum }
            let frequency = Double(count) / total
            return sum - frequency * naturalLogarithm(of: frequency)
        }
        return exponential(of: entropy)
    }
}
