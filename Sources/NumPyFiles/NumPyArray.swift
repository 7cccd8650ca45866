/// An array of a `.npy` file: its type and shape, without its values.
///
/// The form is version 1.0 of NumPy's format (numpy.lib.format): values little-endian, the last axis the fastest.
public struct NumPyArray: Hashable, Sendable {
    /// The type of a value.
    public enum Element: String, Hashable, Sendable {
        case uint8 = "|u1"
        case int64 = "<i8"

        /// How many bytes a value has.
        public var byteCount: Int { self == .uint8 ? 1 : 8 }
    }

    /// The type of the values.
    public let element: Element
    /// The length of every axis.
    public let shape: [Int]

    /// An array's form.
    public init(_ element: Element, shape: [Int]) {
        self.element = element
        self.shape = shape
    }

    /// How many bytes the values have.
    public var byteCount: Int { shape.reduce(element.byteCount, *) }

    /// What stands before the values: a multiple of 64 bytes.
    var header: [UInt8] {
        let axes = shape.map { "\($0)," }.joined(separator: " ")
        let shape = shape.count == 1 ? axes : String(axes.dropLast())
        var text = Array("{'descr': '\(element.rawValue)', 'fortran_order': False, 'shape': (\(shape)), }".utf8)
        let preamble = 10
        let padding = (64 - (preamble + text.count + 1) % 64) % 64
        text += [UInt8](repeating: UInt8(ascii: " "), count: padding) + [UInt8(ascii: "\n")]
        return [0x93] + Array("NUMPY".utf8) + [1, 0] + littleEndian(UInt16(text.count)) + text
    }
}

/// The bytes of a number, lowest first.
func littleEndian(_ number: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian) { Array($0) }
}
