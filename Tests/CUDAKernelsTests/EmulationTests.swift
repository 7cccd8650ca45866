import NeuralNetworks
import Testing

@testable import Torch

@Suite("Kernels for GPUs, emulated thread by thread") struct EmulationTests {
    struct Case: CustomTestStringConvertible {
        let height: Int, width: Int, depth: Int, kernel: Int
        var heads = 1, batch = 1
        /// 0 for what the operator would take.
        var stageChunks = 0
        var isFused = false
        var dtype = DType.float32
        var testDescription: String {
            "\(height) × \(width), k \(kernel), \(depth) channels, \(dtype), \(stageChunks) chunks at once"
        }
    }

    private func check(_ test: Case, order: Int32, withGradients: Bool) throws {
        let shape = [test.batch, test.heads, test.height * test.width, test.depth]
        var operands: [Tensor]
        var fused: [UInt8] = []
        if test.isFused {
            let whole = try EmulatedNumbers.normal(
                seed: 1, [test.batch, shape[2], 3, test.heads * test.depth], as: test.dtype)
            fused = try EmulatedNumbers.bytes(whole)
            operands = try whole.reshaped(test.batch, shape[2], 3, test.heads, test.depth).permuted(2, 0, 3, 1, 4)
                .unbound(axis: 0)
        } else {
            operands = try [1, 2, 3].map { try EmulatedNumbers.normal(seed: $0, shape, as: test.dtype) }
        }
        let gradient = try EmulatedNumbers.normal(seed: 4, shape, as: test.dtype)
        let temperatures = (0..<test.heads).map { Float(3 + 5 * $0) }
        let weights = try Tensor(temperatures, shape: [test.heads])
        for isCosine in [false, true] {
            var leaves = try operands.map { try $0.converted(to: .float32).detached() }
            leaves.append(try weights.cloned())
            if withGradients { for leaf in leaves { try leaf.setRequiresGradient() } }
            let expected = try leaves[0].neighborhoodAttention(
                keys: leaves[1], values: leaves[2], height: test.height, width: test.width, kernel: test.kernel,
                weighing: isCosine ? .cosine(temperatures: leaves[3]) : .scale(0.3))
            if withGradients { try expected.backward(gradient.converted(to: .float32)) }

            let sources = try operands.map { try EmulatedNumbers.bytes($0) }
            let call = EmulatedAttention(
                shape: shape, height: test.height, width: test.width, kernel: test.kernel, dtype: test.dtype,
                scale: 0.3,
                temperatures: isCosine ? temperatures : [], stageChunks: test.stageChunks, order: order,
                isFused: test.isFused, queries: test.isFused ? fused : sources[0], keys: sources[1], values: sources[2])
            let tolerance = test.dtype == .float32 ? 3e-6 : 1e-2
            let error = try EmulatedNumbers.distance(
                EmulatedNumbers.tensor(call.attend(), shape, test.dtype), expected)
            #expect(error <= tolerance, "cosine \(isCosine), order \(order)")
            guard withGradients else { continue }
            let found = try call.differentiate(EmulatedNumbers.bytes(gradient))
            for (found, leaf) in zip([found.queries, found.keys, found.values], leaves) {
                let error = try EmulatedNumbers.distance(
                    EmulatedNumbers.tensor(found, shape, test.dtype), #require(leaf.gradient))
                #expect(error <= 2 * tolerance, "gradient, cosine \(isCosine), order \(order)")
            }
            if isCosine {
                let parts = try Tensor(found.temperatures, shape: [shape[0], shape[1], shape[2]]).sum(axes: 0, 2)
                let error = try EmulatedNumbers.distance(parts, #require(leaves[3].gradient))
                #expect(error <= (test.dtype == .float32 ? 1e-4 : 3e-2), "temperatures")
            }
        }
    }

    @Test(
        "Tensor cores give the processor's result, whatever the map, the window and the order of threads",
        arguments: [
            Case(height: 16, width: 16, depth: 64, kernel: 7, dtype: .bfloat16),
            Case(height: 13, width: 11, depth: 64, kernel: 7, heads: 2, batch: 2, isFused: true, dtype: .bfloat16),
            Case(height: 9, width: 14, depth: 40, kernel: 5, stageChunks: 3, dtype: .bfloat16),
            Case(height: 1, width: 20, depth: 32, kernel: 9, stageChunks: 1, dtype: .bfloat16),
            Case(height: 20, width: 19, depth: 32, kernel: 13, dtype: .bfloat16),
            Case(height: 10, width: 10, depth: 80, kernel: 4, dtype: .bfloat16),
            Case(height: 3, width: 5, depth: 128, kernel: 9, heads: 2, dtype: .bfloat16),
        ])
    func tensorCores(test: Case) throws {
        for order in [0, 1, 2] as [Int32] { try check(test, order: order, withGradients: false) }
    }

    @Test(
        "Float32 kernels give the processor's result and gradients",
        arguments: [
            Case(height: 9, width: 10, depth: 32, kernel: 3, heads: 2),
            Case(height: 5, width: 18, depth: 40, kernel: 4, stageChunks: 2),
            Case(height: 2, width: 3, depth: 64, kernel: 7, batch: 2),
        ])
    func gradients(test: Case) throws {
        for order in [1, 2] as [Int32] { try check(test, order: order, withGradients: true) }
    }

    @Test(
        "Tensor cores give the processor's gradients",
        arguments: [
            Case(height: 9, width: 5, depth: 64, kernel: 5, dtype: .bfloat16),
            Case(height: 13, width: 11, depth: 64, kernel: 7, heads: 2, isFused: true, dtype: .float16),
            Case(height: 7, width: 12, depth: 40, kernel: 4, heads: 2, batch: 2, stageChunks: 3, dtype: .float16),
            Case(height: 1, width: 20, depth: 40, kernel: 9, stageChunks: 1, dtype: .bfloat16),
            Case(height: 10, width: 9, depth: 128, kernel: 6, stageChunks: 4, dtype: .bfloat16),
            Case(height: 3, width: 5, depth: 128, kernel: 9, heads: 2, dtype: .float16),
        ])
    func gradientsOfHalves(test: Case) throws {
        for order in [0, 1, 2] as [Int32] { try check(test, order: order, withGradients: true) }
    }

    @Test(
        "Gradients that are tiny or large lose no more than others",
        arguments: [DType.bfloat16, .float16], [1e-4, 1e3] as [Float])
    func scaledGradients(dtype: DType, factor: Float) throws {
        let shape = [1, 1, 63, 64]
        let operands = try [1, 2, 3].map {
            try EmulatedNumbers.bytes(EmulatedNumbers.normal(seed: $0, shape, as: dtype))
        }
        let gradient = try EmulatedNumbers.normal(seed: 4, shape, as: dtype)
        let call = EmulatedAttention(
            shape: shape, height: 9, width: 7, kernel: 5, dtype: dtype, scale: 0.3, queries: operands[0],
            keys: operands[1], values: operands[2])
        let plain = try call.differentiate(EmulatedNumbers.bytes(gradient))
        let scaled = try call.differentiate(EmulatedNumbers.bytes((gradient * Double(factor)).converted(to: dtype)))
        for (found, expected) in [
            (scaled.queries, plain.queries), (scaled.keys, plain.keys), (scaled.values, plain.values),
        ] {
            let error = try EmulatedNumbers.distance(
                EmulatedNumbers.tensor(found, shape, dtype),
                EmulatedNumbers.tensor(expected, shape, dtype) * Double(factor))
            #expect(error <= (dtype == .bfloat16 ? 1e-2 : 3e-3))
        }
    }

    @Test("Float32 kernels read queries, keys and values in the projection that they share")
    func fused() throws {
        try check(
            Case(height: 8, width: 9, depth: 32, kernel: 5, heads: 2, batch: 2, isFused: true), order: 0,
            withGradients: false)
    }
}
