import CTorch

/// Why LibTorch could not do what it was asked for: shapes that do not fit, no memory, no device.
public struct TorchError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The operation, e.g. `aten::matmul`.
    public let operation: String
    /// The shapes of the tensors that it was given.
    public let shapes: [[Int]]
    /// LibTorch's own words, on one line.
    public let message: String

    /// One line: operation, shapes, reason; where memory ran out, what to do.
    public var description: String {
        let most = 4
        let rest = shapes.count > most ? " and \(shapes.count - most) more" : ""
        let operands =
            shapes.isEmpty ? "" : " on " + shapes.prefix(most).map { "\($0)" }.joined(separator: ", ") + rest
        guard isOutOfMemory else { return "\(operation)\(operands): \(message)" }
        let bytes = message.firstMatch(of: #/allocate (\d+) bytes/#).flatMap { Int($0.1) }
        // GPUs: "Tried to allocate 2.50 GiB".
        let words = message.firstMatch(of: #/allocate ([\d.]+ [KMG]iB)/#).map { "\($0.1)" }
        let amount = bytes.map { "\(($0 + 999_999) / 1_000_000) MB" } ?? words
        let need = amount.map { ", which needs \($0) more" } ?? ""
        return "Memory ran out in \(operation)\(operands)\(need): "
            + "take fewer pictures at once (--batch where there is one), smaller ones or a smaller model, or free memory."
    }

    /// Whether there was not enough memory.
    public var isOutOfMemory: Bool {
        ["can't allocate memory", "out of memory", "bad_alloc"].contains(where: message.contains)
    }

    init(_ operation: String, shapes: [[Int]] = [], message: String) {
        self.operation = operation
        self.shapes = shapes
        // LibTorch appends advice for its developers after the first line.
        self.message = String(message.prefix { $0 != "\n" })
    }
}

/// Throws what the last failing call on this thread said.
func check(_ status: CTorchStatus, _ operation: String, _ operands: Tensor...) throws(TorchError) {
    guard status != 0 else { return }
    throw TorchError(operation, shapes: operands.map(\.shape), message: String(cString: ctorch_last_error()))
}
