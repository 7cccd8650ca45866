/// Operators of our own that LibTorch has operators for too.
package enum OwnOperator: String, Sendable {
    case linear
    /// Winograd's algorithm, and the group normalisation that goes with it.
    case convolution
    case neighborhoodAttention = "attention"
    /// What stands between the products of a block, on a GPU.
    case modulation
    /// Guidance, filters and the draw in one, on a GPU.
    case draw
    /// A batch's work on a GPU as one CUDA graph.
    case graph
}

extension LibTorch {
    /// What LibTorch's operators do instead of ours; for benchmarks, which say so for the length of a closure.
    @TaskLocal package static var withheldOperators: Set<OwnOperator> = []
}
