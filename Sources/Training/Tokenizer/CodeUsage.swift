import Torch

/// How often each code is used, and new life for those that nothing uses.
struct CodeUsage {
    /// Running averages of uses a step, `[V]`.
    let counts: Tensor
    private let decay = 0.97

    /// Counts as if all codes had been used alike.
    init(vocabulary: Int, usesPerStep: Int, on device: Device = .cpu) throws(TorchError) {
        counts = try Tensor.full([vocabulary], Double(usesPerStep) / Double(vocabulary), device: device)
    }

    /// Takes in the codes of a step, those of all processes.
    func record(_ codes: [Tensor], in processes: ProcessGroup = .alone) throws {
        let uses = try Tensor.concatenated(codes).occurrences(below: counts.shape[0])
        try processes.sum(uses)
        try counts.multiply(by: decay)
        try counts.add(uses.converted(to: .float32), times: 1 - decay)
    }

    /// Gives every code that is used less than a share of the mean the place of a vector that was to be quantized.
    ///
    /// - Parameters:
    ///   - share: Of the mean usage.
    ///   - vectors: Of the latest step, for each scale those of this process's part of the batch, `[B · T, Z]`.
    ///   - processes: They choose among the vectors of all, as one process with the whole batch would.
    ///   - generator: Chooses among them; alike in all processes.
    /// - Returns: The codes that were moved, and their new vectors; `nil` if there are none.
    /// - Throws: ``Torch/TorchError`` if memory runs out, ``Torch/ProcessGroupError`` where another process is gone.
    func revivals(
        below share: Double, from vectors: [Tensor], of processes: ProcessGroup = .alone,
        using generator: inout SplitMix64
    ) throws -> (codes: Tensor, vectors: Tensor)? {
        let uses = try counts.array(of: Float.self)
        let mean = uses.reduce(0, +) / Float(uses.count)
        let dead = uses.indices.filter { uses[$0] < mean * Float(share) }
        guard !dead.isEmpty else { return nil }
        let pool = try Tensor.concatenated(vectors)
        let lengths = vectors.map { $0.shape[0] }
        let chosen = dead.map { _ in
            Self.place(of: Int.random(in: 0..<pool.shape[0] * processes.count, using: &generator), lengths, processes)
        }
        let codes = try Tensor(dead, shape: [dead.count])
        // A revived code starts with the mean usage, or it would be replaced again before it is found.
        try counts.replaceRows(codes, with: Tensor.full([dead.count], Double(mean), device: counts.device))
        let found = try pool.rows(Tensor(chosen.map { $0 ?? 0 }, shape: [chosen.count]))
        // Each vector is one process's; the others add zeros to it.
        let isOwn = try Tensor(chosen.map { $0 == nil ? Float(0) : 1 }, shape: [chosen.count, 1]).moved(to: pool.device)
        let revived = try found * isOwn
        try processes.sum(revived)
        return (codes, revived)
    }

    /// Where in this process's vectors one of the whole batch's stands, which come scale by scale, within a scale by
    /// processes; nil where it is another's.
    static func place(of index: Int, _ lengths: [Int], _ processes: ProcessGroup) -> Int? {
        var (rest, start) = (index, 0)
        for length in lengths {
            if rest < length * processes.count { return rest / length == processes.rank ? start + rest % length : nil }
            rest -= length * processes.count
            start += length
        }
        return nil
    }
}

extension Tensor {
    /// Overwrites whole entries of the first axis of this tensor itself.
    func replaceRows(_ rows: Tensor, with values: Tensor) throws(TorchError) {
        try addRows(rows, values - self.rows(rows))
    }
}
