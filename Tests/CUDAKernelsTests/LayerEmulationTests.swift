import CUDAEmulator
import NeuralNetworks
import Sampling
import Testing

@testable import Torch

@Suite("Kernels for GPUs between the products, emulated thread by thread") struct LayerEmulationTests {
    struct Map: CustomTestStringConvertible {
        let dtype: DType, batch: Int, side: Int, channels: Int, groups: Int
        var testDescription: String { "\(batch) × \(channels) channels at \(side)², \(dtype)" }
    }

    @Test(
        "Group normalisation gives the processor's result, whatever the order of threads",
        arguments: [
            Map(dtype: .float32, batch: 2, side: 5, channels: 64, groups: 32),
            Map(dtype: .float32, batch: 1, side: 13, channels: 160, groups: 32),
            Map(dtype: .bfloat16, batch: 2, side: 12, channels: 160, groups: 32),
            Map(dtype: .float16, batch: 1, side: 4, channels: 640, groups: 32),
            // More pieces than threads.
            Map(dtype: .float32, batch: 1, side: 3, channels: 1056, groups: 4),
        ])
    func groupNorm(map: Map) throws {
        let shape = [map.batch, map.channels, map.side, map.side]
        let x = try (EmulatedNumbers.normal(seed: 5, shape) * 2 + 20).converted(to: map.dtype).channelsLast()
        let gain = try EmulatedNumbers.normal(seed: 6, [map.channels], as: map.dtype).reshaped(map.channels)
        let shift = try EmulatedNumbers.normal(seed: 7, [map.channels], as: map.dtype).reshaped(map.channels)
        let rows = try EmulatedNumbers.bytes(x.permuted(0, 2, 3, 1))
        let (gains, shifts) = (try EmulatedNumbers.bytes(gain), try EmulatedNumbers.bytes(shift))
        for activation in [Activation.identity, .silu] {
            let expected = try x.converted(to: .float32).channelsLast().fusedGroupNorm(
                groups: map.groups, weight: gain.converted(to: .float32), bias: shift.converted(to: .float32),
                epsilon: 1e-6, activation: activation)
            for order in [0, 1, 2] as [Int32] {
                var result = EmulatedNumbers.nothing(shape.reduce(1, *), map.dtype)
                let message = rows.withUnsafeBytes { x in
                    gains.withUnsafeBytes { gain in
                        shifts.withUnsafeBytes { shift in
                            var problem = CUDAEmulatorGroupNorm(
                                type: EmulatedNumbers.number(of: map.dtype), batch: Int32(map.batch),
                                pixels: Int32(map.side * map.side), channels: Int32(map.channels),
                                groups: Int32(map.groups), order: order, is_silu: activation == .silu, epsilon: 1e-6,
                                x: x.baseAddress, gain: gain.baseAddress, shift: shift.baseAddress)
                            return cuda_emulator_group_norm(&problem, &result).map { String(cString: $0) }
                        }
                    }
                }
                #expect(message == nil)
                let found = try EmulatedNumbers.tensor(
                    result, [map.batch, map.side, map.side, map.channels], map.dtype
                ).permuted(0, 3, 1, 2)
                let tolerance = map.dtype == .float32 ? 1e-5 : map.dtype == .bfloat16 ? 4e-3 : 6e-4
                #expect(try EmulatedNumbers.distance(found, expected) <= tolerance, "order \(order)")
            }
        }
    }

    struct Draw: CustomTestStringConvertible {
        let codes: Int
        var strength = 0.0, temperature = 1.0, topK = 0, topP = 0.0
        /// Logits are multiples of it: many codes are as likely as others.
        var step: Double?
        var testDescription: String {
            "\(codes) codes, cfg \(strength), temperature \(temperature), top-k \(topK), top-p \(topP)"
                + (step.map { ", steps of \($0)" } ?? "")
        }
    }

    @Test(
        "The draw gives the processor's tokens, whatever the order of threads",
        arguments: [
            Draw(codes: 300), Draw(codes: 300, strength: 1.5, topK: 17, topP: 0.9),
            Draw(codes: 300, temperature: 0.4, topP: 0.3), Draw(codes: 300, topK: 900, topP: 1),
            Draw(codes: 300, topP: 0.6, step: 0.5), Draw(codes: 300, topK: 40, topP: 0.8, step: 1),
            Draw(codes: 300, topK: 1), Draw(codes: 300, topP: 1e-9, step: 2),
            Draw(codes: 4096, strength: 3, topK: 900, topP: 0.96), Draw(codes: 4096, temperature: 2, topP: 0.999),
        ])
    func draw(test: Draw) throws {
        let (batch, tokens, seed, scale) = (3, test.codes == 300 ? 40 : 6, UInt64(1) << 40 + 5, 7)
        let shape = [batch, tokens, test.codes]
        func logits(_ seed: UInt64) throws -> Tensor {
            let normal = try EmulatedNumbers.normal(seed: seed, shape).reshaped(shape) * 3
            guard let step = test.step else { return normal }
            return try (normal * (1 / step)).converted(to: .int64).converted(to: .float32) * step
        }
        let (conditional, unconditional) = (try logits(8), try logits(9))
        let images = [0, 17, (1 << 33) + 1]
        let guided =
            test.strength > 0
            ? try Guidance(strength: test.strength)
                .combined(conditional: conditional, unconditional: unconditional, progress: 1) : conditional
        let tempered =
            test.temperature == 1
            ? guided
            : try (guided - guided.maximum(axis: -1, keepingAxis: true)) / test.temperature
        let expected = try TokenDraw.tokens(
            from: TokenFilter(topK: test.topK, topP: test.topP).probabilities(of: tempered), seed: seed,
            images: images, scale: scale
        ).array(of: Int64.self)

        let numbers = images.map { Int64($0) }
        let (own, other) = (try conditional.array(of: Float.self), try unconditional.array(of: Float.self))
        for order in (test.codes == 300 ? [0, 1, 2] : [2]) as [Int32] {
            var found = [Int64](repeating: -7, count: batch * tokens)
            let message = numbers.withUnsafeBufferPointer { images in
                own.withUnsafeBufferPointer { own in
                    other.withUnsafeBufferPointer { other in
                        var problem = CUDAEmulatorDraw(
                            batch: Int32(batch), tokens: Int32(tokens), codes: Int32(test.codes),
                            top_k: Int32(test.topK), scale: Int32(scale), order: order,
                            strength: test.strength, temperature: test.temperature, top_p: test.topP, seed: seed,
                            images: images.baseAddress, logits: own.baseAddress,
                            unconditional: test.strength > 0 ? other.baseAddress : nil)
                        return cuda_emulator_draw(&problem, &found).map { String(cString: $0) }
                    }
                }
            }
            #expect(message == nil)
            #expect(found == expected, "order \(order)")
        }
    }

    @Test("Logits that are no numbers are marked, and nothing else is")
    func noNumbers() throws {
        var logits = [Float](repeating: 0, count: 4 * 300)
        logits[17] = .nan
        logits[300 + 299] = .infinity
        for code in 0..<300 where code != 5 { logits[600 + code] = -.infinity }
        for code in 0..<300 { logits[900 + code] = -.infinity }
        var found = [Int64](repeating: -7, count: 4)
        let image: [Int64] = [0]
        let message = logits.withUnsafeBufferPointer { logits in
            image.withUnsafeBufferPointer { images in
                var problem = CUDAEmulatorDraw(
                    batch: 1, tokens: 4, codes: 300, top_k: 10, scale: 0, order: 0, strength: 0, temperature: 1,
                    top_p: 0.5, seed: 1, images: images.baseAddress, logits: logits.baseAddress, unconditional: nil)
                return cuda_emulator_draw(&problem, &found).map { String(cString: $0) }
            }
        }
        #expect(message == nil)
        #expect(found == [-1, -1, 5, -1])
    }
}
