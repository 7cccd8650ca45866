import Checkpoints
import Foundation
import Torch

/// A golden file: tensors by name, and the configuration of the model that made them.
struct GoldenFile {
    let path: String
    let metadata: [String: String]
    let description: ModelDescription?
    private let table: TensorTable

    init(path: String) throws {
        let file = try Safetensors(path: path)
        self.path = path
        table = file.tensors
        metadata = file.metadata
        description = try file.metadata["config"].map { try ModelDescription(json: Array($0.utf8), file: path) }
    }

    var names: [String] { table.names.sorted() }

    func contains(_ name: String) -> Bool { table[name] != nil }

    /// A tensor that a check needs. Throws where the file lacks it.
    func tensor(_ name: String) throws -> Tensor {
        guard let record = table[name] else { throw VerificationError.missingInput(file: path, name: name) }
        return try record.tensor()
    }

    /// A tensor that a check needs, of a known shape; `nil` stands for any length but 0.
    func tensor(_ name: String, shape: [Int?]) throws -> Tensor {
        let tensor = try tensor(name)
        let fits = tensor.rank == shape.count && zip(tensor.shape, shape).allSatisfy { $0 == ($1 ?? max($0, 1)) }
        guard fits else {
            throw VerificationError.wrongShape(file: path, name: name, expected: shape, found: tensor.shape)
        }
        return tensor
    }

    /// Labels or codes in `0..<limit`, as int64, of a known shape.
    func indices(_ name: String, shape: [Int?], below limit: Int) throws -> Tensor {
        let indices = try tensor(name, shape: shape).converted(to: .int64)
        if let value = try indices.array(of: Int.self).first(where: { !(0..<limit).contains($0) }) {
            throw VerificationError.outside(file: path, name: name, value: value, limit: limit)
        }
        return indices
    }

    /// How many of `count` pictures a tensor of so many axes is about; its first axis counts them.
    func batch(of name: String, axes: Int, upTo count: Int) throws -> Int {
        let shape = [Int?](repeating: nil, count: axes)
        let batch = try tensor(name, shape: shape).shape[0]
        guard batch <= count else {
            throw VerificationError.wrongShape(
                file: path, name: name, expected: [count] + shape.dropFirst(), found: try tensor(name).shape)
        }
        return batch
    }
}

/// Why a golden file cannot be checked.
public enum VerificationError: Error, Hashable, Sendable, CustomStringConvertible {
    case missingInput(file: String, name: String)
    case missingModel(file: String, part: String, looked: [String])
    case invalidCase(file: String, name: String)
    case wrongShape(file: String, name: String, expected: [Int?], found: [Int])
    case outside(file: String, name: String, value: Int, limit: Int)

    /// What is wrong and what to do, on one line.
    public var description: String {
        switch self {
        case .missingInput(let file, let name):
            "'\(file)' lacks '\(name)', which other tensors in it were computed from."
        case .missingModel(let file, let part, let looked):
            "'\(file)' needs a \(part): looked for \(looked.joined(separator: ", ")). Name it with --\(part)."
        case .invalidCase(let file, let name):
            "'\(file)' describes '\(name)' in a way that is not understood: height, width, kernel, scale and l2norm are needed, of a "
                + "map of at most 16384 tokens."
        case .wrongShape(let file, let name, let expected, let found):
            "'\(name)' in '\(file)' is \(found), but must be [\(expected.map { $0.map(String.init) ?? "any" }.joined(separator: ", "))]. "
                + "Check that the golden file, its configuration and the model belong together."
        case .outside(let file, let name, let value, let limit):
            "'\(name)' in '\(file)' holds \(value), but must be in 0..<\(limit). Check that the model belongs to it."
        }
    }
}

/// Collects checks and what was recomputed.
final class GoldenRecord {
    private let golden: GoldenFile
    private let tolerance: Double?
    private(set) var checks: [GoldenCheck] = []
    private(set) var recomputed: [(name: String, tensor: Tensor)] = []
    /// Names that are inputs of checks: known, but nothing to recompute.
    private(set) var inputs: Set<String> = []

    init(_ golden: GoldenFile, tolerance: Double?) {
        self.golden = golden
        self.tolerance = tolerance
    }

    /// Compares a tensor, if the file holds it, with what `compute` returns; both as `view` shows them.
    func check(
        _ name: String, _ demand: GoldenDemand, as view: (Tensor) throws -> Tensor = { $0 },
        _ compute: () throws -> Tensor
    ) throws {
        guard golden.contains(name) else { return }
        let expected = try golden.tensor(name)
        let found = try compute()
        checks.append(try demand.loosened(to: tolerance).check(name, view(found), expected: view(expected)))
        recomputed.append((name, try found.moved(to: .cpu).converted(to: expected.dtype).contiguous()))
    }

    /// Compares with what was not recorded but computed here, in another way.
    func compare(_ name: String, _ demand: GoldenDemand, _ found: Tensor, _ expected: Tensor) throws {
        checks.append(try demand.loosened(to: tolerance).check(name, found, expected: expected))
    }

    func markInputs(_ names: String...) { inputs.formUnion(names.filter(golden.contains)) }

    /// The names in the file that were neither recomputed nor read.
    var unknown: [String] {
        let known = inputs.union(checks.map(\.name))
        return golden.names.filter { !known.contains($0) }
    }
}
