import Foundation
import NeuralNetworks
import Synchronization
import Testing
import Torch

@Suite("Fast convolutions") struct FastConvolutionTests {
    private let normal = InitialValue.normal(standardDeviation: 1)

    /// A case: channels, and the height and width of the map.
    typealias Map = (inputs: Int, outputs: Int, height: Int, width: Int)

    private static let fast = ConvolutionAlgorithm.fast(.float32)

    private func layer(
        _ map: Map, kernel: Int, enlarging: Bool = false, by algorithm: ConvolutionAlgorithm = Self.fast
    ) throws -> Convolution2D {
        try Convolution2D(
            from: map.inputs, to: map.outputs, kernel: kernel, padding: kernel / 2, enlarging: enlarging,
            by: algorithm, at: ParameterPath(FreshParameters(seed: 21)) / "layer")
    }

    private func input(_ map: Map, batch: Int = 2) throws -> Tensor {
        try (ParameterPath(FreshParameters(seed: 22)) / "x")
            .tensor(batch, map.inputs, map.height, map.width, initial: normal)
    }

    @Test(
        "Every instruction set gives the convolution, whatever is left over at the edges of tiles, blocks and chunks",
        arguments: [
            (3, 5, 1, 1), (1, 1, 4, 4), (17, 33, 5, 7), (32, 3, 8, 6), (64, 64, 16, 16), (97, 24, 19, 18),
            (5, 40, 37, 41), (81, 17, 33, 3),
        ] as [Map], [false, true])
    func agrees(map: Map, enlarging: Bool) throws {
        let x = try input(map)
        let expected = try layer(map, kernel: 3, enlarging: enlarging, by: .direct)(x)
        let scale = try expected.magnitude().maximum().item()
        let layers: [(layer: Convolution2D, bound: Double)] = try [
            (.float32, 2e-5), (.float16, 2e-3), (.bfloat16, 4e-2),
        ].map { (try layer(map, kernel: 3, enlarging: enlarging, by: .fast($0)), $1) }
        try LibTorch.withEachInstructionSet { set in
            for (layer, bound) in layers {
                let found = try layer(x)
                #expect(found.shape == expected.shape)
                #expect(try (found - expected).magnitude().maximum().item() < bound * scale, "\(set), \(bound)")
            }
        }
    }

    @Test("Factors are rounded to bfloat16 where the processor multiplies it, and where the map is not enlarged")
    func bfloat16() throws {
        let map: Map = (24, 8, 9, 9)
        let x = try input(map)
        for enlarging in [false, true] {
            let halves = try layer(map, kernel: 3, enlarging: enlarging, by: .fast(.float16))
            let pairs = try layer(map, kernel: 3, enlarging: enlarging, by: .fast(.bfloat16))
            try LibTorch.withEachInstructionSet { set in
                let isSame = try halves(x).array(of: Float.self) == pairs(x).array(of: Float.self)
                #expect(isSame == (enlarging || set != .avx512BFloat16), "\(set), enlarging: \(enlarging)")
            }
        }
    }

    @Test(
        "A normalisation before and a sum behind are part of it, and the next normalisation needs no measurement",
        arguments: [(24, 8, 5, 7), (96, 40, 19, 18), (8, 64, 37, 34)] as [Map], [3, 1])
    func fused(map: Map, kernel: Int) throws {
        let source = ParameterPath(FreshParameters(seed: 27))
        let x = try input(map) * 3 + 1
        let total = try (source / "total").tensor(2, map.outputs, map.height, map.width, initial: normal)
        func norm(_ channels: Int, _ place: String) throws -> GroupNorm {
            let path = source / place
            let weight = try (path / "weight").tensor(channels, initial: normal)
            let bias = try (path / "bias").tensor(channels, initial: normal)
            let parameters = LoadedParameters(["n.weight": weight, "n.bias": bias], origin: "test", device: .cpu)
            return try GroupNorm(channels: channels, groups: 8, epsilon: 1e-6, at: ParameterPath(parameters) / "n")
        }
        let (before, behind) = (try norm(map.inputs, "before"), try norm(map.outputs, "behind"))
        func results(by algorithm: ConvolutionAlgorithm) throws -> [Tensor] {
            let layer = try layer(map, kernel: kernel, by: algorithm)
            let sum = try layer(FeatureMap(x), after: before, addedTo: FeatureMap(total.cloned()))
            let next = try self.layer((map.outputs, 5, 0, 0), kernel: 3, by: algorithm)
            return [sum.tensor, try next(sum, after: behind).tensor]
        }
        let expected = try results(by: .direct)
        try LibTorch.withEachInstructionSet { set in
            for (precision, bound) in [(ConvolutionPrecision.float32, 3e-5), (.bfloat16, 6e-2)] {
                for (found, expected) in zip(try results(by: .fast(precision)), expected) {
                    let scale = try expected.magnitude().maximum().item()
                    let error = try (found - expected).magnitude().maximum().item()
                    #expect(error < bound * scale, "\(precision), \(set)")
                }
            }
        }
    }

    @Test("Channels whose means are far from 0 are normalised behind it as exactly as measured ones")
    func farStatistics() throws {
        let map: Map = (16, 16, 37, 34)
        let source = ParameterPath(FreshParameters(seed: 28))
        let layer = try layer(map, kernel: 3)
        let noise = try input(map, batch: 1)
        let offset = try Tensor.zeros([1, 16, 37, 34]) + 1000
        let norm = try GroupNorm(channels: 16, groups: 8, epsilon: 1e-6, at: source)
        let next = try Convolution2D(from: 16, to: 4, kernel: 3, padding: 1, by: Self.fast, at: source / "next")
        try LibTorch.withEachInstructionSet { set in
            let sum = try layer(FeatureMap(noise), addedTo: FeatureMap(offset.cloned()))
            let difference = try next(sum, after: norm).tensor - next(FeatureMap(sum.tensor), after: norm).tensor
            #expect(try difference.magnitude().maximum().item() < 1e-3, "\(set)")
        }
    }

    @Test("A kernel of 1 × 1 is a product with every pixel", arguments: [(5, 3, 4, 6), (64, 192, 16, 16)] as [Map])
    func pointwise(map: Map) throws {
        let x = try input(map)
        let difference = try layer(map, kernel: 1, by: Self.fast)(x) - layer(map, kernel: 1, by: .direct)(x)
        #expect(try difference.magnitude().maximum().item() < 1e-5)
    }

    @Test(
        "A picture's result depends neither on the batch nor on the number of threads",
        arguments: [((32, 48, 16, 16), .float32), ((96, 16, 40, 40), .float32), ((176, 16, 40, 40), .bfloat16)]
            as [(Map, ConvolutionPrecision)], [false, true])
    func stable(of: (map: Map, precision: ConvolutionPrecision), enlarging: Bool) throws {
        let map = of.map
        let x = try input(map, batch: 4)
        let norm = try GroupNorm(
            channels: map.outputs, groups: 8, epsilon: 1e-6, at: ParameterPath(FreshParameters(seed: 23)))
        let layer = try layer(map, kernel: 3, enlarging: enlarging, by: .fast(of.precision))
        let before = LibTorch.threadCount
        defer { try? LibTorch.setThreadCount(before) }
        func result(_ x: Tensor) throws -> [Float] { try norm(layer(x), activation: .silu).array(of: Float.self) }
        let all = try result(x)
        for threads in [1, 2] {
            try LibTorch.setThreadCount(threads)
            for batch in [1, 3] {
                let found = try result(x.narrowed(axis: 0, 0..<batch))
                let isSame = found == Array(all[..<found.count])
                #expect(isSame, "\(threads) threads, \(batch) pictures")
            }
        }
    }

    @Test("Threads that were asked for elsewhere meanwhile have memory of their own")
    func threadsAskedForElsewhere() throws {
        let map: Map = (32, 33, 64, 64)
        let before = LibTorch.threadCount
        defer { try? LibTorch.setThreadCount(before) }
        try LibTorch.setThreadCount(1)
        // Handed to the other thread, which alone uses them until it is done.
        nonisolated(unsafe) let x = try input(map, batch: 1).channelsLast()
        nonisolated(unsafe) let weight = try layer(map, kernel: 3).weight.winogradWeight(halves: false)
        nonisolated(unsafe) let bias = try Tensor.zeros([33])
        let expected = try x.winogradConvolved(weight: weight, bias: bias).map.array(of: Float.self)
        let (hasBegun, mayGoOn) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let isDone = DispatchSemaphore(value: 0)
        let found = Mutex<[Float]>([])
        Thread.detachNewThread {
            // A loop of LibTorch's: it asks for the number of threads once, and a loop of ours once more.
            _ = try? x + x
            hasBegun.signal()
            mayGoOn.wait()
            let result = try? x.winogradConvolved(weight: weight, bias: bias).map.array(of: Float.self)
            found.withLock { $0 = result ?? [] }
            isDone.signal()
        }
        hasBegun.wait()
        try LibTorch.setThreadCount(8)
        mayGoOn.signal()
        isDone.wait()
        let isSame = found.withLock { $0 == expected }
        #expect(isSame)
    }

    @Test("Gradients go the direct way")
    func gradients() throws {
        let map: Map = (8, 8, 6, 6)
        let layer = try layer(map, kernel: 3, by: Self.fast)
        let x = try input(map)
        let expected = try self.layer(map, kernel: 3, by: .direct)(x).array(of: Float.self)
        try layer.weight.setRequiresGradient()
        let result = try layer(x)
        #expect(result.requiresGradient)
        #expect(try result.array(of: Float.self) == expected)
    }

    @Test("A bias alone gets its gradient too")
    func biasGradient() throws {
        let map: Map = (8, 8, 6, 6)
        let layer = try layer(map, kernel: 3, by: Self.fast)
        try layer.bias.setRequiresGradient()
        try layer(input(map)).sum().backward()
        #expect(try layer.bias.gradient?.array(of: Float.self) == [Float](repeating: 72, count: 8))
    }

    @Test("Group normalisation is the same for maps with channels last", arguments: [(6, 3), (64, 32), (160, 32)])
    func groupNorm(channels: Int, groups: Int) throws {
        let source = ParameterPath(FreshParameters(seed: 24))
        let norm = try GroupNorm(channels: channels, groups: groups, epsilon: 1e-6, at: source)
        let x = try (source / "x").tensor(2, 13, 11, channels, initial: normal).permuted(0, 3, 1, 2)
        for activation in [Activation.identity, .silu] {
            let expected = try norm(x.contiguous(), activation: activation)
            try LibTorch.withEachInstructionSet { set in
                let difference = try norm(x, activation: activation) - expected
                #expect(try difference.magnitude().maximum().item() < 1e-5, "\(set)")
            }
        }
    }

    @Test(
        "Group normalisation is as exact as its input where means are far from 0", arguments: [0, 10, 1000, 100_000.0])
    func farMeans(mean: Double) throws {
        let source = ParameterPath(FreshParameters(seed: 25))
        let norm = try GroupNorm(channels: 64, groups: 32, epsilon: 1e-6, at: source)
        let noise = try (source / "x").tensor(1, 16, 17, 64, initial: normal)
        let x = try (noise + mean).permuted(0, 3, 1, 2)  // rounded to the step of numbers of that size
        let zeros = try Tensor.zeros([64], dtype: .float64)
        let expected = try x.contiguous().converted(to: .float64)
            .groupNormalized(groups: 32, weight: zeros + 1, bias: zeros, epsilon: 1e-6)
        try LibTorch.withEachInstructionSet { set in
            let error = try (norm(x).converted(to: .float64) - expected).magnitude().maximum().item()
            #expect(error < 1e-5 + 3e-7 * mean, "\(set)")
        }
    }

    @Test("A map of one value is normalised to nearly 0")
    func constant() throws {
        let norm = try GroupNorm(
            channels: 64, groups: 32, epsilon: 1e-6, at: ParameterPath(FreshParameters(seed: 26)))
        let x = try (Tensor.zeros([1, 8, 8, 64]) + 3.3).permuted(0, 3, 1, 2)
        #expect(try norm(x).magnitude().maximum().item() < 1e-3)
    }

    @Test("Weights, factors and sums of other sizes, and a map with channels first, are errors")
    func mismatch() throws {
        let weight = try Tensor.zeros([4, 4, 3, 3]).winogradWeight(halves: false)
        let bias = try Tensor.zeros([4])
        let map = try Tensor.zeros([1, 4, 8, 8])
        let last = try map.channelsLast()
        #expect(throws: TorchError.self) { try map.winogradConvolved(weight: weight, bias: bias) }
        #expect(throws: TorchError.self) { try last.winogradConvolved(weight: weight, bias: Tensor.zeros([40])) }
        #expect(throws: TorchError.self) {
            try last.winogradConvolved(weight: weight, bias: bias, prepared: (Tensor.zeros([1, 2, 5]), .silu))
        }
        #expect(throws: TorchError.self) {
            try last.winogradConvolved(weight: weight, bias: bias, enlarging: true, addedTo: last.cloned())
        }
        #expect(throws: TorchError.self) { try last.winogradConvolved(weight: weight, bias: bias, addedTo: last) }
        #expect(throws: TorchError.self) { try Tensor.zeros([4, 4, 5, 5]).winogradWeight(halves: false) }
        #expect(throws: TorchError.self) {
            try last.groupNormFactors(
                statistics: Tensor.zeros([1, 2, 4]), groups: 2, weight: bias, bias: bias, epsilon: 1e-6)
        }
    }
}
