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

    /// A tensor of labels or codes, as int64.
    func indices(_ name: String) throws -> Tensor { try tensor(name).converted(to: .int64) }
}

/// Why a golden file cannot be checked.
public enum VerificationError: Error, Hashable, Sendable, CustomStringConvertible {
    case missingInput(file: String, name: String)
    case missingModel(file: String, part: String, looked: [String])
    case invalidCase(file: String, name: String)

    /// What is wrong and what to do, on one line.
    public var description: String {
        switch self {
        case .missingInput(let file, let name):
            "'\(file)' lacks '\(name)', which other tensors in it were computed from."
        case .missingModel(let file, let part, let looked):
            "'\(file)' needs a \(part): looked for \(looked.joined(separator: ", ")). Name it with --\(part)."
        case .invalidCase(let file, let name):
            "'\(file)' describes '\(name)' in a way that is not understood: height, width, kernel, scale and l2norm are needed."
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

    func markInputs(_ names: String...) { inputs.formUnion(names.filter(golden.contains)) }

    /// The names in the file that were neither recomputed nor read.
    var unknown: [String] {
        let known = inputs.union(checks.map(\.name))
        return golden.names.filter { !known.contains($0) }
    }
}
