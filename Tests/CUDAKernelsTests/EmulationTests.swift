import CUDAEmulator
import NeuralNetworks
import Testing

@testable import Torch

@Suite("Kernels for GPUs, emulated thread by thread") struct EmulationTests {
    struct Case: CustomTestStringConvertible {
        let height: Int, width: Int, depth: Int, kernel: Int
        var heads = 1, batch = 1
        /// 0 for what the operator would take.
        var stageChunks = 0
        var dtype = DType.float32
        var isFused = false
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

            // Never written is nan.
            let width = test.dtype == .float32 ? 4 : 2
            let nothing = [UInt8](repeating: 0xff, count: shape.reduce(width, *))
            var result = nothing
            var (ofQueries, ofKeys, ofValues) = (nothing, nothing, nothing)
            var parts = [Float](repeating: .nan, count: shape[0] * shape[1] * shape[2])
            let sources = try operands.map { try EmulatedNumbers.bytes($0) }
            var message: String?
            temperatures.withUnsafeBufferPointer { temperatures in
                (test.isFused ? fused : sources[0]).withUnsafeBytes { queries in
                    sources[1].withUnsafeBytes { keys in
                        sources[2].withUnsafeBytes { values in
                            var problem = CUDAEmulatorAttention(
                                type: test.dtype == .float32 ? 0 : 1, batch: Int32(test.batch),
                                heads: Int32(test.heads), height: Int32(test.height), width: Int32(test.width),
                                depth: Int32(test.depth), kernel: Int32(test.kernel),
                                stage_chunks: Int32(test.stageChunks), order: order, is_fused: test.isFused,
                                scale: 0.3, temperatures: isCosine ? temperatures.baseAddress : nil,
                                queries: queries.baseAddress, keys: keys.baseAddress, values: values.baseAddress)
                            message = cuda_emulator_attend(&problem, &result).map { String(cString: $0) }
                            guard withGradients, message == nil else { return }
                            let given = (try? EmulatedNumbers.bytes(gradient)) ?? []
                            message = cuda_emulator_differentiate(
                                &problem, given, &ofQueries, &ofKeys, &ofValues, &parts
                            ).map { String(cString: $0) }
                        }
                    }
                }
            }
            #expect(message == nil)
            let tolerance = test.dtype == .float32 ? 3e-6 : 1e-2
            let error = try EmulatedNumbers.distance(EmulatedNumbers.tensor(result, shape, test.dtype), expected)
            #expect(error <= tolerance, "cosine \(isCosine), order \(order)")
            guard withGradients else { continue }
            for (found, leaf) in zip([ofQueries, ofKeys, ofValues], leaves) {
                let error = try EmulatedNumbers.distance(
                    EmulatedNumbers.tensor(found, shape, test.dtype), #require(leaf.gradient))
                #expect(error <= 2 * tolerance, "gradient, cosine \(isCosine), order \(order)")
            }
            if isCosine {
                let found = try Tensor(parts, shape: [shape[0], shape[1], shape[2]])
                    .sum(axes: 0, 2)
                let error = try EmulatedNumbers.distance(found, #require(leaves[3].gradient))
                #expect(error <= (test.dtype == .float32 ? 1e-4 : 3e-2), "temperatures")
            }
        }
    }

    @Test(
        "Tensor cores give the processor's result, whatever the map, the window and the order of threads",
        arguments: [
            Case(height: 16, width: 16, depth: 64, kernel: 7, dtype: .bfloat16),
            Case(height: 13, width: 11, depth: 64, kernel: 7, heads: 2, batch: 2, dtype: .bfloat16, isFused: true),
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
            Case(height: 9, width: 5, depth: 64, kernel: 5, dtype: .bfloat16),
        ])
    func gradients(test: Case) throws {
        for order in [1, 2] as [Int32] { try check(test, order: order, withGradients: true) }
    }

    @Test("Float32 kernels read queries, keys and values in the projection that they share")
    func fused() throws {
        try check(
            Case(height: 8, width: 9, depth: 32, kernel: 5, heads: 2, batch: 2, isFused: true), order: 0,
            withGradients: false)
    }
}
