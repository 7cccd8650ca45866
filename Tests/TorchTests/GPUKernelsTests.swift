import CTorch
import Testing

@testable import Torch

@Suite("Operators for GPUs, seen from the CPU") struct GPUKernelsTests {
    @Test("The CPU does not take them, and says so") func refused() throws {
        let x = try Tensor((0..<48).map(Float.init), shape: [1, 3, 16])
        let vector = try Tensor([Float](repeating: 1, count: 16), shape: [1, 1, 16])
        #expect(!x.hasFusedModulation(by: vector) && !x.hasLinearGELU(weight: x, bias: vector))
        #expect(!Tensor.hasFusedDraw(codes: 4096, on: .cpu))
        // Not one of those that tests emulate on the CPU, in the same process.
        let failed = #expect(throws: TorchError.self) {
            try x.drawnTokens(
                awayFrom: nil, strength: 0, temperature: 1, topK: 0, topP: 0, seed: 1,
                images: Tensor([0] as [Int64], shape: [1]), scale: 0)
        }
        #expect(failed?.description.contains("mvar::draw") == true)
        #expect(failed?.description.contains("CPU") == true)
    }

    // On the CPU LibTorch's operator takes GELU's exact form; the tanh form of GPUs differs from it by at most 5e-4.
    @Test("The product with GELU is that of the layer") func linearGELU() throws {
        let x = try Tensor((0..<24).map { Float($0) / 12 - 1 }, shape: [2, 3, 4])
        let weight = try Tensor((0..<20).map { Float($0 * 7 % 11) / 6 - 1 }, shape: [5, 4])
        let bias = try Tensor([0.5, -0.5, 0, 1, -1] as [Float], shape: [5])
        let found = try x.linearGELU(weight: weight, bias: bias)
        let expected = try x.linear(weight: weight, bias: bias).geluTanh()
        #expect(found.shape == [2, 3, 5])
        #expect(try (found - expected).magnitude().maximum().item() < 1e-3)
        #expect(try expected.magnitude().maximum().item() > 0.5)
    }

    @Test("On the CPU work is done again at every call, with the inputs of that call") func repeatedWork() throws {
        var calls = 0
        let work = RepeatedWork { inputs in
            calls += 1
            return [try inputs[0] + 1, try inputs[0] * 2]
        }
        for value in [1.0, 2, 3] {
            let results = try work([Tensor.full([2], value)])
            #expect(
                try results.map { try $0.array(of: Double.self) } == [[value + 1, value + 1], [value * 2, value * 2]])
        }
        #expect(calls == 3 && work.obstacle == nil)
    }

    @Test("Without a GPU recording is an error", .enabled(if: LibTorch.cudaDeviceCount == 0, "there is a GPU"))
    func noRecording() {
        var graph: CTorchGraph?
        #expect(ctorch_graph_begin(0, &graph) != 0)
        #expect(graph == nil)
        #expect(String(cString: ctorch_last_error()).lowercased().contains("cuda"))
    }

    @Test("What a GPU says of its memory is told with the amount") func outOfMemory() {
        let error = TorchError(
            "aten::linear",
            message: "CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has a total capacity of …\nmore")
        #expect(error.isOutOfMemory && error.description.contains("needs 2.50 GiB more"), "\(error)")
        #expect(error.description.contains("--batch") && !error.description.contains("\n"))
    }
}
