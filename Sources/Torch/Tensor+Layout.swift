private let atenTo = Operator("aten::to", "dtype")
private let atenToDevice = Operator("aten::to", "device")
private let atenContiguous = Operator("aten::contiguous")
private let atenClone = Operator("aten::clone")
private let atenDetach = Operator("aten::detach")
private let atenReshape = Operator("aten::reshape")
private let atenPermute = Operator("aten::permute")
private let atenTranspose = Operator("aten::transpose", "int")
private let atenUnsqueeze = Operator("aten::unsqueeze")
private let atenSqueeze = Operator("aten::squeeze", "dim")
private let atenExpand = Operator("aten::expand")
private let atenNarrow = Operator("aten::narrow")
private let atenSelect = Operator("aten::select", "int")
private let atenUnbind = Operator("aten::unbind", "int")
private let atenSplit = Operator("aten::split", "sizes")
private let atenIndexSelect = Operator("aten::index_select")
private let atenPad = Operator("aten::constant_pad_nd")
private let atenCopy = Operator("aten::copy_")

extension Tensor {
    /// This tensor if it has that element type, else a converted copy.
    public func converted(to dtype: DType) throws(TorchError) -> Tensor {
        self.dtype == dtype ? self : try atenTo(.tensor(self), .dtype(dtype))
    }

    /// This tensor if it is on that device, else a copy there.
    public func moved(to device: Device) throws(TorchError) -> Tensor {
        self.device == device ? self : try atenToDevice(.tensor(self), .device(device), .dtype(dtype))
    }

    /// This tensor if it is in row-major order, else a copy that is.
    public func contiguous() throws(TorchError) -> Tensor {
        isContiguous ? self : try atenContiguous(.tensor(self))
    }

    /// Whether this is a map, `[B, C, h, w]`, the channels of whose pixels lie next to each other without gaps.
    package var isChannelsLast: Bool {
        guard rank == 4, !isContiguous, let strides = try? strides else { return false }
        let shape = shape
        return strides == [shape[1] * shape[2] * shape[3], 1, shape[1] * shape[3], shape[1]]
    }

    /// This map, `[B, C, h, w]`, if the channels of a pixel lie next to each other in memory, else a copy where they do.
    package func channelsLast() throws(TorchError) -> Tensor {
        try atenContiguous(.tensor(self), .integer(2))  // c10::MemoryFormat::ChannelsLast
    }

    /// A copy with memory of its own.
    public func cloned() throws(TorchError) -> Tensor { try atenClone(.tensor(self)) }

    /// A view without a history of gradients.
    public func detached() throws(TorchError) -> Tensor { try atenDetach(.tensor(self)) }

    /// The same elements in another shape; -1 stands for what is left over.
    public func reshaped(_ shape: Int...) throws(TorchError) -> Tensor { try reshaped(shape) }

    /// The same elements in another shape; -1 stands for what is left over.
    public func reshaped(_ shape: [Int]) throws(TorchError) -> Tensor {
        try atenReshape(.tensor(self), .integers(shape))
    }

    /// A view with the axes in another order.
    public func permuted(_ axes: Int...) throws(TorchError) -> Tensor {
        try atenPermute(.tensor(self), .integers(axes))
    }

    /// A view with two axes exchanged.
    public func transposed(_ first: Int, _ second: Int) throws(TorchError) -> Tensor {
        try atenTranspose(.tensor(self), .integer(first), .integer(second))
    }

    /// A view with one more axis, of length 1.
    public func unsqueezed(_ axis: Int) throws(TorchError) -> Tensor {
        try atenUnsqueeze(.tensor(self), .integer(axis))
    }

    /// A view without an axis of length 1.
    public func squeezed(_ axis: Int) throws(TorchError) -> Tensor { try atenSqueeze(.tensor(self), .integer(axis)) }

    /// A view in which axes of length 1 are repeated without a copy; -1 keeps an axis.
    public func expanded(_ shape: [Int]) throws(TorchError) -> Tensor {
        try atenExpand(.tensor(self), .integers(shape))
    }

    /// A view of a range of an axis.
    public func narrowed(axis: Int, _ range: Range<Int>) throws(TorchError) -> Tensor {
        try atenNarrow(.tensor(self), .integer(axis), .integer(range.lowerBound), .integer(range.count))
    }

    /// A view of one index of an axis, without that axis.
    public func selected(axis: Int, _ index: Int) throws(TorchError) -> Tensor {
        try atenSelect(.tensor(self), .integer(axis), .integer(index))
    }

    /// Views of every index of an axis.
    public func unbound(axis: Int) throws(TorchError) -> [Tensor] {
        try atenUnbind.results(.tensor(self), .integer(axis))
    }

    /// Views of consecutive ranges of an axis.
    public func split(_ counts: [Int], axis: Int) throws(TorchError) -> [Tensor] {
        try atenSplit.results(.tensor(self), .integers(counts), .integer(axis))
    }

    /// The entries of an axis that `indices` (`[n]`, int64 or int32) names.
    public func rows(_ indices: Tensor, axis: Int = 0) throws(TorchError) -> Tensor {
        try atenIndexSelect(.tensor(self), .integer(axis), .tensor(indices.moved(to: device)))
    }

    /// Zeros around the elements: pairs (before, after), the last axis first.
    public func zeroPadded(_ counts: [Int]) throws(TorchError) -> Tensor {
        try atenPad(.tensor(self), .integers(counts), 0)
    }

    /// Overwrites this tensor with another's elements, converted and repeated as needed.
    public func assign(_ other: Tensor) throws(TorchError) { _ = try atenCopy(.tensor(self), .tensor(other)) }
}
