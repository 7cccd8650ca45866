public import Torch

/// Why the tensors of a checkpoint do not make the model that they were asked for: every problem at once.
public struct ParameterError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A parameter in another shape than the model needs.
    public struct Mismatch: Hashable, Sendable {
        /// Its dotted name.
        public let name: String
        /// What the model needs.
        public let expected: [Int]
        /// What the checkpoint holds.
        public let found: [Int]
    }

    /// A parameter whose numbers nothing can be computed with.
    public struct Fault: Hashable, Sendable {
        /// Its dotted name.
        public let name: String
        /// What is wrong with them, after the name, e.g. `holds int64 instead of floating-point numbers`.
        public let what: String
    }

    /// What was read, for the message, e.g. a path.
    public let origin: String
    /// Parameters that the model needs and the checkpoint lacks.
    public let missing: [String]
    /// Tensors that the model never asked for.
    public let unexpected: [String]
    /// Parameters in another shape.
    public let misshapen: [Mismatch]
    /// Parameters whose numbers nothing can be computed with.
    public let unusable: [Fault]

    /// One line with every name.
    public var description: String {
        var parts: [String] = []
        if !missing.isEmpty { parts.append("missing: " + missing.joined(separator: ", ")) }
        if !unexpected.isEmpty { parts.append("unexpected: " + unexpected.joined(separator: ", ")) }
        if !misshapen.isEmpty {
            parts.append(
                "misshapen: "
                    + misshapen.map { "\($0.name) is \($0.found), needs \($0.expected)" }.joined(separator: ", "))
        }
        if !unusable.isEmpty {
            parts.append("unusable: " + unusable.map { "\($0.name) \($0.what)" }.joined(separator: ", "))
        }
        let fits = missing.isEmpty && unexpected.isEmpty && misshapen.isEmpty
        return "\(origin) does not fit the model. " + parts.joined(separator: "; ")
            + (fits
                ? ". Fetch or convert it again."
                : ". Check that the file, --schedule and the configuration belong together.")
    }
}

/// Hands out the tensors of a checkpoint, and accounts for every name.
public final class LoadedParameters: ParameterSource {
    private let origin: String
    private let tensors: [String: Tensor]
    private let ignored: (String) -> Bool
    private let precision: (String) -> Precision?
    private let device: Device
    private var read: Set<String> = []
    private var missing: [String] = []
    private var misshapen: [ParameterError.Mismatch] = []
    private var unusable: [ParameterError.Fault] = []

    /// - Parameters:
    ///   - tensors: By dotted name. Floating-point tensors are converted when they are read; a matrix of whole numbers
    ///     has its scales beside it (``scalesName(of:)``).
    ///   - origin: Names the checkpoint in messages.
    ///   - device: The device that layers get.
    ///   - precision: What layers get the parameter of that name in; nil for as it is stored. On the CPU that is for
    ///     weights of linear layers, and all else is float32.
    ///   - ignored: Whether a tensor of that name may stay unread.
    public init(
        _ tensors: [String: Tensor], origin: String, device: Device = .cpu,
        precision: @escaping (String) -> Precision? = { _ in .float32 },
        ignoring ignored: @escaping (String) -> Bool = { _ in false }
    ) {
        self.tensors = tensors
        self.origin = origin
        self.precision = precision
        self.device = device
        self.ignored = ignored
    }

    /// The name of the scales of a matrix of whole numbers, `[outputs]`.
    public static func scalesName(of matrix: String) -> String { matrix + "_scale" }

    /// The names of all scales among tensors that have their matrices beside them.
    package static func scalesNames(among tensors: [(name: String, dtype: DType)]) -> Set<String> {
        Set(tensors.filter { Precision($0.dtype)?.isInteger == true }.map { scalesName(of: $0.name) })
    }

    /// The tensor of that name; where there is none that fits, a stand-in until ``finish()`` reports it.
    public func parameter(_ name: String, shape: [Int], initial: InitialValue) throws(TorchError) -> Tensor {
        try numbers(name, shape: shape).converted(to: device == .cpu ? .float32 : precision(name)?.dtype ?? .float32)
            .moved(to: device)
    }

    /// The matrix of that name; whole numbers stay what they are where no other precision was asked for.
    public func matrix(_ name: String, shape: [Int], initial: InitialValue) throws(TorchError) -> Matrix {
        let isWhole = tensors[name].map { Precision($0.dtype)?.isInteger == true } ?? false
        if isWhole { read.insert(Self.scalesName(of: name)) }
        let values = try isWhole ? stored(name, shape: shape) : numbers(name, shape: shape)
        let kept = Precision(values.dtype) ?? .float32
        // Products with bfloat16 round what is multiplied too, which nobody has asked for.
        let wanted = precision(name) ?? (kept == .bfloat16 ? .float32 : kept)
        var matrix = Matrix(values)
        if kept.isInteger {
            try checkRange(of: values, kept, name)
            matrix = Matrix(values, scales: try scales(of: name, count: shape[0]))
        }
        guard device == .cpu else {
            return Matrix(try matrix.widened().converted(to: wanted.dtype).moved(to: device))
        }
        if values.dtype == wanted.dtype || kept.isInteger && wanted == .float32 { return matrix }
        let rounded = try Matrix(rounding: matrix.widened(), to: wanted)
        values.discardMemory()
        return rounded
    }

    /// What 1 stands for in each row of a matrix of whole numbers.
    private func scales(of matrix: String, count: Int) throws(TorchError) -> Tensor {
        let name = Self.scalesName(of: matrix)
        let scales = try numbers(name, shape: [count]).converted(to: .float32)
        if count > 0, try !scales.magnitude().maximum().item().isFinite {
            unusable.append(.init(name: name, what: "holds values that are no finite numbers"))
        }
        return scales
    }

    /// Notes whole numbers whose products would overflow, of a file that others made.
    private func checkRange(of values: Tensor, _ precision: Precision, _ name: String) throws(TorchError) {
        guard precision == .int16, values.count > 0, let largest = precision.largest else { return }
        let (least, most) = (try values.minimum().item(), try values.maximum().item())
        if least < Double(-largest - 1) || most > Double(largest) {
            let range = "\(Int(least)) to \(Int(most)), outside -\(largest) to \(largest)"
            unusable.append(.init(name: name, what: "holds whole numbers from \(range)"))
        }
    }

    /// The tensor of that name, which has to hold floating-point numbers.
    private func numbers(_ name: String, shape: [Int]) throws(TorchError) -> Tensor {
        let tensor = try stored(name, shape: shape)
        if tensor.dtype.isFloatingPoint { return tensor }
        unusable.append(.init(name: name, what: "holds \(tensor.dtype.name) instead of floating-point numbers"))
        return try standIn(shape)
    }

    /// The tensor of that name as it is in the file.
    private func stored(_ name: String, shape: [Int]) throws(TorchError) -> Tensor {
        read.insert(name)
        guard let tensor = tensors[name] else {
            missing.append(name)
            return try standIn(shape)
        }
        guard tensor.shape == shape else {
            misshapen.append(.init(name: name, expected: shape, found: tensor.shape))
            return try standIn(shape)
        }
        return tensor
    }

    /// Throws one error that lists everything that did not fit.
    public func finish() throws(ParameterError) {
        let unexpected = tensors.keys.filter { !read.contains($0) && !ignored($0) }.sorted()
        guard missing.isEmpty, unexpected.isEmpty, misshapen.isEmpty, unusable.isEmpty else {
            throw ParameterError(
                origin: origin, missing: missing, unexpected: unexpected, misshapen: misshapen, unusable: unusable)
        }
    }

    // One element in all, whatever the shape: a file that lacks everything costs no memory.
    private func standIn(_ shape: [Int]) throws(TorchError) -> Tensor {
        try Tensor.zeros(shape.map { _ in 1 }, device: device).expanded(shape)
    }
}
