/// Which tokens a token may look at (MVAR, arXiv:2505.12742, sections 3.2 and 3.3).
public enum AttentionPattern: Hashable, Sendable {
    /// All tokens of its own scale and of the coarser ones, as in VAR.
    case full
    /// Its own scale and that many before it.
    case window(Int)
    /// Its own scale only: the scale-Markov condition. The coarser scales come in by the input embedding.
    case scale
    /// As `scale`, and from the first spatial scale on only the `kernel × kernel` tokens around it.
    case spatial(kernel: Int)

    /// The coarsest scale that a query of `scale` sees.
    public func firstVisibleScale(from scale: Int) -> Int {
        switch self {
        case .full: 0
        case .window(let previous): max(0, scale - previous)
        case .scale, .spatial: scale
        }
    }

    /// Whether no token looks beyond its own scale, so that generation needs no cache of keys and values.
    public var isWithinScale: Bool {
        switch self {
        case .full: false
        case .window(let previous): previous == 0
        case .scale, .spatial: true
        }
    }

    /// The scales whose keys a scale after `scale` still reads.
    public func scalesToKeep(after scale: Int, of count: Int) -> Range<Int> {
        guard scale + 1 < count else { return scale + 1..<scale + 1 }
        return firstVisibleScale(from: scale + 1)..<scale + 1
    }
}

extension AttentionPattern: TextCoded {
    /// The forms of ``description``.
    public static var forms: String { "full, window-N, scale, spatial-K" }

    /// As on the command line: `full`, `window-2`, `scale`, `spatial-7`.
    public var description: String {
        switch self {
        case .full: "full"
        case .window(let previous): "window-\(previous)"
        case .scale: "scale"
        case .spatial(let kernel): "spatial-\(kernel)"
        }
    }

    /// Reads what ``description`` writes; `nil` for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: "-", maxSplits: 1)
        let number = parts.count == 2 ? Int(parts[1]) : nil
        switch (parts.first, number) {
        case ("full", nil) where parts.count == 1: self = .full
        case ("scale", nil) where parts.count == 1: self = .scale
        case ("window", .some(let previous)) where previous >= 0: self = .window(previous)
        case ("spatial", .some(let kernel)) where kernel > 0: self = .spatial(kernel: kernel)
        default: return nil
        }
    }
}
