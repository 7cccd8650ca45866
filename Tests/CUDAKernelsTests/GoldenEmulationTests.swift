import Checkpoints
import Foundation
import NeuralNetworks
import Testing

@testable import Torch

/// What a float64 oracle computed, kept beside the repository (CONTRIBUTING.md).
private struct GoldenAttention {
    struct Shape: Decodable {
        let height: Int, width: Int, kernel: Int, batch: Int, heads: Int, dim: Int
        let scale: Double
        let l2norm: Bool
    }

    static let path: String = {
        let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let folder =
            ProcessInfo.processInfo.environment["PARITY"].map { URL(filePath: $0, relativeTo: package) }
            ?? package.deletingLastPathComponent().appending(path: "shared/parity")
        return folder.appending(path: "kernels/neighborhood_attention.safetensors").path
    }()
    static var isThere: Bool { FileManager.default.fileExists(atPath: path) }

    let name: String
    let shape: Shape
    private let table: TensorTable

    init(_ number: Int) throws {
        let file = try Safetensors(path: Self.path)
        name = "case\(number)"
        table = file.tensors
        shape = try JSONDecoder().decode(Shape.self, from: Data(#require(file.metadata[name]).utf8))
    }

    func tensor(_ part: String) throws -> Tensor { try #require(table["\(name).\(part)"]).tensor() }
}

@Suite(
    "Kernels for GPUs, emulated, beside an oracle's results",
    .enabled(if: GoldenAttention.isThere, "the golden files are not here"))
struct GoldenEmulationTests {
    private static let largestLogTemperature = Float(4.605170185988092)  // ln 100

    // In parts of a tensor's largest number: float32 as `mvar verify` has it, for a temperature of 100 makes the most of every
    // rounding; halves keep 8 and 11 bits of operands and results.
    private static let tolerances: [DType: Double] = [.float32: 2e-5, .bfloat16: 8e-3, .float16: 1e-3]

    @Test(
        "Results and gradients are the oracle's",
        arguments: (0..<12).flatMap { [($0, DType.float32), ($0, .bfloat16)] }
            + [0, 1, 2, 7, 8, 11].map { ($0, .float16) })
    func golden(number: Int, dtype: DType) throws {
        let golden = try GoldenAttention(number)
        let shape = golden.shape
        let extents = [shape.batch, shape.heads, shape.height * shape.width, shape.dim]
        func operand(_ part: String) throws -> [UInt8] {
            try EmulatedNumbers.bytes(golden.tensor(part).converted(to: dtype))
        }
        let logTemperatures = shape.l2norm ? try golden.tensor("scale_mul").array(of: Float.self) : []
        let call = EmulatedAttention(
            shape: extents, height: shape.height, width: shape.width, kernel: shape.kernel, dtype: dtype,
            scale: shape.scale, temperatures: logTemperatures.map { exp(min($0, Self.largestLogTemperature)) },
            queries: try operand("q"), keys: try operand("k"), values: try operand("v"))
        let gradients = try call.differentiate(operand("grad_out"))
        let tolerance = try #require(Self.tolerances[dtype])
        for (part, found) in [
            ("out", try call.attend()), ("grad_q", gradients.queries), ("grad_k", gradients.keys),
            ("grad_v", gradients.values),
        ] {
            let error = try EmulatedNumbers.distance(
                EmulatedNumbers.tensor(found, extents, dtype), golden.tensor(part))
            #expect(error <= tolerance, "\(part): \(error)")
        }
        guard shape.l2norm else { return }
        // A temperature is e to its logarithm, up to the largest.
        let found = try Tensor(gradients.temperatures, shape: Array(extents.prefix(3))).sum(axes: 0, 2)
            .array(of: Float.self)
        let expected = try golden.tensor("grad_scale_mul").array(of: Float.self)
        for (head, logarithm) in logTemperatures.enumerated() {
            let gradient = logarithm > Self.largestLogTemperature ? 0 : found[head] * call.temperatures[head]
            #expect(abs(gradient - expected[head]) <= 20 * Float(tolerance) * max(abs(expected[head]), 0.1))
        }
    }
}
