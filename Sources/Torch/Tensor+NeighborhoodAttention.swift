private let mvarNeighborhoodAttention = Operator("mvar::neighborhood_attention")

extension Tensor {
    /// How ``neighborhoodAttention(keys:values:height:width:kernel:weighing:)`` weighs the products of queries and keys.
    package enum ProductWeight {
        /// By one factor.
        case scale(Double)
        /// As unit vectors, by one factor per head: `[H]`, float32 or of the queries' type.
        case cosine(temperatures: Tensor)
    }

    /// Whether ``neighborhoodAttention(keys:values:height:width:kernel:weighing:)`` takes this tensor.
    package var hasNeighborhoodAttention: Bool {
        let depth = shape.last ?? 0
        let isServed =
            switch device {
            case .cpu: dtype == .float32 || dtype == .bfloat16
            // In steps of 16 bytes, and registers for so many (CKernels/CUDA/neighborhood_launch.h).
            case .cuda: (dtype == .float32 || dtype == .bfloat16 || dtype == .float16) && depth % 8 == 0 && depth <= 128
            }
        return isServed && !LibTorch.withheldOperators.contains(.neighborhoodAttention)
    }

    /// Attention of every place of a map to the `kernel × kernel` places around it, by an operator of our own: float32
    /// or bfloat16, on GPUs also float16, with gradients for queries, keys, values and temperatures. In half precision
    /// only the result and the gradients are rounded (on GPUs also the weights of values); what is computed on the way
    /// is float32.
    ///
    /// Every result is a sum in one fixed order, whatever stands beside it and however many threads there are.
    ///
    /// - Parameters:
    ///   - keys: `[B, H, height · width, D]`, as queries and values; views of one projection are read where they are.
    ///   - values: In the same shape.
    ///   - height: Of the map, whose places stand row by row.
    ///   - width: Of the map.
    ///   - kernel: At least 1; along an axis that is shorter, all places are seen.
    ///   - weight: How products are weighed.
    /// - Returns: `[B, H, height · width, D]`.
    /// - Throws: ``TorchError`` if shapes or types do not fit or memory runs out.
    package func neighborhoodAttention(
        keys: Tensor, values: Tensor, height: Int, width: Int, kernel: Int, weighing weight: ProductWeight
    ) throws(TorchError) -> Tensor {
        let (scale, temperatures): (Double, Tensor?) =
            switch weight {
            case .scale(let scale): (scale, nil)
            case .cosine(let temperatures): (1, temperatures)
            }
        return try mvarNeighborhoodAttention(
            .tensor(self), .tensor(keys), .tensor(values), .integer(height), .integer(width), .integer(kernel),
            .number(scale), .optional(temperatures))
    }
}
