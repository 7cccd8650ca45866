private let aten_to = Operator("aten::to", "dtype")
private let aten_toDevice = Operator("aten::to", "device")
private let aten_contiguous = Operator("aten::contiguous")
private let aten_clone = Operator("aten::clone")
private let aten_detach = Operator("aten::detach")
private let aten_reshape = Operator("aten::reshape")
private let aten_permute = Operator("aten::permute")
private let aten_transpose = Operator("aten::transpose", "int")
private let aten_unsqueeze = Operator("aten::unsqueeze")
private let aten_squeeze = Operator("aten::squeeze", "dim")
private let aten_expand = Operator("aten::expand")
private let aten_narrow = Operator("aten::narrow")
private let aten_select = Operator("aten::select", "int")
private let aten_unbind = Operator("aten::unbind", "int")
private let aten_split = Operator("aten::split", "sizes")
private let aten_indexSelect = Operator("aten::index_select")
private let aten_gather = Operator("aten::gather")
private let aten_repeatInterleave = Operator("aten::repeat_interleave", "self_int")
private let aten_flip = Operator("aten::flip")
private let aten_pad = Operator("aten::constant_pad_nd")
private let aten_copy = Operator("aten::copy_")

extension Tensor {
    /// This tensor if it has that element type, else a converted copy.
    public func converted(to dtype: DType) throws(TorchError) -> Tensor {
        self.dtype == dtype ? self : try aten_to(.tensor(self), .dtype(dtype))
    }

    /// This tensor if it is on that device, else a copy there.
    public func moved(to device: Device) throws(TorchError) -> Tensor {
        self.device == device ? self : try aten_toDevice(.tensor(self), .device(device), .dtype(dtype))
    }

    /// This tensor if it is in row-major order, else a copy that is.
    public func contiguous() throws(TorchError) -> Tensor {
        isContiguous ? self : try aten_contiguous(.tensor(self))
    }

    /// A copy with memory of its own.
    public func cloned() throws(TorchError) -> Tensor { try aten_clone(.tensor(self)) }

    /// A view without a history of gradients.
    public func detached() throws(TorchError) -> Tensor { try aten_detach(.tensor(self)) }

    /// The same elements in another shape; -1 stands for what is left over.
    public func reshaped(_ shape: Int...) throws(TorchError) -> Tensor { try reshaped(shape) }

    /// The same elements in another shape; -1 stands for what is left over.
    public func reshaped(_ shape: [Int]) throws(TorchError) -> Tensor {
        try aten_reshape(.tensor(self), .integers(shape))
    }

    /// A view with the axes in another order.
    public func permuted(_ axes: Int...) throws(TorchError) -> Tensor {
        try aten_permute(.tensor(self), .integers(axes))
    }

    /// A view with two axes exchanged.
    public func transposed(_ first: Int, _ second: Int) throws(TorchError) -> Tensor {
        try aten_transpose(.tensor(self), .integer(first), .integer(second))
    }

    /// A view with one more axis, of length 1.
    public func unsqueezed(_ axis: Int) throws(TorchError) -> Tensor {
        try aten_unsqueeze(.tensor(self), .integer(axis))
    }

    /// A view without an axis of length 1.
    public func squeezed(_ axis: Int) throws(TorchError) -> Tensor { try aten_squeeze(.tensor(self), .integer(axis)) }

    /// A view in which axes of length 1 are repeated without a copy; -1 keeps an axis.
    public func expanded(_ shape: [Int]) throws(TorchError) -> Tensor {
        try aten_expand(.tensor(self), .integers(shape))
    }

    /// A view of a range of an axis.
    public func narrowed(axis: Int, _ range: Range<Int>) throws(TorchError) -> Tensor {
        try aten_narrow(.tensor(self), .integer(axis), .integer(range.lowerBound), .integer(range.count))
    }

    /// A view of one index of an axis, without that axis.
    public func selected(axis: Int, _ index: Int) throws(TorchError) -> Tensor {
        try aten_select(.tensor(self), .integer(axis), .integer(index))
    }

    /// Views of every index of an axis.
    public func unbound(axis: Int) throws(TorchError) -> [Tensor] {
        try aten_unbind.results(.tensor(self), .integer(axis))
    }

    /// Views of consecutive ranges of an axis.
    public func split(_ counts: [Int], axis: Int) throws(TorchError) -> [Tensor] {
        try aten_split.results(.tensor(self), .integers(counts), .integer(axis))
    }

    /// The entries of an axis that `indices` (`[n]`, int64 or int32) names.
    public func rows(_ indices: Tensor, axis: Int = 0) throws(TorchError) -> Tensor {
        try aten_indexSelect(.tensor(self), .integer(axis), .tensor(indices))
    }

    /// Along an axis, the element that each index names.
    public func gathered(axis: Int, _ indices: Tensor) throws(TorchError) -> Tensor {
        try aten_gather(.tensor(self), .integer(axis), .tensor(indices))
    }

    /// Every entry of an axis `count` times in a row.
    public func repeatingEach(_ count: Int, axis: Int) throws(TorchError) -> Tensor {
        try aten_repeatInterleave(.tensor(self), .integer(count), .integer(axis))
    }

    /// A copy with axes reversed.
    public func flipped(axes: Int...) throws(TorchError) -> Tensor { try aten_flip(.tensor(self), .integers(axes)) }

    /// Zeros around the elements: pairs (before, after), the last axis first.
    public func zeroPadded(_ counts: [Int]) throws(TorchError) -> Tensor {
        try aten_pad(.tensor(self), .integers(counts), 0)
    }

    /// Overwrites this tensor with another's elements, converted and repeated as needed.
    public func assign(_ other: Tensor) throws(TorchError) { _ = try aten_copy(.tensor(self), .tensor(other)) }
}
