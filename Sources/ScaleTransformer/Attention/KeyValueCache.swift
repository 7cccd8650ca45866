import TokenPyramid
import Torch

/// The keys and values of coarser scales that finer ones still read: for `full` and `window-N` only.
///
/// After each scale everything that no later scale reads is dropped, so nothing is kept after the last one.
public final class KeyValueCache {
    private let pattern: AttentionPattern
    private let schedule: ScaleSchedule
    /// For each block the keys and values by scale, `[B, H, T, D]`, normalised already.
    private var entries: [[Int: (keys: Tensor, values: Tensor)]]

    /// An empty cache for generation with a configuration.
    public init(_ configuration: TransformerConfiguration) {
        pattern = configuration.pattern
        schedule = configuration.schedule
        entries = Array(repeating: [:], count: configuration.depth)
    }

    /// The memory that the cache holds now.
    public var byteCount: Int {
        entries.flatMap(\.values).reduce(0) { sum, entry in
            sum + (entry.keys.count + entry.values.count) * entry.keys.dtype.byteCount
        }
    }

    /// Keeps one scale's keys and values as far as they will be read, and returns all that the scale itself reads.
    func extend(
        block: Int, scale: Int, keys: Tensor, values: Tensor
    ) throws(TorchError) -> (keys: Tensor, values: Tensor) {
        let visible = (pattern.firstVisibleScale(from: scale)..<scale).compactMap { entries[block][$0] }
        let kept = pattern.scalesToKeep(after: scale, of: schedule.count)
        // The new keys are views of a projection three times their size: a copy of their own lets go of the rest.
        if kept.contains(scale) { entries[block][scale] = (try keys.contiguous(), try values.contiguous().cloned()) }
        entries[block] = entries[block].filter { kept.contains($0.key) }
        guard !visible.isEmpty else { return (keys, values) }
        return (
            try Tensor.concatenated(visible.map(\.keys) + [keys], axis: 2),
            try Tensor.concatenated(visible.map(\.values) + [values], axis: 2)
        )
    }
}
