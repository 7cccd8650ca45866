public import Torch

/// What the weights of linear layers are kept and multiplied in.
///
/// On the CPU everything between the layers stays in float32, and so does every sum; on a GPU all of it is in the type.
public enum Precision: String, Codable, Hashable, Sendable, CaseIterable {
    /// As trained.
    case float32
    /// 8 bits of precision; multiplied as it is where the processor can.
    case bfloat16
    /// 11 bits of precision, to save memory: the CPU widens weights as it reads them.
    case float16
    /// Whole numbers of 12 bits with a scale for each output, in 16; rows of activations likewise, of 14 bits.
    case int16
    /// The same in 8 bits; rows too where the processor multiplies such.
    case int8

    /// The type of the numbers.
    public var dtype: DType {
        switch self {
        case .float32: .float32
        case .bfloat16: .bfloat16
        case .float16: .float16
        case .int16: .int16
        case .int8: .int8
        }
    }

    /// The type of what is between the layers.
    public func activations(on device: Device) -> DType { device == .cpu ? .float32 : dtype }

    /// The largest of the whole numbers; nil for floating point.
    var largest: Int? {
        switch self {
        case .int16: 2047
        case .int8: 127
        default: nil
        }
    }

    /// Whether weights are whole numbers with scales.
    public var isInteger: Bool { largest != nil }

    /// The fastest precision of a device that keeps at least 99 of 100 of float32's likeliest tokens; for the CPU, by what
    /// our kernels use of the processor. Tests hold each entry to that.
    public static func automatic(on device: Device) -> Precision {
        guard device == .cpu else { return .float16 }
        return switch LibTorch.instructionSet {
        case .portable: .float32
        case .avx2, .avx512, .avx512VNNI, .avx512BFloat16: .int16
        }
    }

    /// The precision that has this type, if any.
    public init?(_ dtype: DType) {
        guard let match = Self.allCases.first(where: { $0.dtype == dtype }) else { return nil }
        self = match
    }
}

/// The weight of a linear layer, `[outputs, inputs]`.
public struct Matrix {
    /// Its numbers, of any type that a ``Precision`` has.
    public let values: Tensor
    /// What 1 stands for in each row, `[outputs]`, where the numbers are whole.
    public let scales: Tensor?

    /// Floating-point numbers as they are.
    public init(_ values: Tensor) {
        self.values = values
        scales = nil
    }

    /// Whole numbers and their scales.
    public init(_ values: Tensor, scales: Tensor) {
        self.values = values
        self.scales = scales
    }

    /// Rounds weights.
    ///
    /// - Parameters:
    ///   - weight: `[outputs, inputs]`, floating point, on the CPU.
    ///   - precision: What it is kept in.
    /// - Throws: ``Torch/TorchError`` if memory runs out.
    public init(rounding weight: Tensor, to precision: Precision) throws(TorchError) {
        guard let largest = precision.largest else {
            self.init(try weight.converted(to: precision.dtype))
            return
        }
        let (values, scales) = try weight.converted(to: .float32)
            .quantizedRows(to: precision.dtype, largest: largest)
        self.init(values, scales: scales)
    }

    /// The weights as float32, `[outputs, inputs]`.
    public func widened() throws(TorchError) -> Tensor {
        let wide = try values.converted(to: .float32)
        return try scales.map { scales throws(TorchError) in try wide * scales.unsqueezed(1) } ?? wide
    }

    /// Lets go of memory that can be read again from a file.
    public func discardMemory() { values.discardMemory() }
}

extension Tensor {
    /// `linear` and an activation, with every row rounded the same whatever rows stand beside it, and on any number of
    /// threads, so that a picture is the same in every batch (docs/decisions/0004).
    ///
    /// The CPU has an operator of our own for float32, with weights of every ``Precision``. For other types LibTorch's
    /// product shares rows out among threads in blocks of 8 and finishes what is left of a block by another kernel, with
    /// other roundings: rows are padded to whole blocks. Training has no use for either. On a GPU the library of products
    /// chooses a kernel by the number of rows, and nothing is promised.
    public func rowStableLinear(
        weight: Matrix, bias: Tensor?, activation: Activation = .identity
    ) throws(TorchError) -> Tensor {
        if weight.values.requiresGradient || requiresGradient || bias?.requiresGradient == true {
            return try linear(weight: weight.values, bias: bias).activated(activation)
        }
        if hasFusedLinear {
            return try fusedLinear(weight: weight.values, scales: weight.scales, bias: bias, activation: activation)
        }
        if activation == .geluTanh, let bias, hasLinearGELU(weight: weight.values, bias: bias) {
            return try linearGELU(weight: weight.values, bias: bias)
        }
        let block = 8
        let shape = shape
        let rows = shape.dropLast().reduce(1, *)
        guard device == .cpu, !rows.isMultiple(of: block) else {
            return try linear(weight: weight.values, bias: bias).activated(activation)
        }
        return try reshaped(rows, shape[shape.count - 1]).zeroPadded([0, 0, 0, block - rows % block])
            .linear(weight: weight.values, bias: bias).narrowed(axis: 0, 0..<rows)
            .reshaped(shape.dropLast() + [weight.values.shape[0]]).activated(activation)
    }
}
