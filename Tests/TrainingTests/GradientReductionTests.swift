import Foundation
import NeuralNetworks
import TestSupport
import Testing
import Torch

@testable import Training

@Suite("Gradients of many processes", .serialized, .timeLimit(.minutes(1)))
struct GradientReductionTests {
    /// Three parameters in three buckets; the last is in no loss.
    private static func parameters(bfloat16: Bool = false) throws -> TrainableParameters {
        let parameters = TrainableParameters(FreshParameters(seed: 3)) { _ in bfloat16 ? .bfloat16 : .float32 }
        for name in ["first", "second", "unused"] {
            _ = try (ParameterPath(parameters) / name).tensor(2, 3, initial: .normal(standardDeviation: 1))
        }
        return parameters
    }

    /// One of a step's passes over a part of its four samples.
    private static func pass(_ parameters: TrainableParameters, samples: Range<Int>, weight: Double) throws {
        var losses: [Tensor] = []
        for sample in samples {
            let product = try parameters.copies[0] * Double(sample + 1) - parameters.copies[1]
            losses.append(try (product * product).sum() * weight)
        }
        try Tensor.stacked(losses).mean().backward()
    }

    private static func gradients(_ parameters: TrainableParameters) throws -> [[Float]?] {
        try parameters.masters.map { try $0.tensor.gradient?.array(of: Float.self) }
    }

    /// The gradients that each of two processes has at the end of two steps.
    private static func ofTwo(
        bfloat16: Bool = false,
        _ step: @escaping @Sendable (TrainableParameters, GradientReduction, Range<Int>) throws -> Void
    ) async throws -> [[[Float]?]] {
        let port = freePort()
        return try await withThrowingTaskGroup { tasks in
            for rank in 0..<2 {
                tasks.addTask {
                    try await withCheckedThrowingContinuation { continuation in
                        Thread {
                            continuation.resume(
                                with: Result {
                                    let group = try ProcessGroup(
                                        #require(
                                            try LauncherEnvironment.read([
                                                "RANK": "\(rank)", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1",
                                                "MASTER_PORT": "\(port)",
                                            ])), patience: .seconds(40))
                                    let parameters = try parameters(bfloat16: bfloat16)
                                    let reduction = try GradientReduction(parameters, over: group, bucketBytes: 30)
                                    for _ in 0..<2 {
                                        try parameters.dropGradients()
                                        try step(parameters, reduction, group.share(of: 4))
                                        try reduction.finish()
                                    }
                                    let gradients = try gradients(parameters)
                                    try group.leave()
                                    return gradients
                                })
                        }.start()
                    }
                }
            }
            return try await tasks.reduce(into: []) { $0.append($1) }
        }
    }

    private static func expected(bfloat16: Bool = false, weights: [Double]) throws -> [[Float]?] {
        let parameters = try parameters(bfloat16: bfloat16)
        for weight in weights { try pass(parameters, samples: 0..<4, weight: weight) }
        try parameters.gatherGradients()
        return try gradients(parameters)
    }

    private func expectEqual(_ found: [[Float]?], _ expected: [[Float]?], within tolerance: Float = 1e-5) {
        #expect(found[2] == nil && expected[2] == nil, "a parameter in no loss keeps having no gradient")
        for (left, right) in zip(found, expected) {
            #expect(left?.count == right?.count)
            for (a, b) in zip(left ?? [], right ?? []) {
                #expect(abs(a - b) <= tolerance * max(1, abs(b)), "\(a) \(b)")
            }
        }
    }

    @Test("Shares of a batch give the gradients of the whole, which passes add up to", arguments: [false, true])
    func passes(expecting: Bool) async throws {
        let found = try await Self.ofTwo { parameters, reduction, share in
            try Self.pass(parameters, samples: share, weight: 1)
            try Self.pass(parameters, samples: share, weight: 0.25)
            if expecting { reduction.expectLast() }
            try Self.pass(parameters, samples: share, weight: 2)
        }
        let expected = try Self.expected(weights: [1, 0.25, 2])
        for gradients in found { expectEqual(gradients, expected) }
        #expect(found[0] == found[1], "bit for bit the same in both")
    }

    @Test("A gradient that grows once more after it was sent is sent again") func recomputed() async throws {
        let found = try await Self.ofTwo { parameters, reduction, share in
            reduction.expectLast()
            try Self.pass(parameters, samples: share, weight: 1)
            try Self.pass(parameters, samples: share, weight: 3)
        }
        let expected = try Self.expected(weights: [1, 3])
        for gradients in found { expectEqual(gradients, expected) }
    }

    @Test("Copies in bfloat16 send float32, and their masters have it") func halfPrecision() async throws {
        let found = try await Self.ofTwo(bfloat16: true) { parameters, reduction, share in
            reduction.expectLast()
            try Self.pass(parameters, samples: share, weight: 1)
        }
        // Eight bits of mantissa, in sums of a few terms.
        for gradients in found {
            expectEqual(gradients, try Self.expected(bfloat16: true, weights: [1]), within: 0.03)
        }
    }

    @Test("A vector of the whole batch belongs to one process, where a single process has it") func places() throws {
        // Two processes; scales of 1 and 3 vectors each: the whole has 2 and 6.
        #expect((0..<3).map { CodeUsage.place(of: $0, [1, 2], .alone) } == [0, 1, 2])
        #expect(CodeUsage.place(of: 3, [1, 2], .alone) == nil)
    }
}
