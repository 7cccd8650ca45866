import NeuralNetworks
import Testing
import Torch

@Suite("Convolutions") struct ConvolutionTests {
    @Test(
        "A picture's result depends neither on the batch nor on the number of threads",
        arguments: [(kernel: 3, channels: 8, side: 16), (3, 64, 32), (1, 32, 16), (1, 64, 32)])
    func stable(kernel: Int, channels: Int, side: Int) throws {
        let source = FreshParameters(seed: 7)
        let normal = InitialValue.normal(standardDeviation: 1)
        let layer = try Convolution2D(
            from: channels, to: 24, kernel: kernel, padding: kernel / 2, at: ParameterPath(source) / "x")
        let x = try (ParameterPath(source) / "in").tensor(4, channels, side, side, initial: normal)
        let before = LibTorch.threadCount
        defer { try? LibTorch.setThreadCount(before) }
        let all = try layer(x)
        for threads in [1, 2] {
            try LibTorch.setThreadCount(threads)
            for batch in 1...4 {
                let found = try layer(x.narrowed(axis: 0, 0..<batch)).array(of: Float.self)
                #expect(try found == all.narrowed(axis: 0, 0..<batch).array(of: Float.self), "\(threads), \(batch)")
            }
        }
    }

    @Test("The order of the elements in memory does not matter")
    func layout() throws {
        let source = FreshParameters(seed: 9)
        let normal = InitialValue.normal(standardDeviation: 1)
        let layer = try Convolution2D(from: 32, to: 32, kernel: 3, padding: 1, at: ParameterPath(source) / "x")
        let channelsLast = try (ParameterPath(source) / "in").tensor(3, 16, 16, 32, initial: normal)
            .permuted(0, 3, 1, 2)
        let expected = try layer(channelsLast.contiguous()).array(of: Float.self)
        #expect(try layer(channelsLast).array(of: Float.self) == expected)
    }

    @Test("A convolution of 1 × 1 is a product with every pixel")
    func pointwise() throws {
        let source = FreshParameters(seed: 8)
        let normal = InitialValue.normal(standardDeviation: 1)
        let layer = try Convolution2D(from: 5, to: 3, kernel: 1, padding: 0, at: ParameterPath(source) / "x")
        let x = try (ParameterPath(source) / "in").tensor(1, 5, 4, 4, initial: normal)
        let product = try layer.weight.reshaped(3, 5).matrixProduct(x.reshaped(5, 16)) + layer.bias.unsqueezed(1)
        #expect(try (layer(x).reshaped(3, 16) - product).magnitude().maximum().item() < 1e-5)
    }
}
