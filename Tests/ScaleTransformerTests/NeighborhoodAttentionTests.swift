import NeuralNetworks
import Testing
import Torch

@testable import ScaleTransformer

@Suite("Neighbourhood attention") struct NeighborhoodAttentionTests {
    /// A map, and what is computed on it.
    struct Map: CustomTestStringConvertible {
        let height: Int
        let width: Int
        let channels: Int
        var heads = 2
        var tokens: Int { height * width }
        var testDescription: String { "\(height) × \(width), \(channels) channels" }
    }

    /// Queries, keys, values and the gradient of the result as the model has them: views of one projection, or of what
    /// the next layer reads, `[B, H, T, D]`.
    private func inputs(_ map: Map, batch: Int = 2) throws -> [Tensor] {
        let source = ParameterPath(FreshParameters(seed: 4))
        let normal = InitialValue.normal(standardDeviation: 1)
        let parts = try (source / "projection")
            .tensor(batch, map.tokens, 3, map.heads, map.channels, initial: normal).permuted(2, 0, 3, 1, 4)
            .unbound(axis: 0)
        return parts + [
            try (source / "gradient").tensor(batch, map.tokens, map.heads, map.channels, initial: normal)
                .transposed(1, 2)
        ]
    }

    private func logTemperature(_ map: Map) throws -> Tensor {
        // ln 100 = 4.6: the second head's is cut, and has no gradient.
        try Tensor([Float(1.2), 4.8], shape: [2]).narrowed(axis: 0, 0..<map.heads).reshaped(1, -1, 1, 1)
    }

    /// The result and the gradients of queries, keys, values and, with cosines, temperatures, which are never narrower
    /// than float32.
    private func results(
        _ map: Map, kernel: Int, isCosine: Bool, inputs: [Tensor], dtype: DType = .float32
    ) throws -> [Tensor] {
        func leaf(_ tensor: Tensor, _ dtype: DType) throws -> Tensor {
            let leaf = try tensor.converted(to: dtype).detached()
            try leaf.setRequiresGradient()
            return leaf
        }
        var leaves = try inputs[..<3].map { try leaf($0, dtype) }
        var score = AttentionScore.product(scale: 0.3)
        if isCosine {
            leaves.append(try leaf(logTemperature(map), dtype == .float64 ? .float64 : .float32))
            score = .cosine(logTemperature: leaves[3])
        }
        let region = AttentionRegion.neighborhood(height: map.height, width: map.width, kernel: kernel)
        let result = try region.attend(leaves[0], leaves[1], leaves[2], comparing: score)
        try result.backward(inputs[3].converted(to: dtype))
        return [try result.detached()] + (try leaves.map { try #require($0.gradient) })
    }

    @Test(
        "Result and gradients are those of masked attention in float64, in every instruction set",
        arguments: [
            Map(height: 1, width: 9, channels: 64), Map(height: 7, width: 1, channels: 16),
            Map(height: 2, width: 3, channels: 8), Map(height: 5, width: 5, channels: 13),
            Map(height: 9, width: 14, channels: 40), Map(height: 13, width: 13, channels: 64),
            Map(height: 16, width: 16, channels: 80), Map(height: 17, width: 33, channels: 32),
            Map(height: 35, width: 8, channels: 128),
        ], [1, 2, 3, 4, 5, 6, 7, 8, 9])
    func reference(map: Map, kernel: Int) throws {
        let inputs = try inputs(map)
        for isCosine in [false, true] {
            // No operator knows windows in float64: this is LibTorch's attention with a mask.
            let expected = try results(map, kernel: kernel, isCosine: isCosine, inputs: inputs, dtype: .float64)
            try LibTorch.withEachInstructionSet { set in
                let found = try results(map, kernel: kernel, isCosine: isCosine, inputs: inputs)
                for (part, (found, expected)) in zip(found, expected).enumerated() {
                    let error = try (found.converted(to: .float64) - expected).magnitude().maximum().item()
                    let size = try expected.magnitude().maximum().item()
                    // Sums of at most some hundred products; the temperature's runs over all tokens and cancels.
                    let tolerance = part == 4 ? 2e-5 * Double(map.tokens).squareRoot() : 1e-5 * (size + 1e-2)
                    #expect(error <= tolerance, "\(set), cosine \(isCosine), part \(part) of size \(size)")
                }
            }
        }
    }

    @Test(
        "In bfloat16 only the result and the gradients are rounded, in every instruction set",
        arguments: [
            Map(height: 1, width: 9, channels: 13), Map(height: 5, width: 8, channels: 32),
            Map(height: 9, width: 14, channels: 48), Map(height: 13, width: 13, channels: 64),
            Map(height: 16, width: 16, channels: 80), Map(height: 17, width: 33, channels: 96),
            Map(height: 35, width: 8, channels: 128),
        ], [1, 2, 3, 6, 7])
    func bfloat16(map: Map, kernel: Int) throws {
        let inputs = try inputs(map).map { (tensor) throws(TorchError) in try tensor.converted(to: .bfloat16) }
        for isCosine in [false, true] {
            let expected = try results(map, kernel: kernel, isCosine: isCosine, inputs: inputs, dtype: .float64)
            try LibTorch.withEachInstructionSet { set in
                let found = try results(map, kernel: kernel, isCosine: isCosine, inputs: inputs, dtype: .bfloat16)
                for (part, (found, expected)) in zip(found, expected).enumerated() {
                    #expect(found.dtype == (part == 4 ? .float32 : .bfloat16))
                    let error = try (found.converted(to: .float64) - expected).magnitude()
                    let size = try expected.magnitude().maximum().item()
                    // Half of the last of 8 bits, beside what float32 has.
                    let tolerance =
                        try part == 4
                        ? Tensor.zeros([1]) + 2e-5 * Double(map.tokens).squareRoot()
                        : expected.magnitude() * (0x1p-8 * 1.001) + 1e-5 * (size + 1e-2)
                    let worst = try (error / tolerance).maximum().item()
                    #expect(worst <= 1, "\(set), cosine \(isCosine), part \(part) of size \(size)")
                }
            }
        }
    }

    @Test(
        "A picture's result and gradients depend on neither the pictures beside it nor the number of threads",
        arguments: [Map(height: 16, width: 16, channels: 64), Map(height: 37, width: 40, channels: 24, heads: 1)],
        [DType.float32, .bfloat16])
    func batchIndependence(map: Map, dtype: DType) throws {
        let inputs = try inputs(map, batch: 3)
        let before = LibTorch.threadCount
        defer { try? LibTorch.setThreadCount(before) }
        try LibTorch.withEachInstructionSet { set in
            try LibTorch.setThreadCount(2)
            let together = try results(map, kernel: 5, isCosine: true, inputs: inputs, dtype: dtype)
            for threads in [1, 2] {
                try LibTorch.setThreadCount(threads)
                // One picture alone is divided among threads in another way.
                let alone = try results(
                    map, kernel: 5, isCosine: true,
                    inputs: inputs.map { (tensor) throws(TorchError) in try tensor.narrowed(axis: 0, 1..<2) },
                    dtype: dtype)
                for part in 0..<4 {
                    let (some, all) = try (
                        alone[part].converted(to: .float32), together[part].converted(to: .float32)
                    )
                    let isSame =
                        try some.array(of: Float.self) == all.narrowed(axis: 0, 1..<2).array(of: Float.self)
                    #expect(isSame, "\(set), \(threads) threads, part \(part)")
                }
            }
        }
    }

    @Test("The order of channels in memory does not matter")
    func channelStride() throws {
        let map = Map(height: 6, width: 7, channels: 16)
        let inputs = try inputs(map)
        let apart = try inputs.map { (tensor) throws(TorchError) in
            try tensor.transposed(2, 3).contiguous().transposed(2, 3)
        }
        let found = try results(map, kernel: 3, isCosine: false, inputs: apart)
        let expected = try results(map, kernel: 3, isCosine: false, inputs: inputs)
        for (found, expected) in zip(found, expected) {
            #expect(try (found - expected).magnitude().maximum().item() == 0)
        }
    }

    @Test("A query of zeros reads its window evenly")
    func zeroQuery() throws {
        let map = Map(height: 3, width: 4, channels: 8)
        var inputs = try inputs(map)
        inputs[0] = try inputs[0].zerosLike()
        inputs[2] = try Tensor((0..<12).map { Float($0) }, shape: [1, 1, 12, 1]) + inputs[2].zerosLike()
        try LibTorch.withEachInstructionSet { set in
            let result = try results(map, kernel: 3, isCosine: true, inputs: inputs)[0].array(of: Float.self)
            // Windows of 3 × 3 on a map of 3 × 4 begin at column 0 or 1: their middle is place 5 or 6.
            for token in 0..<12 {
                #expect(abs(result[token * 8] - (token % 4 < 2 ? 5 : 6)) < 1e-5, "\(set)")
            }
        }
    }

    @Test("Maps, kernels and temperatures that do not fit are errors that say so")
    func mismatch() throws {
        let inputs = try inputs(Map(height: 4, width: 5, channels: 8))
        func attend(
            height: Int = 4, width: Int = 5, kernel: Int = 3, keys: Tensor? = nil, weighing: Tensor.ProductWeight? = nil
        ) throws {
            _ = try inputs[0].neighborhoodAttention(
                keys: keys ?? inputs[1], values: inputs[2], height: height, width: width, kernel: kernel,
                weighing: weighing ?? .scale(1))
        }
        try attend()
        let failure = #expect(throws: TorchError.self) { try attend(height: 5) }
        #expect(failure?.message.contains("5 × 5 for 20 tokens") == true)
        #expect(throws: TorchError.self) { try attend(height: -4, width: -5) }
        #expect(throws: TorchError.self) { try attend(width: 0) }
        #expect(throws: TorchError.self) { try attend(kernel: 0) }
        #expect(throws: TorchError.self) { try attend(keys: inputs[1].narrowed(axis: 2, 0..<16)) }
        #expect(throws: TorchError.self) { try attend(weighing: .cosine(temperatures: Tensor.zeros([3]))) }
        #expect(throws: TorchError.self) {
            try Tensor.zeros([20, 8]).neighborhoodAttention(
                keys: inputs[1], values: inputs[2], height: 4, width: 5, kernel: 3, weighing: .scale(1))
        }
    }

    @Test("Types that do not fit are errors that name the argument")
    func types() throws {
        let inputs = try inputs(Map(height: 4, width: 5, channels: 8))
        let narrow = try inputs.map { (tensor) throws(TorchError) in try tensor.converted(to: .bfloat16) }
        func attend(
            _ queries: Tensor, _ keys: Tensor, _ values: Tensor, temperatures: DType = .float32
        ) throws(TorchError) -> Tensor {
            try queries.neighborhoodAttention(
                keys: keys, values: values, height: 4, width: 5, kernel: 3,
                weighing: .cosine(temperatures: Tensor.zeros([2], dtype: temperatures)))
        }
        _ = try attend(inputs[0], inputs[1], inputs[2])
        _ = try attend(narrow[0], narrow[1], narrow[2])
        _ = try attend(narrow[0], narrow[1], narrow[2], temperatures: .bfloat16)
        func message(_ body: () throws -> Tensor) -> String {
            let failure = #expect(throws: TorchError.self) { _ = try body() }
            return failure?.message ?? ""
        }
        let wide = try inputs[0].converted(to: .float64)
        #expect(message { try attend(wide, wide, wide) }.contains("queries of Double"))
        #expect(message { try attend(narrow[0], inputs[1], narrow[2]) }.contains("keys of Float"))
        #expect(message { try attend(inputs[0], inputs[1], narrow[2]) }.contains("values of BFloat16"))
        #expect(
            message { try attend(inputs[0], inputs[1], inputs[2], temperatures: .float64) }
                .contains("temperatures of Double"))
    }

    @Test("A kernel of any size sees the whole of a smaller axis")
    func hugeKernel() throws {
        let map = Map(height: 2, width: 3, channels: 8)
        let inputs = try inputs(map)
        let found = try inputs[0].neighborhoodAttention(
            keys: inputs[1], values: inputs[2], height: 2, width: 3, kernel: .max, weighing: .scale(0.5))
        let expected = try AttentionRegion.all.attend(
            inputs[0], inputs[1], inputs[2], comparing: .product(scale: 0.5))
        #expect(try (found - expected).magnitude().maximum().item() < 1e-5)
    }

    @Test("Huge products that are all equal weigh the same")
    func hugeTies() throws {
        let ones = try Tensor.zeros([1, 1, 25, 8]) + 1
        let values = try Tensor((0..<200).map { Float($0 / 8 % 5) }, shape: [1, 1, 25, 8])
        let region = AttentionRegion.neighborhood(height: 5, width: 5, kernel: 3)
        try LibTorch.withEachInstructionSet { set in
            let found = try region.attend(
                ones * 12_345.678, ones * 98_765.432, values, comparing: .product(scale: 1.37))
            // In the middle of the map the window holds columns 1, 2 and 3.
            #expect(abs(try found.array(of: Float.self)[12 * 8] - 2) < 1e-5, "\(set)")
        }
    }
}
