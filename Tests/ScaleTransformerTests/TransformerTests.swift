import NeuralNetworks
import Testing
import TokenPyramid
import Torch

@testable import ScaleTransformer

@Suite("Transformer") struct TransformerTests {
    private func transformer(
        _ pattern: AttentionPattern, sharesAdaLN: Bool = false, normalizes: Bool = true
    ) throws -> NextScaleTransformer {
        let configuration = TransformerConfiguration(
            depth: 2, width: 64, heads: 2, classes: 3, vocabularySize: 16, latentChannels: 4,
            schedule: try ScaleSchedule([1, 2, 4, 5]), pattern: pattern, firstSpatialScale: 2,
            normalizesQueriesAndKeys: normalizes, sharesAdaLN: sharesAdaLN)
        return try NextScaleTransformer(configuration, at: ParameterPath(Lively(seed: 2)))
    }

    /// Fresh values with which the blocks act: the usual ones start close to the identity.
    private final class Lively: ParameterSource {
        private let fresh: FreshParameters
        init(seed: UInt64) { fresh = FreshParameters(seed: seed) }
        func parameter(_ name: String, shape: [Int], initial: InitialValue) throws(TorchError) -> Tensor {
            try fresh.parameter(name, shape: shape, initial: .normal(standardDeviation: 0.3))
        }
    }

    private func inputs(seed: UInt64 = 5) throws -> Tensor {
        try Tensor.keyedUniform(seed: seed, images: [0, 1], scale: 0, tokens: 45, draws: 4).converted(to: .float32) * 2
            - 1
    }

    private func difference(_ first: Tensor, _ second: Tensor) throws -> Double {
        try (first - second).magnitude().maximum().item()
    }

    @Test("A window that covers the map is the whole map", arguments: [false, true])
    func coveringWindow(sharesAdaLN: Bool) throws {
        let dense = try transformer(.scale, sharesAdaLN: sharesAdaLN)
        let condition = try dense.condition(on: [0, 2])
        let expected = try dense.logits(ofScales: 0..<4, inputs: inputs(), condition: condition)
        let windowed = dense.attending(.spatial(kernel: 5))
        #expect(try difference(windowed.logits(ofScales: 0..<4, inputs: inputs(), condition: condition), expected) == 0)
        let narrow = dense.attending(.spatial(kernel: 3))
        #expect(try difference(narrow.logits(ofScales: 0..<4, inputs: inputs(), condition: condition), expected) > 0.01)
    }

    @Test("A class may come several times, among others in any order", arguments: [false, true])
    func repeatedClasses(sharesAdaLN: Bool) throws {
        let transformer = try transformer(.scale, sharesAdaLN: sharesAdaLN)
        let classes = [2, 0, 2, 3, 0]
        let together = try transformer.condition(on: classes)
        #expect(together.batch == 5)
        for (row, label) in classes.enumerated() {
            let found = try together.narrowed(row..<row + 1)
            let expected = try transformer.condition(on: [label])
            #expect(try difference(found.classVectors, expected.classVectors) == 0)
            #expect(try difference(found.blocks[1].feedForwardShift, expected.blocks[1].feedForwardShift) == 0)
            #expect(try difference(found.head.shift, expected.head.shift) == 0)
        }
    }

    @Test(
        "One masked pass equals a pass per scale", arguments: [AttentionPattern.scale, .spatial(kernel: 3), .window(0)])
    func groups(pattern: AttentionPattern) throws {
        let transformer = try transformer(pattern, normalizes: false)
        let schedule = transformer.configuration.schedule
        let condition = try transformer.condition(on: [1, 3])
        let together = try transformer.logits(ofScales: 0..<4, inputs: inputs(), condition: condition)
        for scale in 0..<4 {
            let range = schedule.range(ofScale: scale)
            let input = scale == 0 ? nil : try inputs().narrowed(axis: 1, range.lowerBound - 1..<range.upperBound - 1)
            let alone = try transformer.logits(ofScales: scale..<scale + 1, inputs: input, condition: condition)
            #expect(try difference(alone, together.narrowed(axis: 1, range)) < 2e-5)
        }
    }

    @Test(
        "With a cache, scale by scale gives the logits of one masked pass",
        arguments: [AttentionPattern.full, .window(1), .window(2)])
    func cache(pattern: AttentionPattern) throws {
        let transformer = try transformer(pattern)
        let schedule = transformer.configuration.schedule
        let condition = try transformer.condition(on: [0, 3])
        let together = try transformer.logits(ofScales: 0..<4, inputs: inputs(), condition: condition)
        let cache = KeyValueCache(transformer.configuration)
        for scale in 0..<4 {
            let range = schedule.range(ofScale: scale)
            let input = scale == 0 ? nil : try inputs().narrowed(axis: 1, range.lowerBound - 1..<range.upperBound - 1)
            let step = try transformer.logits(
                ofScales: scale..<scale + 1, inputs: input, condition: condition, cache: cache)
            #expect(try difference(step, together.narrowed(axis: 1, range)) < 2e-5)
            let kept = pattern.scalesToKeep(after: scale, of: 4).reduce(0) { $0 + schedule.tokenCount(ofScale: $1) }
            // 2 blocks, keys and values, 2 pictures, 64 channels of 4 bytes.
            #expect(cache.byteCount == 2 * 2 * 2 * kept * 64 * 4)
        }
        #expect(cache.byteCount == 0)
    }

    @Test("What a scale cannot see does not change it")
    func visibility() throws {
        let transformer = try transformer(.window(1))
        let condition = try transformer.condition(on: [0, 1])
        let base = try transformer.logits(ofScales: 0..<4, inputs: inputs(), condition: condition)
        // Another input of scale 1 (tokens 1 to 4) reaches scales 1 and 2, and scale 3 only through scale 2's blocks.
        let changed = try inputs().cloned()
        try changed.narrowed(axis: 1, 20..<45).add(inputs(seed: 6).narrowed(axis: 1, 20..<45))
        let other = try transformer.logits(ofScales: 0..<4, inputs: changed, condition: condition)
        let schedule = transformer.configuration.schedule
        #expect(try difference(other.narrowed(axis: 1, 0..<21), base.narrowed(axis: 1, 0..<21)) == 0)
        #expect(
            try difference(
                other.narrowed(axis: 1, schedule.range(ofScale: 3)), base.narrowed(axis: 1, schedule.range(ofScale: 3)))
                > 0.01)
    }

    @Test("The order of a batch does not matter")
    func permutation() throws {
        let transformer = try transformer(.spatial(kernel: 3))
        let forward = try transformer.logits(
            ofScales: 0..<4, inputs: inputs(), condition: transformer.condition(on: [0, 2]))
        let exchange = try Tensor([1, 0], shape: [2])
        let backward = try transformer.logits(
            ofScales: 0..<4, inputs: inputs().rows(exchange), condition: transformer.condition(on: [2, 0]))
        #expect(try difference(forward, backward.rows(exchange)) == 0)
    }

    @Test("A class beyond the null class is an error")
    func unknownClass() throws {
        let transformer = try transformer(.scale)
        #expect(throws: TorchError.self) { try transformer.condition(on: [4]) }
    }

    @Test("The blocks may compute in any precision; the head stays in float32, and on the CPU AdaLN as it is stored")
    func headPrecision() throws {
        func kept(_ name: String, _ device: Device) -> Precision? {
            NextScaleTransformer.precision(ofParameter: name, blocks: .bfloat16, on: device)
        }
        for device in [Device.cpu, .cuda(0)] {
            #expect(kept("head.weight", device) == .float32)
            #expect(kept("head_nm.ada_lin.1.bias", device) == .float32)
            #expect(kept("blocks.0.ffn.fc1.weight", device) == .bfloat16)
        }
        #expect(kept("blocks.0.ada_lin.1.weight", .cpu) == nil)
        #expect(kept("blocks.0.ada_lin.1.weight", .cuda(0)) == .bfloat16)
    }
}
