public import Torch

/// A tensor where it lies in a file: what it is called, what it looks like, and where its bytes are.
///
/// A record has been checked against the file: every element lies inside. Reading one costs nothing until
/// ``tensor()`` is called, and even then the bytes are not copied.
public struct TensorRecord: Sendable {
    /// The name, as in PyTorch's state dict.
    public let name: String

    /// The type of the elements on the disk.
    public let dtype: DType

    /// The length of every axis.
    public let shape: [Int]

    /// The distance of neighbours along every axis, in elements; 0 where an axis repeats itself.
    public let strides: [Int]

    /// The number of elements.
    public let count: Int

    let file: MappedFile
    let offset: Int

    /// How many bytes from the first to behind the last element.
    let span: Int

    /// How large a tensor may be that repeats its elements: a file of a few bytes must not ask for all memory.
    static let largestRepeatedTensor = 1 << 30

    init(
        name: String, dtype: DType, shape: [Int], strides: [Int], file: MappedFile, offset: Int, limit: Int
    ) throws(CheckpointError) {
        func failure(_ what: String) -> CheckpointError { file.corrupt("tensor \(quoted(name)) \(what)") }
        guard shape.count == strides.count, shape.count <= 64 else {
            throw failure("has \(shape.count) axes and \(strides.count) strides")
        }
        guard let layout = TensorLayout(shape: shape, strides: strides, elementSize: dtype.byteCount) else {
            throw failure("has the impossible shape \(shape) with strides \(strides)")
        }
        guard offset >= 0, layout.span <= limit - offset, file.slice(at: offset, count: layout.span) != nil else {
            throw failure("of shape \(shape) reaches beyond its storage")
        }
        guard layout.byteCount <= max(layout.span, Self.largestRepeatedTensor) else {
            throw failure("repeats \(layout.span) bytes to the absurd shape \(shape)")
        }
        self.name = name
        self.dtype = dtype
        self.shape = shape
        self.strides = strides
        self.file = file
        self.offset = offset
        count = layout.count
        span = layout.span
    }

    private init(_ other: TensorRecord, name: String) {
        self.name = name
        (dtype, shape, strides, count) = (other.dtype, other.shape, other.strides, other.count)
        (file, offset, span) = (other.file, other.offset, other.span)
    }

    /// The same tensor under another name.
    func renamed(_ name: String) -> TensorRecord { TensorRecord(self, name: name) }

    /// How many bytes the elements take without gaps and repetitions.
    public var byteCount: Int { count * dtype.byteCount }

    /// The tensor, in the memory of the file.
    ///
    /// The memory is read-only: whoever wants to change the tensor in place copies it first. Bytes that do not stand at
    /// a multiple of the element's size, which no writer of either format leaves behind, are copied.
    ///
    /// - Returns: A tensor on the CPU in the type of the file, which keeps the file mapped.
    /// - Throws: ``TorchError`` if LibTorch runs out of memory.
    public func tensor() throws(TorchError) -> Tensor {
        guard let memory = file.slice(at: offset, count: span), let start = memory.baseAddress else {
            preconditionFailure("a record lies inside its file")
        }
        file.willNeed(memory)
        // Complex numbers need the alignment of their parts only, but the stricter rule costs nothing.
        if Int(bitPattern: start) % dtype.byteCount == 0 {
            return try Tensor.borrowing(start, keepingAlive: file, shape: shape, strides: strides, dtype: dtype)
        }
        let copy = AlignedCopy(of: memory)
        return try Tensor.borrowing(copy.start, keepingAlive: copy, shape: shape, strides: strides, dtype: dtype)
    }

    /// The elements of an integer tensor in row-major order; nil for other types.
    func integers() -> [Int]? {
        let width: Int
        switch dtype {
        case .uint8, .int8: width = 1
        case .int16, .uint16: width = 2
        case .int32, .uint32: width = 4
        case .int64: width = 8
        default: return nil
        }
        guard let memory = file.slice(at: offset, count: span) else { return nil }
        var result: [Int] = []
        result.reserveCapacity(count)
        var index = [Int](repeating: 0, count: shape.count)
        for _ in 0..<count {
            var element = 0
            for axis in shape.indices { element += index[axis] * strides[axis] }
            let place = element * width
            switch dtype {
            case .uint8: result.append(Int(memory[place]))
            case .int8: result.append(Int(Int8(bitPattern: memory[place])))
            case .int16: result.append(Int(memory.littleEndian(Int16.self, at: place)))
            case .uint16: result.append(Int(memory.littleEndian(UInt16.self, at: place)))
            case .int32: result.append(Int(memory.littleEndian(Int32.self, at: place)))
            case .uint32: result.append(Int(memory.littleEndian(UInt32.self, at: place)))
            default: result.append(Int(memory.littleEndian(Int64.self, at: place)))
            }
            for axis in shape.indices.reversed() {
                index[axis] += 1
                if index[axis] < shape[axis] { break }
                index[axis] = 0
            }
        }
        return result
    }
}

/// Sizes of a strided tensor, computed so that no number out of a file can overflow.
struct TensorLayout {
    let count: Int
    let byteCount: Int
    let span: Int

    /// Nil where a length or a stride is negative, or a size does not fit 64 bits.
    init?(shape: [Int], strides: [Int], elementSize: Int) {
        var count = 1
        var last = 0
        for (length, stride) in zip(shape, strides) {
            guard length >= 0, stride >= 0 else { return nil }
            let (product, overflow) = count.multipliedReportingOverflow(by: length)
            let (step, stepOverflow) = max(length - 1, 0).multipliedReportingOverflow(by: stride)
            let (sum, sumOverflow) = last.addingReportingOverflow(step)
            if overflow || stepOverflow || sumOverflow { return nil }
            (count, last) = (product, sum)
        }
        let (bytes, overflow) = count.multipliedReportingOverflow(by: elementSize)
        let (reach, reachOverflow) = last.addingReportingOverflow(1)
        let (span, spanOverflow) = reach.multipliedReportingOverflow(by: elementSize)
        if overflow || reachOverflow || spanOverflow { return nil }
        self.count = count
        byteCount = bytes
        self.span = count == 0 ? 0 : span
    }

    /// The strides of a tensor without gaps, last axis fastest.
    static func rowMajorStrides(_ shape: [Int]) -> [Int] {
        var strides = [Int](repeating: 1, count: shape.count)
        for axis in shape.indices.dropLast().reversed() {
            // Lengths of 0 count as 1, as in PyTorch; an overflow is noticed by `TensorLayout`.
            strides[axis] = strides[axis + 1].multipliedReportingOverflow(by: max(shape[axis + 1], 1)).partialValue
        }
        return strides
    }
}

/// Bytes in memory of their own, at a 64-byte boundary.
private final class AlignedCopy {
    let start: UnsafeRawPointer
    private let memory: UnsafeMutableRawPointer

    init(of bytes: UnsafeRawBufferPointer) {
        memory = .allocate(byteCount: max(bytes.count, 1), alignment: 64)
        if let source = bytes.baseAddress { memory.copyMemory(from: source, byteCount: bytes.count) }
        start = UnsafeRawPointer(memory)
    }

    deinit { memory.deallocate() }
}
