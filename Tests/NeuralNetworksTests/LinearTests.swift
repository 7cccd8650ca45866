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
        let all = try x.rowStableLinear(weight: Matrix(weight), bias: bias, activation: shape.activation)
            .array(of: Float.self)
        for threads in [1, 2] {
            try LibTorch.setThreadCount(threads)
            for rows in [1, 2, 3, 5, 7, 8, 9, 20, 31, 32, 50, 64, 100, 256] {
                let found = try x.narrowed(axis: 0, 0..<rows)
                    .rowStableLinear(weight: Matrix(weight), bias: bias, activation: shape.activation).array(
                        of: Float.self)
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
                let found = try x.rowStableLinear(weight: Matrix(weight), bias: bias)
                let error = try (found.converted(to: .float64) - expected).magnitude().maximum().item()
                #expect(error < 4e-6 * Double(inputs).squareRoot(), "\(inputs) inputs, \(set)")
            }
        }
    }

    /// How far the products of a precision may be from those with the same weights and exact numbers, by what is done to
    /// the rows of `x`.
    private func bound(_ precision: Precision, x: Tensor, weight: Tensor) throws -> Tensor {
        let inputs = Double(x.shape[1])
        let sizes = try x.magnitude().linear(weight: weight.magnitude(), bias: nil)
        let exact = try sizes * 4e-7 + 4e-6 * inputs.squareRoot()
        switch precision {
        case .float32, .float16: return exact
        case .bfloat16: return try exact + sizes * 0x1p-8
        case .int16, .int8:
            let largest = precision == .int16 ? 8191.0 : 127
            let step = try x.magnitude().maximum(axis: 1).unsqueezed(1) / largest
            return try exact + step * weight.magnitude().sum(axes: 1) * 0.5001
        }
    }

    @Test(
        "Every precision gives the product with its weights in every instruction set, up to the rounding of its rows",
        arguments: Precision.allCases, [(1, 1), (3, 5), (7, 17), (50, 64), (77, 66)])
    func precisions(precision: Precision, shape: (rows: Int, outputs: Int)) throws {
        let source = ParameterPath(FreshParameters(seed: 12))
        let normal = InitialValue.normal(standardDeviation: 1)
        for inputs in [1, 5, 33, 100, 1024, 1030, 2100] {
            let place = source / inputs
            let x = try (place / "x").tensor(shape.rows, inputs, initial: normal)
            let matrix = try Matrix(
                rounding: (place / "weight").tensor(shape.outputs, inputs, initial: normal), to: precision)
            let bias = try (place / "bias").tensor(shape.outputs, initial: normal)
            let (wide, weight) = (try x.converted(to: .float64), try matrix.widened().converted(to: .float64))
            let expected = try wide.linear(weight: weight, bias: bias.converted(to: .float64))
            let bound = try bound(precision, x: wide, weight: weight)
            try LibTorch.withEachInstructionSet { set in
                let found = try x.rowStableLinear(weight: matrix, bias: bias).converted(to: .float64)
                let worst = try ((found - expected).magnitude() / bound).maximum().item()
                #expect(worst <= 1, "\(inputs) inputs, \(set)")
            }
        }
    }

    @Test("AVX-512 gives the same bits in int16 with VNNI and without")
    func int16Bits() throws {
        let source = ParameterPath(FreshParameters(seed: 13))
        let normal = InitialValue.normal(standardDeviation: 1)
        for inputs in [1, 33, 1024, 2100] {
            let place = source / inputs
            // All numbers of the first rows are as large as can be: the sums of a whole step must not overflow.
            let x = try Tensor.concatenated([
                Tensor.zeros([1, inputs]) + 3, (place / "x").tensor(49, inputs, initial: normal),
            ])
            let weight = try Tensor.concatenated([
                Tensor.zeros([1, inputs]) - 2, (place / "weight").tensor(66, inputs, initial: normal),
            ])
            let matrix = try Matrix(rounding: weight, to: .int16)
            var results: [[Float]] = []
            try LibTorch.withEachInstructionSet { set in
                guard set.rawValue >= LibTorch.InstructionSet.avx512.rawValue else { return }
                results.append(try x.rowStableLinear(weight: matrix, bias: nil).array(of: Float.self))
            }
            for result in results {
                #expect(result == results[0], "\(inputs) inputs")
                #expect(abs(result[0] / Float(-6 * inputs) - 1) < 1e-6)
            }
        }
    }

    @Test(
        "Sums of the largest whole numbers do not overflow", arguments: [Precision.int16, .int8], [Float(1), -1])
    func largestSums(precision: Precision, sign: Float) throws {
        let inputs = 3000
        let matrix = try Matrix(rounding: Tensor.full([3, inputs], 1), to: precision)
        let x = try Tensor.full([70, inputs], Double(sign))
        try LibTorch.withEachInstructionSet { set in
            let found = try x.rowStableLinear(weight: matrix, bias: nil).array(of: Float.self)
            let areClose = found.allSatisfy { abs($0 / (sign * Float(inputs)) - 1) < 1e-5 }
            #expect(areClose, "\(found[0]), \(set)")
        }
    }

    @Test("In every precision a row's result depends on nothing beside it", arguments: Precision.allCases)
    func rowStable(precision: Precision) throws {
        let source = ParameterPath(FreshParameters(seed: 14))
        let normal = InitialValue.normal(standardDeviation: 1)
        let x = try (source / "x").tensor(120, 1100, initial: normal)
        let matrix = try Matrix(rounding: (source / "weight").tensor(70, 1100, initial: normal), to: precision)
        let before = LibTorch.threadCount
        defer { try? LibTorch.setThreadCount(before) }
        try LibTorch.withEachInstructionSet { set in
            try LibTorch.setThreadCount(2)
            let all = try x.rowStableLinear(weight: matrix, bias: nil).array(of: Float.self)
            for (threads, rows) in [(1, 120), (1, 1), (2, 1), (2, 2), (1, 7), (2, 49)] {
                try LibTorch.setThreadCount(threads)
                let some = try x.narrowed(axis: 0, 0..<rows).rowStableLinear(weight: matrix, bias: nil)
                    .array(of: Float.self)
                let isSame = some == Array(all[..<(rows * 70)])
                #expect(isSame, "\(rows) rows, \(threads) threads, \(set)")
            }
        }
    }

    @Test("Bytes of many rows and columns, whose panels serve several blocks of rows, are those of few")
    func panels() throws {
        let source = ParameterPath(FreshParameters(seed: 17))
        let normal = InitialValue.normal(standardDeviation: 1)
        let x = try (source / "x").tensor(200, 40, initial: normal)
        let matrix = try Matrix(rounding: (source / "weight").tensor(2100, 40, initial: normal), to: .int8)
        let before = LibTorch.threadCount
        defer { try? LibTorch.setThreadCount(before) }
        for threads in [1, 2] {
            try LibTorch.setThreadCount(threads)
            let all = try x.rowStableLinear(weight: matrix, bias: nil).array(of: Float.self)
            for row in [0, 47, 48, 150, 199] {
                let alone = try x.narrowed(axis: 0, row..<row + 1).rowStableLinear(weight: matrix, bias: nil)
                let isSame = try alone.array(of: Float.self) == Array(all[row * 2100..<(row + 1) * 2100])
                #expect(isSame, "row \(row), \(threads) threads")
            }
        }
    }

    @Test(
        "What is not a number stays none, in its row alone, and a row of zeros gives the bias",
        arguments: Precision.allCases)
    func oddRows(precision: Precision) throws {
        let source = ParameterPath(FreshParameters(seed: 16))
        let normal = InitialValue.normal(standardDeviation: 1)
        let matrix = try Matrix(rounding: (source / "weight").tensor(5, 40, initial: normal), to: precision)
        let bias = try (source / "bias").tensor(5, initial: normal)
        var rows = [[Float]](repeating: [Float](repeating: 0, count: 40), count: 4)
        rows[1][7] = .nan
        rows[3][39] = .infinity
        let x = try Tensor(rows.flatMap(\.self), shape: [4, 40])
        try LibTorch.withEachInstructionSet { set in
            let found = try x.rowStableLinear(weight: matrix, bias: bias).array(of: Float.self)
            let constant = try bias.array(of: Float.self)
            let areZerosBias = Array(found[..<5]) == constant && Array(found[10..<15]) == constant
            #expect(areZerosBias, "\(set)")
            let areNumbers = found[5..<10].contains(where: \.isFinite) || found[15...].contains(where: \.isFinite)
            #expect(!areNumbers, "\(set)")
        }
    }

    @Test("Whole numbers are off by at most half of a step, and need scales", arguments: [Precision.int16, .int8])
    func rounding(precision: Precision) throws {
        let weight = try ParameterPath(FreshParameters(seed: 18))
            .tensor(9, 37, initial: .normal(standardDeviation: 0.02))
        let matrix = try Matrix(rounding: weight, to: precision)
        let scales = try #require(matrix.scales)
        let error = try ((matrix.widened() - weight).magnitude() / scales.unsqueezed(1)).maximum().item()
        #expect(error <= 0.5001)
        let largest = try matrix.values.converted(to: .float32).magnitude().maximum().item()
        #expect(largest == (precision == .int16 ? 2047 : 127))
        #expect(throws: TorchError.self) {
            try Tensor.zeros([2, 37]).rowStableLinear(weight: Matrix(matrix.values), bias: nil)
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
            let found = try x.rowStableLinear(weight: Matrix(one), bias: nil, activation: activation).converted(
                to: .float64)
            let error = try ((found - expected).magnitude() / (expected.magnitude() + 1e-3)).maximum().item()
            #expect(error < 2e-6, "\(set)")
        }
    }

    @Test("Gradients pass through a frozen weight")
    func frozen() throws {
        let weight = try Tensor([Float(2), 3], shape: [1, 2])
        let x = try Tensor([Float(1), 1], shape: [1, 2])
        try x.setRequiresGradient()
        try x.rowStableLinear(weight: Matrix(weight), bias: nil).sum().backward()
        #expect(try x.gradient?.array(of: Float.self) == [2, 3])
    }

    @Test("A row of the wrong width and a bias of the wrong length are errors that name the shapes")
    func mismatch() throws {
        let x = try Tensor.zeros([2, 3])
        let failure = #expect(throws: TorchError.self) {
            try x.rowStableLinear(weight: Matrix(.zeros([4, 5])), bias: nil)
        }
        #expect(failure?.description.contains("[4, 5]") == true)
        #expect(throws: TorchError.self) {
            try x.rowStableLinear(weight: Matrix(.zeros([4, 3])), bias: Tensor.zeros([3]))
        }
        #expect(try x.rowStableLinear(weight: Matrix(.zeros([0, 3])), bias: nil).shape == [2, 0])
        #expect(try Tensor.zeros([0, 3]).rowStableLinear(weight: Matrix(.zeros([4, 3])), bias: nil).shape == [0, 4])
    }
}
