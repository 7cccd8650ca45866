public import Torch

/// A map of features, `[B, C, h, w]`, and what the convolution that made it found out about its channels.
public struct FeatureMap {
    /// `[B, C, h, w]`.
    public let tensor: Tensor
    /// What ``GroupNorm`` would else have to measure, where it is known.
    let statistics: Tensor?

    /// A map of which nothing is known.
    public init(_ tensor: Tensor) { self.init(tensor, statistics: nil) }

    init(_ tensor: Tensor, statistics: Tensor?) {
        self.tensor = tensor
        self.statistics = statistics
    }
}
