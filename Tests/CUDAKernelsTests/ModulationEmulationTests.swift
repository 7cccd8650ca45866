import CUDAEmulator
import Testing

@testable import Torch

// The operators themselves, with LibTorch's autograd and all that is done on a GPU, but for the start of kernels.
@Suite("Gated sums and AdaLN for GPUs, emulated thread by thread") struct ModulationEmulationTests {
    enum Operation: CaseIterable { case modulated, gatedSum, both }

    struct Rows: CustomTestStringConvertible {
        let dtype: DType, batch: Int, tokens: Int, width: Int
        var testDescription: String { "\(batch) × \(tokens) rows of \(width), \(dtype)" }
        var shape: [Int] { [batch, tokens, width] }
        /// Of results that are rounded once; float32 keeps 2e-6 of numbers around 30, whose distances are around 1.
        var tolerance: Double { dtype == .float32 ? 1e-5 : dtype == .bfloat16 ? 4e-3 : 5e-4 }

        func normal(seed: UInt64) throws -> Tensor {
            try EmulatedNumbers.normal(seed: seed, shape, as: dtype).reshaped(shape)
        }

        /// x, branch, gain, scale and shift.
        func originals() throws -> [Tensor] {
            // Far from 0, where a variance of squares would lose its digits; vectors as AdaLN has them, side by side.
            let x = try (EmulatedNumbers.normal(seed: 1, shape).reshaped(shape) + 30).converted(to: dtype)
            let vectors = try EmulatedNumbers.normal(seed: 3, [batch, 3, width], as: dtype).reshaped(batch, 3, width)
            return try [x, normal(seed: 2)] + (0..<3).map { try vectors.narrowed(axis: 1, $0..<$0 + 1) }
        }

        /// Of the sum and of what modulates it.
        func weights() throws -> [Tensor] {
            let lines = try EmulatedNumbers.normal(seed: 5, [batch, width, tokens], as: dtype)
            return try [normal(seed: 4), lines.reshaped(batch, width, tokens).transposed(1, 2)]
        }
    }

    static let rows = [
        Rows(dtype: .float32, batch: 2, tokens: 37, width: 64),
        Rows(dtype: .float32, batch: 3, tokens: 1, width: 264),
        Rows(dtype: .bfloat16, batch: 2, tokens: 17, width: 264),
        Rows(dtype: .bfloat16, batch: 1, tokens: 4, width: 1032),
        Rows(dtype: .float16, batch: 2, tokens: 16, width: 264),
    ]

    /// Leaves of the same numbers, of which some require gradients.
    private func leaves(
        _ originals: [Tensor], as dtype: DType, requiring: Set<Int> = Set(0..<5)
    ) throws -> [Tensor] {
        try originals.enumerated().map { index, original in
            let leaf = try original.converted(to: dtype).detached()
            if requiring.contains(index) { try leaf.setRequiresGradient() }
            return leaf
        }
    }

    /// The sum and what modulates it, or x; nil where an operation has no such result.
    private func fused(_ operation: Operation, _ leaves: [Tensor]) throws -> [Tensor?] {
        let (x, branch, gain) = (leaves[0], leaves[1], leaves[2])
        let modulation = Modulation(scale: leaves[3], shift: leaves[4], epsilon: 1e-6)
        switch operation {
        case .modulated: return [nil, try x.modulated(modulation)]
        case .gatedSum: return [try x.addingGated(branch, gain: gain), nil]
        case .both:
            let both = try x.addingGated(branch, gain: gain, thenModulated: modulation)
            return [both.sum, both.modulated]
        }
    }

    /// The same by LibTorch's operators; what is normalised is the sum as it was rounded, which concerns no gradient.
    private func composed(_ operation: Operation, _ leaves: [Tensor], roundedSum: Tensor?) throws -> [Tensor?] {
        var (sum, normal) = (leaves[0], leaves[0])
        if let roundedSum {
            sum = try sum + leaves[1] * leaves[2]
            normal = try sum + (roundedSum.converted(to: sum.dtype) - sum).detached()
        }
        let modulated = try normal.layerNormalized(epsilon: 1e-6) * (leaves[3] + 1) + leaves[4]
        return [operation == .modulated ? nil : sum, operation == .gatedSum ? nil : modulated]
    }

    /// Of the sum of weighted results.
    private func gradients(_ results: [Tensor?], _ weights: [Tensor], _ leaves: [Tensor]) throws -> [Tensor?] {
        var losses: [Tensor] = []
        for (result, weights) in zip(results, weights) {
            guard let result else { continue }
            losses.append(try (result * weights.converted(to: result.dtype)).sum())
        }
        try losses.dropFirst().reduce(losses[0]) { try $0 + $1 }.backward()
        return leaves.map(\.gradient)
    }

    @Test(
        "Results and gradients are LibTorch's, whatever the order of threads and whichever results have a gradient",
        arguments: rows, Operation.allCases)
    func autograd(rows: Rows, operation: Operation) throws {
        let (originals, weights) = (try rows.originals(), try rows.weights())
        let parts: [Set<Int>] = operation == .both ? [[0], [1], [0, 1]] : [[0, 1]]
        for part in parts {
            func chosen(_ results: [Tensor?]) -> [Tensor?] { [0, 1].map { part.contains($0) ? results[$0] : nil } }
            for order in [0, 1, 2] as [Int32] {
                cuda_emulator_set_order(order)
                let own = try leaves(originals, as: rows.dtype)
                let found = try fused(operation, own)
                let exact = try leaves(originals, as: .float64)
                let expected = try composed(operation, exact, roundedSum: found[0]?.detached())
                for (found, expected) in zip(found, expected) {
                    #expect((found == nil) == (expected == nil))
                    guard let found, let expected else { continue }
                    #expect(try EmulatedNumbers.distance(found.detached(), expected) <= rows.tolerance)
                }
                let foundGradients = try gradients(chosen(found), weights, own)
                let expectedGradients = try gradients(chosen(expected), weights, exact)
                for (index, (found, expected)) in zip(foundGradients, expectedGradients).enumerated() {
                    #expect((found == nil) == (expected == nil), "input \(index), results \(part)")
                    guard let found, let expected else { continue }
                    #expect(found.dtype == rows.dtype)
                    let distance = try EmulatedNumbers.distance(found, expected)
                    #expect(distance <= rows.tolerance, "input \(index), results \(part), order \(order)")
                }
            }
        }
    }

    @Test(
        "What needs no gradient gets none, and the others get the same", arguments: [rows[0], rows[2]],
        Operation.allCases)
    func partly(rows: Rows, operation: Operation) throws {
        cuda_emulator_set_order(0)
        let (originals, weights) = (try rows.originals(), try rows.weights())
        let all = try leaves(originals, as: rows.dtype)
        let expected = try gradients(fused(operation, all), weights, all)
        for index in expected.indices {
            guard let expected = expected[index] else { continue }
            let own = try leaves(originals, as: rows.dtype, requiring: [index])
            let found = try gradients(fused(operation, own), weights, own)
            for other in found.indices { #expect((found[other] == nil) == (other != index)) }
            let isEqual = try #require(found[index]).isEqual(to: expected)
            #expect(try isEqual.converted(to: .float32).minimum().item() == 1, "input \(index)")
        }
        let without = try fused(operation, leaves(originals, as: rows.dtype, requiring: []))
        #expect(without.allSatisfy { $0?.requiresGradient != true })
    }

    @Test("One number for all results is a gradient too, and no rows are none")
    func shapes() throws {
        cuda_emulator_set_order(2)
        for tokens in [0, 5] {
            let rows = Rows(dtype: .float32, batch: 2, tokens: tokens, width: 64)
            let vectors = try Rows(dtype: .float32, batch: 2, tokens: 1, width: 64).originals()
            let x = try EmulatedNumbers.normal(seed: 1, [2, 5, 64]).reshaped(2, 5, 64).narrowed(axis: 1, 0..<tokens)
            let own = try leaves([x, x] + vectors.dropFirst(2), as: .float32)
            try #require(fused(.modulated, own)[1]).sum().backward()
            let ofShift = try #require(own[4].gradient).array(of: Float.self)
            #expect(ofShift == [Float](repeating: Float(tokens), count: 2 * rows.width))
            #expect(own[0].gradient?.shape == rows.shape)
        }
    }
}
