private let atenLinear = Operator("aten::linear")
private let atenConv2d = Operator("aten::conv2d")
private let atenGroupNorm = Operator("aten::group_norm")
private let atenLayerNorm = Operator("aten::layer_norm")
private let atenEmbedding = Operator("aten::embedding")
private let atenSilu = Operator("aten::silu")
private let atenLeakyRelu = Operator("aten::leaky_relu")
private let atenGelu = Operator("aten::gelu")
private let atenAttention = Operator("aten::scaled_dot_product_attention")
private let atenNearest = Operator("aten::upsample_nearest2d", "vec")
private let atenBicubic = Operator("aten::upsample_bicubic2d", "vec")
private let atenAveragePool = Operator("aten::adaptive_avg_pool2d")
private let atenCrossEntropy = Operator("aten::cross_entropy_loss")

// The operators that layers are made of; each as in PyTorch's `nn.functional`.
extension Tensor {
    /// `x · weightᵀ + bias` over the last axis. `weight`: `[outputs, inputs]`.
    public func linear(weight: Tensor, bias: Tensor? = nil) throws(TorchError) -> Tensor {
        try atenLinear(.tensor(self), .tensor(weight), .optional(bias))
    }

    /// A convolution. `self`: `[B, inputs, h, w]`, `weight`: `[outputs, inputs, k, k]`.
    public func convolved(
        weight: Tensor, bias: Tensor?, stride: Int = 1, padding: Int = 0, dilation: Int = 1
    ) throws(TorchError) -> Tensor {
        try atenConv2d(
            .tensor(self), .tensor(weight), .optional(bias), [stride, stride], [padding, padding],
            [dilation, dilation])
    }

    /// Group normalisation over `[B, C, …]`.
    public func groupNormalized(
        groups: Int, weight: Tensor, bias: Tensor, epsilon: Double
    ) throws(TorchError) -> Tensor {
        try atenGroupNorm(.tensor(self), .integer(groups), .tensor(weight), .tensor(bias), .number(epsilon))
    }

    /// Layer normalisation over the last axis, without weights.
    public func layerNormalized(epsilon: Double) throws(TorchError) -> Tensor {
        try atenLayerNorm(.tensor(self), [shape.last ?? 1], .none, .none, .number(epsilon))
    }

    /// The rows of this table (`[n, C]`) that `indices` (any shape) names: indices' shape + `[C]`.
    public func embedding(_ indices: Tensor) throws(TorchError) -> Tensor {
        try atenEmbedding(.tensor(self), .tensor(indices))
    }

    /// x · sigmoid(x).
    public func silu() throws(TorchError) -> Tensor { try atenSilu(.tensor(self)) }

    /// x where x is above 0, `slope` · x elsewhere.
    public func leakyReLU(slope: Double) throws(TorchError) -> Tensor {
        try atenLeakyRelu(.tensor(self), .number(slope))
    }

    /// GELU in its tanh form.
    public func geluTanh() throws(TorchError) -> Tensor { try atenGelu(.tensor(self), .string("tanh")) }

    /// softmax(scale · q kᵀ + mask) v over `[B, H, T, D]`.
    ///
    /// - Parameters:
    ///   - keys: `[B, H, M, D]`.
    ///   - values: `[B, H, M, D]`.
    ///   - mask: Added to the products, or bool with true where a query may look; broadcast to `[B, H, T, M]`.
    ///   - scale: The factor of the products.
    /// - Returns: `[B, H, T, D]`.
    /// - Throws: ``TorchError`` if shapes do not fit or memory runs out.
    public func attention(
        keys: Tensor, values: Tensor, mask: Tensor? = nil, scale: Double
    ) throws(TorchError) -> Tensor {
        try atenAttention(
            .tensor(self), .tensor(keys), .tensor(values), .optional(mask), 0.0, false, .number(scale))
    }

    /// Enlarges `[B, C, h, w]` by repeating pixels.
    public func nearestResized(height: Int, width: Int) throws(TorchError) -> Tensor {
        try atenNearest(.tensor(self), [height, width], .none)
    }

    /// Resizes `[B, C, h, w]` by PyTorch's bicubic rule (a = -0.75, corners not aligned, no antialias).
    public func bicubicResized(height: Int, width: Int) throws(TorchError) -> Tensor {
        try atenBicubic(.tensor(self), [height, width], false, .none)
    }

    /// Resizes `[B, C, h, w]` by averages: output i covers inputs ⌊i·h/n⌋ … ⌈(i+1)·h/n⌉ - 1.
    public func areaResized(height: Int, width: Int) throws(TorchError) -> Tensor {
        try atenAveragePool(.tensor(self), [height, width])
    }

    /// -log softmax(self)[target] for every row of `[n, V]`.
    ///
    /// - Parameters:
    ///   - targets: `[n]`, int64.
    ///   - smoothing: The share of the target that is spread over all V.
    /// - Returns: `[n]`.
    /// - Throws: ``TorchError`` if shapes do not fit or memory runs out.
    public func crossEntropy(_ targets: Tensor, smoothing: Double = 0) throws(TorchError) -> Tensor {
        try atenCrossEntropy(.tensor(self), .tensor(targets), .none, 0, -100, .number(smoothing))
    }
}
