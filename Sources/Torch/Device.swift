/// Where a tensor's memory is.
public enum Device: Hashable, Sendable, CustomStringConvertible {
    case cpu
    /// An NVIDIA GPU, by its index from 0.
    case cuda(Int)

    /// `cpu` or `cuda:0`, as on the command line.
    public var description: String {
        switch self {
        case .cpu: "cpu"
        case .cuda(let index): "cuda:\(index)"
        }
    }

    /// Reads `cpu`, `cuda` or `cuda:1`; `nil` for anything else.
    public init?(_ text: some StringProtocol) {
        switch text {
        case "cpu": self = .cpu
        case "cuda": self = .cuda(0)
        default:
            guard text.hasPrefix("cuda:"), let index = Int(text.dropFirst(5)), index >= 0 else { return nil }
            self = .cuda(index)
        }
    }

    /// The number by which the binding knows the device.
    var cudaIndex: Int32 {
        switch self {
        case .cpu: -1
        case .cuda(let index): Int32(clamping: index)
        }
    }

    init(cudaIndex: Int32) { self = cudaIndex < 0 ? .cpu : .cuda(Int(cudaIndex)) }
}
