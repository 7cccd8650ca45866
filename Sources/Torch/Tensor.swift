import CTorch

/// An array of numbers in LibTorch's hands, of any rank.
///
/// A tensor is a reference: views share memory with what they view. It is not `Sendable`: it may be handed over to
/// another task, never shared between two.
public final class Tensor {
    let handle: CTorchTensor
    /// Where the elements can be read again, if they can.
    private let source: (any RereadableMemory)?

    /// Takes over a handle that the caller owns.
    init(adopting handle: CTorchTensor, rereadableFrom source: (any RereadableMemory)? = nil) {
        self.handle = handle
        self.source = source
    }

    deinit { ctorch_tensor_release(handle) }

    /// Takes over the handle that `body` writes.
    static func adopting(
        _ operation: String, _ operands: Tensor..., body: (UnsafeMutablePointer<CTorchTensor?>) -> CTorchStatus
    ) throws(TorchError) -> Tensor {
        var result: CTorchTensor?
        let status = body(&result)
        guard status == 0, let result else {
            let message = status == 0 ? "returned no tensor" : String(cString: ctorch_last_error())
            throw TorchError(operation, shapes: operands.map(\.shape), message: message)
        }
        return Tensor(adopting: result)
    }

    // MARK: What it is

    /// The length of every axis.
    public var shape: [Int] {
        withUnsafeTemporaryAllocation(of: Int64.self, capacity: rank + 1) { buffer in
            guard let first = buffer.baseAddress else { return [] }
            ctorch_tensor_shape(handle, first)
            return (0..<rank).map { Int(buffer[$0]) }
        }
    }

    /// For every axis, how many elements lie between neighbours.
    public var strides: [Int] {
        get throws(TorchError) {
            var strides = [Int64](repeating: 0, count: rank)
            try check(ctorch_tensor_strides(handle, &strides), "strides", self)
            return strides.map(Int.init)
        }
    }

    /// The number of axes.
    public var rank: Int { Int(ctorch_tensor_rank(handle)) }

    /// The number of elements.
    public var count: Int { Int(ctorch_tensor_count(handle)) }

    /// The type of the elements. Traps on LibTorch's quantised types, which nothing here makes.
    public var dtype: DType {
        guard let dtype = DType(rawValue: ctorch_tensor_dtype(handle)) else {
            preconditionFailure("LibTorch's element type \(ctorch_tensor_dtype(handle)) has no name here")
        }
        return dtype
    }

    /// Where the elements are.
    public var device: Device { Device(cudaIndex: ctorch_tensor_cuda_index(handle)) }

    /// Whether the elements lie in row-major order without gaps.
    public var isContiguous: Bool { ctorch_tensor_is_contiguous(handle) }

    // MARK: From values

    /// Copies values in row-major order into a new tensor on the CPU.
    ///
    /// Traps unless there are as many values as the shape says.
    public convenience init<Scalar: TensorScalar>(_ values: [Scalar], shape: [Int]) throws(TorchError) {
        precondition(values.count == shape.reduce(1, *), "\(values.count) values do not fill the shape \(shape)")
        let tensor = try Tensor.empty(shape, dtype: Scalar.dtype)
        var memory: UnsafeRawPointer?
        try check(ctorch_tensor_memory(tensor.handle, &memory), "filling a tensor", tensor)
        values.withUnsafeBytes { source in
            guard let memory, let first = source.baseAddress, source.count > 0 else { return }
            UnsafeMutableRawPointer(mutating: memory).copyMemory(from: first, byteCount: source.count)
        }
        self.init(adopting: ctorch_tensor_retain(tensor.handle))
    }

    /// A tensor over memory that belongs to somebody else, without a copy.
    ///
    /// - Parameters:
    ///   - memory: The first element, aligned for its type.
    ///   - owner: Kept alive until the last view of the memory is gone; may be a ``RereadableMemory``.
    ///   - shape: The length of every axis.
    ///   - strides: In elements; `nil` for row-major order.
    ///   - dtype: The type of the elements.
    /// - Returns: A tensor on the CPU that nothing may write to.
    /// - Throws: ``TorchError`` if LibTorch declines shape and strides.
    public static func borrowing(
        _ memory: UnsafeRawPointer, keepingAlive owner: AnyObject, shape: [Int], strides: [Int]? = nil, dtype: DType
    ) throws(TorchError) -> Tensor {
        let sizes = shape.map(Int64.init)
        let steps = (strides ?? rowMajorStrides(shape)).map(Int64.init)
        precondition(sizes.count == steps.count, "\(sizes.count) axes have \(steps.count) strides")
        let context = Unmanaged.passRetained(owner).toOpaque()
        let tensor = try adopting("borrowing memory") {
            ctorch_tensor_borrow(
                UnsafeMutableRawPointer(mutating: memory), sizes, steps, Int32(sizes.count), dtype.rawValue,
                { context in
                    if let context { Unmanaged<AnyObject>.fromOpaque(context).release() }
                }, context, $0)
        }
        guard let source = owner as? any RereadableMemory else { return tensor }
        return Tensor(adopting: ctorch_tensor_retain(tensor.handle), rereadableFrom: source)
    }

    /// Gives the elements' memory back to the system, which reads them again when they are next used.
    ///
    /// For large parameters that are used once in a while. Does nothing unless the tensor was made over a
    /// ``RereadableMemory`` and has no gaps.
    public func discardMemory() {
        var memory: UnsafeRawPointer?
        guard let source, isContiguous, ctorch_tensor_memory(handle, &memory) == 0 else { return }
        source.discard(UnsafeRawBufferPointer(start: memory, count: count * dtype.byteCount))
    }

    private static func rowMajorStrides(_ shape: [Int]) -> [Int] {
        var strides = [Int](repeating: 1, count: shape.count)
        for axis in shape.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * max(1, shape[axis + 1]) }
        return strides
    }

    // MARK: To values

    /// The elements in row-major order, converted to a Swift type and copied from wherever they are.
    public func array<Scalar: TensorScalar>(of type: Scalar.Type) throws(TorchError) -> [Scalar] {
        let source = try converted(to: Scalar.dtype).moved(to: .cpu).contiguous()
        var memory: UnsafeRawPointer?
        try check(ctorch_tensor_memory(source.handle, &memory), "reading a tensor", source)
        return withExtendedLifetime(source) {
            guard let memory else { return [] }
            return Array(
                UnsafeBufferPointer(start: memory.assumingMemoryBound(to: Scalar.self), count: source.count))
        }
    }

    /// Calls `body` with the elements' bytes in row-major order.
    ///
    /// - Parameter body: Gets the bytes, valid during the call: the tensor's own where it is contiguous on the CPU.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws, or ``TorchError`` where a copy from a device fails.
    public func withContiguousBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
        let source = try moved(to: .cpu).contiguous()
        var memory: UnsafeRawPointer?
        try check(ctorch_tensor_memory(source.handle, &memory), "reading a tensor", source)
        return try withExtendedLifetime(source) {
            try body(UnsafeRawBufferPointer(start: memory, count: source.count * source.dtype.byteCount))
        }
    }

    /// The only element. Throws where there are more or none.
    public func item() throws(TorchError) -> Double {
        var value = 0.0
        try check(ctorch_tensor_item(handle, &value), "item", self)
        return value
    }
}

/// Memory whose content can be read again from where it came, as the pages of a mapped file can.
public protocol RereadableMemory: AnyObject {
    /// Lets go of some of the bytes until they are next used.
    func discard(_ bytes: UnsafeRawBufferPointer)
}
