import TokenPyramid
import Torch

/// The regions of every pass over neighbouring scales; masks are made once and kept.
final class AttentionMasks {
    private let schedule: ScaleSchedule
    private let pattern: AttentionPattern
    private let firstSpatialScale: Int
    private let device: Device
    private var masks: [Range<Int>: Tensor] = [:]
    private var neighborhoods: [Int: AttentionRegion] = [:]

    init(_ configuration: TransformerConfiguration, device: Device) {
        schedule = configuration.schedule
        pattern = configuration.pattern
        firstSpatialScale = configuration.firstSpatialScale
        self.device = device
    }

    /// What the tokens of `scales` read among themselves.
    func region(ofScales scales: Range<Int>) throws(TorchError) -> AttentionRegion {
        if scales.count == 1 {
            guard case .spatial(let kernel) = pattern, scales.lowerBound >= firstSpatialScale else { return .all }
            let side = schedule.sides[scales.lowerBound]
            let known = neighborhoods[side] ?? .neighborhood(height: side, width: side, kernel: kernel)
            neighborhoods[side] = known
            return known
        }
        if let mask = masks[scales] { return .masked(mask) }
        let count = schedule.range(ofScales: scales).count
        let mask = try Tensor(visibility(ofScales: scales), shape: [count, count]).moved(to: device)
        masks[scales] = mask
        return .masked(mask)
    }

    /// Whether token i of these scales sees token j: element `i · count + j`.
    private func visibility(ofScales scales: Range<Int>) -> [Bool] {
        let all = schedule.range(ofScales: scales)
        let count = all.count
        var mask = [Bool](repeating: false, count: count * count)
        for scale in scales {
            let own = schedule.range(ofScale: scale)
            let offset = own.lowerBound - all.lowerBound
            if case .spatial(let kernel) = pattern, scale >= firstSpatialScale {
                let side = schedule.sides[scale]
                let window = NeighborhoodWindow.mask(height: side, width: side, kernel: kernel)
                for query in 0..<own.count {
                    let row = (offset + query) * count + offset
                    mask.replaceSubrange(
                        row..<row + own.count, with: window[query * own.count..<(query + 1) * own.count])
                }
            } else {
                let first = max(pattern.firstVisibleScale(from: scale), scales.lowerBound)
                let visible = schedule.range(ofScales: first..<scale + 1)
                let start = visible.lowerBound - all.lowerBound
                for query in 0..<own.count {
                    let row = (offset + query) * count
                    for key in start..<start + visible.count { mask[row + key] = true }
                }
            }
        }
        return mask
    }
}
