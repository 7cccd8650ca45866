/// The type of a tensor's elements.
///
/// The raw values are LibTorch's (`c10::ScalarType`), so that a number crosses the binding as it is.
public enum DType: Int8, Hashable, Sendable, CaseIterable {
    case uint8 = 0
    case int8 = 1
    case int16 = 2
    case int32 = 3
    case int64 = 4
    case float16 = 5
    case float32 = 6
    case float64 = 7
    case complex32 = 8
    case complex64 = 9
    case complex128 = 10
    case bool = 11
    case bfloat16 = 15
    case float8e5m2 = 23
    case float8e4m3 = 24
    case uint16 = 27
    case uint32 = 28
    case uint64 = 29

    /// The size of one element.
    public var byteCount: Int {
        switch self {
        case .uint8, .int8, .bool, .float8e5m2, .float8e4m3: 1
        case .int16, .float16, .bfloat16, .uint16: 2
        case .int32, .float32, .uint32, .complex32: 4
        case .int64, .float64, .uint64, .complex64: 8
        case .complex128: 16
        }
    }

    /// The name that PyTorch uses, e.g. `float32`.
    public var name: String {
        switch self {
        case .float8e5m2: "float8_e5m2"
        case .float8e4m3: "float8_e4m3fn"
        default: "\(self)"
        }
    }

    /// Whether the elements are real floating-point numbers.
    public var isFloatingPoint: Bool {
        switch self {
        case .float16, .float32, .float64, .bfloat16, .float8e5m2, .float8e4m3: true
        default: false
        }
    }
}

/// A Swift type that tensors can hold.
public protocol TensorScalar: Sendable {
    /// The element type with the same layout in memory.
    static var dtype: DType { get }
}

extension UInt8: TensorScalar {
    /// `uint8`.
    public static var dtype: DType { .uint8 }
}

extension Int8: TensorScalar {
    /// `int8`.
    public static var dtype: DType { .int8 }
}

extension Int16: TensorScalar {
    /// `int16`.
    public static var dtype: DType { .int16 }
}

extension UInt16: TensorScalar {
    /// `uint16`.
    public static var dtype: DType { .uint16 }
}

extension Int32: TensorScalar {
    /// `int32`.
    public static var dtype: DType { .int32 }
}

extension Int64: TensorScalar {
    /// `int64`.
    public static var dtype: DType { .int64 }
}

extension Int: TensorScalar {
    /// `int64`.
    public static var dtype: DType { .int64 }
}

extension Float: TensorScalar {
    /// `float32`.
    public static var dtype: DType { .float32 }
}

extension Double: TensorScalar {
    /// `float64`.
    public static var dtype: DType { .float64 }
}

extension Bool: TensorScalar {
    /// `bool`.
    public static var dtype: DType { .bool }
}
