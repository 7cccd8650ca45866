import Testing

@testable import Torch

@Suite("Operators for GPUs, seen from the CPU") struct GPUKernelsTests {
    @Test("The CPU does not take them, and says so") func refused() throws {
        let x = try Tensor((0..<48).map(Float.init), shape: [1, 3, 16])
        let vector = try Tensor([Float](repeating: 1, count: 16), shape: [1, 1, 16])
        #expect(!x.hasFusedModulation(by: vector) && !x.hasFusedDraw && !x.hasLinearGELU(weight: x, bias: vector))
        let failed = #expect(throws: TorchError.self) {
            try x.modulated(Modulation(scale: vector, shift: vector, epsilon: 1e-6))
        }
        #expect(failed?.description.contains("mvar::modulated") == true)
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
}
