import Torch

/// Writes a value as a pickle of protocol 2, and collects the tensors whose bytes go beside it.
///
/// The trees that are saved are shallow, so that this recursion is too.
struct PickleWriter {
    private(set) var bytes: [UInt8] = [0x80, 2]
    /// The storages in the order of their keys.
    private(set) var tensors: [Tensor] = []
    private let file: String

    init(_ root: PicklableValue, file: String) throws(CheckpointError) {
        self.file = file
        try write(root)
        bytes.append(UInt8(ascii: "."))
    }

    private mutating func opcode(_ character: Unicode.Scalar) { bytes.append(UInt8(ascii: character)) }

    private mutating func global(_ module: String, _ name: String) {
        bytes.append(contentsOf: "c\(module)\n\(name)\n".utf8)
    }

    private mutating func write(_ value: PicklableValue) throws(CheckpointError) {
        switch value {
        case .none: opcode("N")
        case .bool(let flag): bytes.append(flag ? 0x88 : 0x89)
        case .integer(let number): write(number)
        case .float(let number):
            opcode("G")
            bytes.append(littleEndian: number.bitPattern.byteSwapped)
        case .string(let text): write(text)
        case .list(let elements):
            opcode("]")
            opcode("(")
            for element in elements { try write(element) }
            opcode("e")
        case .tuple(let elements):
            opcode("(")
            for element in elements { try write(element) }
            opcode("t")
        case .dictionary(let pairs):
            opcode("}")
            try write(pairs)
        case .orderedDictionary(let pairs):
            global("collections", "OrderedDict")
            opcode(")")
            opcode("R")
            try write(pairs)
        case .tensor(let tensor): try write(tensor)
        }
    }

    private mutating func write(_ pairs: [(key: PicklableValue, value: PicklableValue)]) throws(CheckpointError) {
        opcode("(")
        for (key, value) in pairs {
            try write(key)
            try write(value)
        }
        opcode("u")
    }

    private mutating func write(_ number: Int) {
        if let number = UInt8(exactly: number) {
            opcode("K")
            bytes.append(number)
        } else if let number = Int32(exactly: number) {
            opcode("J")
            bytes.append(littleEndian: number)
        } else {
            bytes.append(contentsOf: [0x8A, 8])
            bytes.append(littleEndian: Int64(number))
        }
    }

    private mutating func write(_ text: String) {
        opcode("X")
        bytes.append(littleEndian: UInt32(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }

    private mutating func write(_ numbers: [Int]) {
        opcode("(")
        for number in numbers { write(number) }
        opcode("t")
    }

    /// `_rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())`, the storage by its key.
    private mutating func write(_ tensor: Tensor) throws(CheckpointError) {
        guard let storage = Self.storageClasses[tensor.dtype] else {
            throw CheckpointError(
                file: file,
                .unwritable(
                    "tensors of type \(tensor.dtype.name) have no storage class in PyTorch's form; use safetensors"))
        }
        global("torch._utils", "_rebuild_tensor_v2")
        opcode("(")
        opcode("(")
        write("storage")
        global("torch", storage)
        write(String(tensors.count))
        write("cpu")
        write(tensor.count)
        opcode("t")
        opcode("Q")
        write(0)
        write(tensor.shape)
        write(TensorLayout.rowMajorStrides(tensor.shape))
        bytes.append(0x89)
        global("collections", "OrderedDict")
        opcode(")")
        opcode("R")
        opcode("t")
        opcode("R")
        tensors.append(tensor)
    }

    private static let storageClasses: [DType: String] = [
        .float32: "FloatStorage", .float64: "DoubleStorage", .float16: "HalfStorage", .bfloat16: "BFloat16Storage",
        .int64: "LongStorage", .int32: "IntStorage", .int16: "ShortStorage", .int8: "CharStorage",
        .uint8: "ByteStorage", .bool: "BoolStorage", .complex64: "ComplexFloatStorage",
        .complex128: "ComplexDoubleStorage",
    ]
}
