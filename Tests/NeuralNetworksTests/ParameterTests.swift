import Testing
import Torch

@testable import NeuralNetworks

@Suite("Parameters from a checkpoint") struct LoadedParameterTests {
    private func source(_ tensors: [String: [Int]], ignoring ignored: Set<String> = []) throws -> LoadedParameters {
        LoadedParameters(
            try tensors.mapValues { try Tensor.zeros($0, dtype: .float16) }, origin: "test.pth",
            ignoring: ignored.contains)
    }

    @Test("A path is the dotted name of PyTorch's state dict")
    func names() throws {
        let root = ParameterPath(try source([:]))
        #expect((root / "blocks" / 3 / "attn" / "proj").name == "blocks.3.attn.proj")
    }

    @Test("A layer reads its weight and bias, converted to float32")
    func reading() throws {
        let parameters = try source(["head.weight": [4, 3], "head.bias": [4]])
        let layer = try Linear(from: 3, to: 4, at: ParameterPath(parameters) / "head", initial: .zeros)
        try parameters.finish()
        #expect(layer.weight.values.dtype == .float32)
        #expect(try layer(Tensor.zeros([2, 5, 3])).shape == [2, 5, 4])
    }

    @Test("One error lists every missing, unexpected and misshapen name")
    func accounting() throws {
        let parameters = try source(
            ["a.weight": [4, 2], "b.bias": [7], "extra": [1], "dropped": [1]], ignoring: ["dropped"])
        let root = ParameterPath(parameters)
        _ = try Linear(from: 3, to: 4, at: root / "a", initial: .zeros)
        _ = try Linear(from: 3, to: 7, at: root / "b", initial: .zeros)
        let error = try #require(throws: ParameterError.self) { try parameters.finish() }
        #expect(error.missing == ["a.bias", "b.weight"])
        #expect(error.unexpected == ["extra"])
        #expect(error.misshapen == [.init(name: "a.weight", expected: [4, 3], found: [4, 2])])
        for fact in ["test.pth", "a.bias", "b.weight", "extra", "a.weight is [4, 2], needs [4, 3]"] {
            #expect(error.description.contains(fact))
        }
        #expect(!error.description.contains("\n"))
    }
}

@Suite("Fresh parameters") struct FreshParameterTests {
    @Test("Fresh values have the deviation that was asked for, and another seed gives others")
    func distribution() throws {
        let path = ParameterPath(FreshParameters(seed: 1)) / "w"
        let values = try path.tensor(100, 100, initial: .truncatedNormal(standardDeviation: 0.02)).array(of: Float.self)
        let mean = values.reduce(0, +) / 10_000
        let deviation = (values.reduce(0) { $0 + $1 * $1 } / 10_000).squareRoot()
        #expect(abs(mean) < 0.001)
        #expect(abs(deviation - 0.02) < 0.001)
        let other = ParameterPath(FreshParameters(seed: 2)) / "w"
        #expect(
            try other.tensor(100, 100, initial: .truncatedNormal(standardDeviation: 0.02)).array(of: Float.self)
                != values)
    }

    @Test("The truncated normal is cut at 2, and a uniform value stays in its bound")
    func bounds() throws {
        let path = ParameterPath(FreshParameters(seed: 3)) / "w"
        let normal = try path.tensor(10_000, initial: .truncatedNormal(standardDeviation: 3)).array(of: Float.self)
        #expect(normal.map(abs).max() == 2)
        let uniform = try path.tensor(10_000, initial: .uniform(bound: 0.5)).array(of: Float.self)
        #expect(uniform.allSatisfy { abs($0) <= 0.5 })
        #expect(uniform.contains { $0 < -0.4 } && uniform.contains { $0 > 0.4 })
    }

    @Test("Parts of a parameter are drawn one after another")
    func parts() throws {
        let path = ParameterPath(FreshParameters(seed: 4)) / "w"
        let initial = InitialValue.consecutive([.init(count: 2, value: .ones), .init(count: 4, value: .constant(3))])
        #expect(try path.tensor(3, 2, initial: initial).array(of: Float.self) == [1, 1, 3, 3, 3, 3])
    }

    @Test("A source remembers names in the order of the layers")
    func order() throws {
        let source = FreshParameters(seed: 5)
        _ = try Linear(from: 2, to: 3, at: ParameterPath(source) / "x", initial: .zeros)
        #expect(source.parameters.map(\.name) == ["x.weight", "x.bias"])
    }
}
