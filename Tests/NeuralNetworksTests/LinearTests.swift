import NeuralNetworks
import Testing
import Torch

@Suite("Linear layers") struct LinearTests {
    @Test(
        "A row's result depends neither on how many rows there are nor on the number of threads",
        arguments: [
            (inputs: 64, outputs: 192, activation: Activation.identity), (64, 192, .geluTanh), (512, 16, .identity),
            (4096, 32, .silu), (32, 512, .identity), (1024, 1024, .geluTanh),
        ], [false, true])
    func rowStable(shape: (inputs: Int, outputs: Int, activation: Activation), hasBias: Bool) throws {
        let source = ParameterPath(FreshParameters(seed: 6))
        let normal = InitialValue.normal(standardDeviation: 1)
        let weight = try (source / "weight").tensor(shape.outputs, shape.inputs, initial: normal)
        let bias = hasBias ? try (source / "bias").tensor(shape.outputs, initial: normal) : nil
        let x = try (source / "x").tensor(300, shape.inputs, initial: normal)
        let before = LibTorch.threadCount
        defer { try? LibTorch.setThreadCount(before) }
        let all = try x.rowStableLinear(weight: weight, bias: bias, activation: shape.activation)
            .array(of: Float.self)
        for threads in [1, 2] {
            try LibTorch.setThreadCount(threads)
            for rows in [1, 2, 3, 5, 7, 8, 9, 20, 31, 32, 50, 64, 100, 256] {
                let found = try x.narrowed(axis: 0, 0..<rows)
                    .rowStableLinear(weight: weight, bias: bias, activation: shape.activation).array(of: Float.self)
                let isSame = found == Array(all[..<(rows * shape.outputs)])
                #expect(isSame, "\(rows) rows, \(threads) threads")
            }
        }
    }

    @Test(
        "Every instruction set gives the product, whatever is left over at the edges",
        arguments: [1, 3, 6, 7, 13, 50], [1, 3, 4, 17, 64])
    func product(rows: Int, outputs: Int) throws {
        let source = ParameterPath(FreshParameters(seed: 8))
        let normal = InitialValue.normal(standardDeviation: 1)
        for inputs in [1, 5, 16, 100, 2050] {
            let place = source / inputs
            let x = try (place / "x").tensor(rows, inputs, initial: normal)
            let weight = try (place / "weight").tensor(outputs, inputs, initial: normal)
            let bias = try (place / "bias").tensor(outputs, initial: normal)
            let expected = try x.converted(to: .float64)
                .linear(weight: weight.converted(to: .float64), bias: bias.converted(to: .float64))
            try LibTorch.withEachInstructionSet { set in
                let found = try x.rowStableLinear(weight: weight, bias: bias)
                let error = try (found.converted(to: .float64) - expected).magnitude().maximum().item()
                #expect(error < 4e-6 * Double(inputs).squareRoot(), "\(inputs) inputs, \(set)")
            }
        }
    }

    @Test(
        "In bfloat16 a product is the exact one, rounded once, and the same for every row",
        .enabled("this processor has no products of bfloat16") { LibTorch.instructionSet == .avx512BFloat16 },
        arguments: [(1, 1), (5, 3), (33, 17), (100, 64), (2050, 5), (1024, 192)])
    func bfloat16(inputs: Int, outputs: Int) throws {
        let source = ParameterPath(FreshParameters(seed: 10))
        let normal = InitialValue.normal(standardDeviation: 1)
        let x = try (source / "x").tensor(51, inputs, initial: normal).converted(to: .bfloat16)
        let weight = try (source / "weight").tensor(outputs, inputs, initial: normal).converted(to: .bfloat16)
        let bias = try (source / "bias").tensor(outputs, initial: normal).converted(to: .bfloat16)
        let exact = try x.converted(to: .float64)
            .linear(weight: weight.converted(to: .float64), bias: bias.converted(to: .float64))
        let all = try x.rowStableLinear(weight: weight, bias: bias)
        #expect(all.dtype == .bfloat16)
        let size = try exact.magnitude() + Double(inputs).squareRoot() * 1e-4
        let error = try (all.converted(to: .float64) - exact).magnitude() / size
        #expect(try error.maximum().item() <= 0.00391)  // half a unit in the last of 8 places, and a hair
        for rows in [1, 2, 7, 50] {
            let some = try x.narrowed(axis: 0, 0..<rows).rowStableLinear(weight: weight, bias: bias)
            #expect(try some.array(of: Float.self) == all.narrowed(axis: 0, 0..<rows).array(of: Float.self))
        }
    }

    @Test(
        "Activations are exact to a few units in the last place, far from 0 too",
        arguments: [Activation.geluTanh, .silu])
    func activations(activation: Activation) throws {
        let values = stride(from: -120, through: 120, by: 0.0625).map { Float($0) }
        let x = try Tensor(values, shape: [values.count, 1])
        let one = try Tensor([Float(1)], shape: [1, 1])
        let wide = try x.converted(to: .float64)
        let expected = try activation == .silu ? wide.silu() : wide.geluTanh()
        try LibTorch.withEachInstructionSet { set in
            let found = try x.rowStableLinear(weight: one, bias: nil, activation: activation).converted(to: .float64)
            let error = try ((found - expected).magnitude() / (expected.magnitude() + 1e-3)).maximum().item()
            #expect(error < 2e-6, "\(set)")
        }
    }

    @Test("Gradients pass through a frozen weight")
    func frozen() throws {
        let weight = try Tensor([Float(2), 3], shape: [1, 2])
        let x = try Tensor([Float(1), 1], shape: [1, 2])
        try x.setRequiresGradient()
        try x.rowStableLinear(weight: weight, bias: nil).sum().backward()
        #expect(try x.gradient?.array(of: Float.self) == [2, 3])
    }

    @Test("A row of the wrong width and a bias of the wrong length are errors that name the shapes")
    func mismatch() throws {
        let x = try Tensor.zeros([2, 3])
        let failure = #expect(throws: TorchError.self) {
            try x.rowStableLinear(weight: Tensor.zeros([4, 5]), bias: nil)
        }
        #expect(failure?.description.contains("[4, 5]") == true)
        #expect(throws: TorchError.self) {
            try x.rowStableLinear(weight: Tensor.zeros([4, 3]), bias: Tensor.zeros([3]))
        }
    }
}
