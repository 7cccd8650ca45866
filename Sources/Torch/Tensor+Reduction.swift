private let atenSum = Operator("aten::sum", "dim_IntList")
private let atenSumAll = Operator("aten::sum")
private let atenMean = Operator("aten::mean", "dim")
private let atenMeanAll = Operator("aten::mean")
private let atenAmax = Operator("aten::amax")
private let atenMaxAll = Operator("aten::max")
private let atenMinAll = Operator("aten::min")
private let atenArgmax = Operator("aten::argmax")
private let atenArgmin = Operator("aten::argmin")
private let atenTopk = Operator("aten::topk")
private let atenSort = Operator("aten::sort", "stable")
private let atenCumsum = Operator("aten::cumsum")
private let atenSoftmax = Operator("aten::softmax", "int")
private let atenNorm = Operator("aten::linalg_vector_norm")
private let atenBincount = Operator("aten::bincount")

extension Tensor {
    /// The sum of all elements, a scalar.
    public func sum() throws(TorchError) -> Tensor { try atenSumAll(.tensor(self)) }

    /// Sums over axes.
    public func sum(axes: Int..., keepingAxes: Bool = false) throws(TorchError) -> Tensor {
        try atenSum(.tensor(self), .integers(axes), .boolean(keepingAxes))
    }

    /// The mean of all elements, a scalar.
    public func mean() throws(TorchError) -> Tensor { try atenMeanAll(.tensor(self)) }

    /// Means over axes.
    public func mean(axes: Int..., keepingAxes: Bool = false) throws(TorchError) -> Tensor {
        try atenMean(.tensor(self), .integers(axes), .boolean(keepingAxes))
    }

    /// The largest of all elements, a scalar.
    public func maximum() throws(TorchError) -> Tensor { try atenMaxAll(.tensor(self)) }

    /// The smallest of all elements, a scalar.
    public func minimum() throws(TorchError) -> Tensor { try atenMinAll(.tensor(self)) }

    /// The largest elements along an axis.
    public func maximum(axis: Int, keepingAxis: Bool = false) throws(TorchError) -> Tensor {
        try atenAmax(.tensor(self), [axis], .boolean(keepingAxis))
    }

    /// The index of the largest element along an axis; int64, the first of equals.
    public func indexOfMaximum(axis: Int) throws(TorchError) -> Tensor { try atenArgmax(.tensor(self), .integer(axis)) }

    /// The index of the smallest element along an axis; int64, the first of equals.
    public func indexOfMinimum(axis: Int) throws(TorchError) -> Tensor { try atenArgmin(.tensor(self), .integer(axis)) }

    /// The `count` largest elements along the last axis, largest first, and their indices.
    public func largest(_ count: Int) throws(TorchError) -> (values: Tensor, indices: Tensor) {
        let results = try atenTopk.results(.tensor(self), .integer(count))
        return (results[0], results[1])
    }

    /// The elements along the last axis in ascending order (equals stay in order), and where each was.
    public func sorted() throws(TorchError) -> (values: Tensor, indices: Tensor) {
        let results = try atenSort.results(.tensor(self), true, -1, false)
        return (results[0], results[1])
    }

    /// Running sums along an axis.
    public func cumulativeSum(axis: Int) throws(TorchError) -> Tensor { try atenCumsum(.tensor(self), .integer(axis)) }

    /// eˣ / Σ eˣ along an axis.
    public func softmax(axis: Int) throws(TorchError) -> Tensor { try atenSoftmax(.tensor(self), .integer(axis)) }

    /// The Euclidean norm of all elements, a scalar.
    public func norm() throws(TorchError) -> Tensor { try atenNorm(.tensor(self)) }

    /// The Euclidean norm along an axis, which stays with length 1.
    public func norm(axis: Int) throws(TorchError) -> Tensor { try atenNorm(.tensor(self), 2, [axis], true) }

    /// Divided by its Euclidean norm along an axis, which counts as at least 1e-12.
    public func unit(axis: Int) throws(TorchError) -> Tensor { try self / norm(axis: axis).clamped(to: 1e-12...) }

    /// How often each of `0..<count` occurs among these whole numbers (`[n]`).
    public func occurrences(below count: Int) throws(TorchError) -> Tensor {
        try atenBincount(.tensor(self), .none, .integer(count))
    }
}
