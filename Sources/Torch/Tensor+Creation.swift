import CTorch

private let atenArange = Operator("aten::arange", "start_step")
private let atenZeros = Operator("aten::zeros")
private let atenFull = Operator("aten::full")
private let atenZerosLike = Operator("aten::zeros_like")
private let atenOnesLike = Operator("aten::ones_like")
private let atenCat = Operator("aten::cat")
private let atenStack = Operator("aten::stack")
private let mvarKeyedUniform = Operator("mvar::keyed_uniform")

extension Tensor {
    /// A row-major tensor whose elements are whatever was in memory.
    public static func empty(
        _ shape: [Int], dtype: DType = .float32, device: Device = .cpu
    ) throws(TorchError) -> Tensor {
        let sizes = shape.map(Int64.init)
        return try adopting("empty") {
            ctorch_tensor_empty(sizes, Int32(sizes.count), dtype.rawValue, device.cudaIndex, $0)
        }
    }

    /// Zeros of the given shape.
    public static func zeros(
        _ shape: [Int], dtype: DType = .float32, device: Device = .cpu
    ) throws(TorchError) -> Tensor {
        try atenZeros(.integers(shape), .dtype(dtype), .none, .device(device))
    }

    /// A tensor with one value everywhere.
    public static func full(
        _ shape: [Int], _ value: Double, dtype: DType = .float32, device: Device = .cpu
    ) throws(TorchError) -> Tensor {
        try atenFull(.integers(shape), .number(value), .dtype(dtype), .none, .device(device))
    }

    /// The whole numbers of a range, `[count]`.
    public static func range(
        _ range: Range<Int>, dtype: DType = .int64, device: Device = .cpu
    ) throws(TorchError) -> Tensor {
        try atenArange(
            .integer(range.lowerBound), .integer(range.upperBound), 1, .dtype(dtype), .none, .device(device))
    }

    /// Zeros with this tensor's shape, type and device.
    public func zerosLike() throws(TorchError) -> Tensor { try atenZerosLike(.tensor(self)) }

    /// Ones with this tensor's shape, type and device.
    public func onesLike() throws(TorchError) -> Tensor { try atenOnesLike(.tensor(self)) }

    /// Joins tensors along an axis that they have.
    public static func concatenated(_ tensors: [Tensor], axis: Int = 0) throws(TorchError) -> Tensor {
        try atenCat(.tensors(tensors), .integer(axis))
    }

    /// Joins tensors of one shape along a new axis.
    public static func stacked(_ tensors: [Tensor], axis: Int = 0) throws(TorchError) -> Tensor {
        try atenStack(.tensors(tensors), .integer(axis))
    }

    /// Random numbers that depend on what they are for, and on nothing else.
    ///
    /// Element (i, t, d) is a function of (seed, images[i], scale, t, d), by Philox4x32-10: it does not depend on the
    /// batch, on threads, or on what was drawn before.
    ///
    /// - Parameters:
    ///   - seed: The key of the generator.
    ///   - images: For each row its number, in `0..<2^34`.
    ///   - scale: In `0..<2^30`.
    ///   - tokens: How many tokens.
    ///   - draws: How many numbers per token.
    /// - Returns: `[images.count, tokens, draws]`, float64, in `0..<1`, on the CPU.
    /// - Throws: ``TorchError`` if memory runs out.
    public static func keyedUniform(
        seed: UInt64, images: [Int], scale: Int, tokens: Int, draws: Int
    ) throws(TorchError) -> Tensor {
        try mvarKeyedUniform(
            .integer(Int(bitPattern: UInt(seed))), .integers(images), .integer(scale), .integer(tokens),
            .integer(draws))
    }
}
