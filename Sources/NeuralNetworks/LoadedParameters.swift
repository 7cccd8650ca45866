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

    /// What was read, for the message, e.g. a path.
    public let origin: String
    /// Parameters that the model needs and the checkpoint lacks.
    public let missing: [String]
    /// Tensors that the model never asked for.
    public let unexpected: [String]
    /// Parameters in another shape.
    public let misshapen: [Mismatch]

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
        return "\(origin) does not fit the model. " + parts.joined(separator: "; ")
            + ". Check that the file, --schedule and the configuration belong together."
    }
}

/// Hands out the tensors of a checkpoint, and accounts for every name.
public final class LoadedParameters: ParameterSource {
    private let origin: String
    private let tensors: [String: Tensor]
    private let ignored: (String) -> Bool
    private let dtype: (String) -> DType
    private let device: Device
    private var read: Set<String> = []
    private var missing: [String] = []
    private var misshapen: [ParameterError.Mismatch] = []

    /// - Parameters:
    ///   - tensors: By dotted name. Floating-point tensors are converted when they are read.
    ///   - origin: Names the checkpoint in messages.
    ///   - device: The device that layers get.
    ///   - dtype: The type in which layers get the parameter of that name.
    ///   - ignored: Whether a tensor of that name may stay unread.
    public init(
        _ tensors: [String: Tensor], origin: String, device: Device = .cpu,
        dtype: @escaping (String) -> DType = { _ in .float32 },
        ignoring ignored: @escaping (String) -> Bool = { _ in false }
    ) {
        self.tensors = tensors
        self.origin = origin
        self.dtype = dtype
        self.device = device
        self.ignored = ignored
    }

    /// The tensor of that name; where there is none that fits, a stand-in until ``finish()`` reports it.
    public func parameter(_ name: String, shape: [Int], initial: InitialValue) throws(TorchError) -> Tensor {
        read.insert(name)
        guard let tensor = tensors[name] else {
            missing.append(name)
            return try standIn(shape)
        }
        guard tensor.shape == shape else {
            misshapen.append(.init(name: name, expected: shape, found: tensor.shape))
            return try standIn(shape)
        }
        return try tensor.converted(to: dtype(name)).moved(to: device)
    }

    /// Throws one error that lists everything that did not fit.
    public func finish() throws(ParameterError) {
        let unexpected = tensors.keys.filter { !read.contains($0) && !ignored($0) }.sorted()
        guard missing.isEmpty, unexpected.isEmpty, misshapen.isEmpty else {
            throw ParameterError(origin: origin, missing: missing, unexpected: unexpected, misshapen: misshapen)
        }
    }

    // One element in all, whatever the shape: a file that lacks everything costs no memory.
    private func standIn(_ shape: [Int]) throws(TorchError) -> Tensor {
        try Tensor.zeros(shape.map { _ in 1 }, device: device).expanded(shape)
    }
}
