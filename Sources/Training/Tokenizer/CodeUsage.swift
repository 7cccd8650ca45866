import Torch

/// How often each code is used, and new life for those that nothing uses.
struct CodeUsage {
    /// Running averages of uses a step, `[V]`.
    let counts: Tensor
    private let decay = 0.97

    /// Counts as if all codes had been used alike.
    init(vocabulary: Int, usesPerStep: Int) throws(TorchError) {
        counts = try Tensor.full([vocabulary], Double(usesPerStep) / Double(vocabulary))
    }

    /// Takes in the codes of a step.
    func record(_ codes: [Tensor]) throws(TorchError) {
        let uses = try Tensor.concatenated(codes).occurrences(below: counts.shape[0])
        try counts.multiply(by: decay)
        try counts.add(uses.converted(to: .float32), times: 1 - decay)
    }

    /// Gives every code that is used less than a share of the mean the place of a vector that was to be quantized.
    ///
    /// - Parameters:
    ///   - share: Of the mean usage.
    ///   - vectors: Vectors of the latest step, all scales.
    ///   - generator: Chooses among them.
    /// - Returns: The codes that were moved, and their new vectors; `nil` if there are none.
    /// - Throws: ``Torch/TorchError`` if memory runs out.
    func revivals(
        below share: Double, from vectors: [Tensor], using generator: inout SplitMix64
    ) throws(TorchError) -> (codes: Tensor, vectors: Tensor)? {
        let uses = try counts.array(of: Float.self)
        let mean = uses.reduce(0, +) / Float(uses.count)
        let dead = uses.indices.filter { uses[$0] < mean * Float(share) }
        guard !dead.isEmpty else { return nil }
        let pool = try Tensor.concatenated(vectors)
        let chosen = dead.map { _ in Int.random(in: 0..<pool.shape[0], using: &generator) }
        let codes = try Tensor(dead, shape: [dead.count])
        // A revived code starts with the mean usage, or it would be replaced again before it is found.
        try counts.replaceRows(codes, with: Tensor.full([dead.count], Double(mean)))
        return (codes, try pool.rows(Tensor(chosen, shape: [chosen.count])))
    }
}

extension Tensor {
    /// Overwrites whole entries of the first axis of this tensor itself.
    func replaceRows(_ rows: Tensor, with values: Tensor) throws(TorchError) {
        try addRows(rows, values - self.rows(rows))
    }
}
