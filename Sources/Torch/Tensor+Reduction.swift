private let aten_sum = Operator("aten::sum", "dim_IntList")
private let aten_sumAll = Operator("aten::sum")
private let aten_mean = Operator("aten::mean", "dim")
private let aten_meanAll = Operator("aten::mean")
private let aten_amax = Operator("aten::amax")
private let aten_maxAll = Operator("aten::max")
private let aten_argmax = Operator("aten::argmax")
private let aten_argmin = Operator("aten::argmin")
private let aten_topk = Operator("aten::topk")
private let aten_sort = Operator("aten::sort", "stable")
private let aten_cumsum = Operator("aten::cumsum")
private let aten_softmax = Operator("aten::softmax", "int")
private let aten_logSoftmax = Operator("aten::log_softmax", "int")
private let aten_norm = Operator("aten::linalg_vector_norm")
private let aten_bincount = Operator("aten::bincount")

extension Tensor {
    /// The sum of all elements, a scalar.
    public func sum() throws(TorchError) -> Tensor { try aten_sumAll(.tensor(self)) }

    /// Sums over axes.
    public func sum(axes: Int..., keepingAxes: Bool = false) throws(TorchError) -> Tensor {
        try aten_sum(.tensor(self), .integers(axes), .boolean(keepingAxes))
    }

    /// The mean of all elements, a scalar.
    public func mean() throws(TorchError) -> Tensor { try aten_meanAll(.tensor(self)) }

    /// Means over axes.
    public func mean(axes: Int..., keepingAxes: Bool = false) throws(TorchError) -> Tensor {
        try aten_mean(.tensor(self), .integers(axes), .boolean(keepingAxes))
    }

    /// The largest of all elements, a scalar.
    public func maximum() throws(TorchError) -> Tensor { try aten_maxAll(.tensor(self)) }

    /// The largest elements along an axis.
    public func maximum(axis: Int, keepingAxis: Bool = false) throws(TorchError) -> Tensor {
        try aten_amax(.tensor(self), [axis], .boolean(keepingAxis))
    }

    /// The index of the largest element along an axis; int64, the first of equals.
    public func indexOfMaximum(axis: Int) throws(TorchError) -> Tensor { try aten_argmax(.tensor(self), .integer(axis)) }

    /// The index of the smallest element along an axis; int64, the first of equals.
    public func indexOfMinimum(axis: Int) throws(TorchError) -> Tensor { try aten_argmin(.tensor(self), .integer(axis)) }

    /// The `count` largest elements along the last axis, largest first, and their indices.
    public func largest(_ count: Int) throws(TorchError) -> (values: Tensor, indices: Tensor) {
        let results = try aten_topk.results(.tensor(self), .integer(count))
        return (results[0], results[1])
    }

    /// The elements along the last axis in ascending order (equals stay in order), and where each was.
    public func sorted() throws(TorchError) -> (values: Tensor, indices: Tensor) {
        let results = try aten_sort.results(.tensor(self), true, -1, false)
        return (results[0], results[1])
    }

    /// Running sums along an axis.
    public func cumulativeSum(axis: Int) throws(TorchError) -> Tensor { try aten_cumsum(.tensor(self), .integer(axis)) }

    /// eˣ / Σ eˣ along an axis.
    public func softmax(axis: Int) throws(TorchError) -> Tensor { try aten_softmax(.tensor(self), .integer(axis)) }

    /// The logarithm of ``softmax(axis:)``.
    public func logSoftmax(axis: Int) throws(TorchError) -> Tensor { try aten_logSoftmax(.tensor(self), .integer(axis)) }

    /// The Euclidean norm of all elements, a scalar.
    public func norm() throws(TorchError) -> Tensor { try aten_norm(.tensor(self)) }

    /// The Euclidean norm along an axis, which stays with length 1.
    public func norm(axis: Int) throws(TorchError) -> Tensor { try aten_norm(.tensor(self), 2, [axis], true) }

    /// Divided by its Euclidean norm along an axis, which counts as at least 1e-12.
    public func unit(axis: Int) throws(TorchError) -> Tensor { try self / norm(axis: axis).clamped(to: 1e-12...) }

    /// How often each of `0..<count` occurs among these whole numbers (`[n]`).
    public func occurrences(below count: Int) throws(TorchError) -> Tensor {
        try aten_bincount(.tensor(self), .none, .integer(count))
    }
}
