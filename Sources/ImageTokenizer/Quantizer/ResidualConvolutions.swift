import NeuralNetworks
import TokenPyramid
import Torch

/// The φ convolutions: what an upsampled map of codes goes through before it is added to f̂.
struct ResidualConvolutions {
    private let convolutions: [Convolution2D]
    private let ratio: Double
    /// For each scale, the convolution that serves it.
    private let choice: [Int]

    init(_ configuration: TokenizerConfiguration, at path: ParameterPath) throws(TorchError) {
        let scales = configuration.schedule.count
        let shared = configuration.sharedResidualConvolutions
        ratio = configuration.residualRatio
        choice = Self.choice(scales: scales, shared: shared)
        var convolutions: [Convolution2D] = []
        for index in 0..<(shared == 0 ? scales : shared) {
            let place =
                switch shared {
                case 0: path / index
                case 1: path / "qresi"
                default: path / "qresi_ls" / index
                }
            convolutions.append(
                try Convolution2D(
                    from: configuration.latentChannels, to: configuration.latentChannels, kernel: 3, padding: 1,
                    at: place))
        }
        self.convolutions = convolutions
    }

    /// φ(h) = (1 - q) · h + q · conv(h), with the convolution of that scale.
    func callAsFunction(_ h: Tensor, scale: Int) throws(TorchError) -> Tensor {
        try (h * (1 - ratio)).adding(convolutions[choice[scale]](h), times: ratio)
    }

    /// Which convolution serves which scale: the one whose tick is nearest.
    ///
    /// For 10 scales and 4 convolutions two of the choices are ties in exact arithmetic, which the weights' authors
    /// decided by NumPy's rounding. The order of operations below repeats it (VAR@main:models/quant.py).
    static func choice(scales: Int, shared: Int) -> [Int] {
        switch shared {
        case 0: return Array(0..<scales)
        case 1: return Array(repeating: 0, count: scales)
        default:
            let start = shared == 4 ? 1.0 / 3.0 / Double(shared) : 1.0 / 2.0 / Double(shared)
            let stop = 1 - start
            let step = (stop - start) / Double(shared - 1)
            let ticks = (0..<shared).map { $0 == shared - 1 ? stop : start + Double($0) * step }
            return (0..<scales).map { scale in
                let position = scales > 1 ? Double(scale) / Double(scales - 1) : 0
                var best = 0
                for tick in ticks.indices where abs(ticks[tick] - position) < abs(ticks[best] - position) {
                    best = tick
                }
                return best
            }
        }
    }
}
