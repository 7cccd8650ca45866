import MVAR

/// Random numbers where only their number and their size matter: as many as are wanted from one short sequence, again
/// and again.
///
/// Drawing the 420 M parameters of a d16 and its tokenizer one by one takes half a minute, repeating takes a second, and
/// a product is as fast with these as with others. The length is a prime, so that no two rows of a matrix are the same.
struct RandomNumbers {
    private var drawn: [InitialValue: Tensor] = [:]
    private static let longest = 1_048_573
    private let length: Int

    /// For tensors of at most so many elements; fewer need not be drawn.
    init(upTo count: Int = .max) { length = min(max(count, 1), Self.longest) }

    /// The sequence of a distribution, `[n]`, float32.
    mutating func sequence(_ value: InitialValue) throws(TorchError) -> Tensor {
        if let known = drawn[value] { return known }
        let numbers = try FreshParameters(seed: UInt64(drawn.count)).parameter("", shape: [length], initial: value)
        drawn[value] = numbers
        return numbers
    }

    /// A tensor of such numbers.
    mutating func tensor(
        _ shape: [Int], _ value: InitialValue = .normal(standardDeviation: 1), dtype: DType = .float32,
        device: Device = .cpu
    ) throws(TorchError) -> Tensor {
        let count = shape.reduce(1, *)
        let sequence = try sequence(value)
        let copies = Array(repeating: sequence, count: (count + length - 1) / length)
        return try Tensor.concatenated(copies).narrowed(axis: 0, 0..<count).reshaped(shape).converted(to: dtype)
            .moved(to: device).contiguous()
    }
}

/// Parameters of such numbers, for layers that are measured by themselves.
final class RandomParameters: ParameterSource {
    private var numbers = RandomNumbers()
    private let precision: Precision
    private let device: Device

    init(precision: Precision, device: Device) {
        self.precision = precision
        self.device = device
    }

    func parameter(_ name: String, shape: [Int], initial: InitialValue) throws(TorchError) -> Tensor {
        try numbers.tensor(shape, initial, dtype: precision.activations(on: device), device: device)
    }

    func matrix(_ name: String, shape: [Int], initial: InitialValue) throws(TorchError) -> Matrix {
        try Matrix(rounding: parameter(name, shape: shape, initial: initial), to: precision)
    }
}
