/// Looks shapes up, and keeps the names of those that are missing for one error.
struct ShapeReader {
    private let tensors: TensorTable
    private let file: String
    private var missing: [String] = []

    /// Beyond any network, and small enough that sizes computed from it cannot overflow.
    private static let largestLength = 1 << 28

    init(_ tensors: TensorTable, file: String) {
        self.tensors = tensors
        self.file = file
    }

    /// The shape of a tensor of so many axes, all of at least one element; ones where the tensor is missing.
    mutating func shape(_ name: String, _ expected: String, axes: Int) throws(CheckpointError) -> [Int] {
        guard let tensor = tensors[name] else {
            missing.append(name)
            return [Int](repeating: 1, count: axes)
        }
        guard tensor.shape.count == axes, tensor.shape.allSatisfy({ (1...Self.largestLength).contains($0) }) else {
            throw wrongShape(tensor, expected)
        }
        return tensor.shape
    }

    /// Throws if any tensor was missing.
    func finish() throws(CheckpointError) {
        if !missing.isEmpty { throw CheckpointError(file: file, .tensorsMissing(names: missing)) }
    }

    func wrongShape(_ tensor: TensorRecord, _ expected: String) -> CheckpointError {
        wrongShape(tensor.name, expected, tensor.shape)
    }

    func wrongShape(_ name: String, _ expected: String, _ found: [Int]) -> CheckpointError {
        CheckpointError(file: file, .wrongShape(name: name, expected: expected, found: found))
    }

    /// How many different numbers follow a prefix in the names, as in `blocks.0.…`.
    ///
    /// Not the highest of them: a single `blocks.999999999.x` is one odd name and no network of a billion blocks.
    static func count(of names: [String], after prefix: String) -> Int { numbers(of: names, after: prefix).count }

    static func numbers(of names: [String], after prefix: String) -> Set<Int> {
        var numbers: Set<Int> = []
        for name in names where name.hasPrefix(prefix) {
            if let number = Int(name.dropFirst(prefix.count).prefix { $0 != "." }) { numbers.insert(number) }
        }
        return numbers
    }
}
