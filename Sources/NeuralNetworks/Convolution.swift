public import Torch

/// How convolutions without gradients are computed, in float32 on the CPU.
public enum ConvolutionAlgorithm: Hashable, Sendable {
    /// By LibTorch, as exact as float32 is.
    case direct
    /// 3 × 3 kernels by Winograd's algorithm, channels last in memory: several times faster.
    case fast(ConvolutionPrecision)
}

/// What the fast algorithm keeps weights of 3 × 3 kernels in, and multiplies.
public enum ConvolutionPrecision: Hashable, Sendable {
    /// Both as they are, with relative errors of 2e-6, and 1e-5 where the map is enlarged.
    case float32
    /// Weights in float16: in half the memory, with relative errors of 5e-4.
    case float16
    /// The same weights, and where the map is not enlarged factors rounded to bfloat16, if the processor multiplies such,
    /// with relative errors of 1e-2.
    case bfloat16

    /// At least as exact as blocks in a precision.
    public init(forBlocksIn precision: Precision) {
        switch precision {
        case .float32: self = .float32
        case .float16, .int16: self = .float16
        case .bfloat16, .int8: self = .bfloat16
        }
    }
}

/// A two-dimensional convolution with bias.
public struct Convolution2D {
    /// `[outputs, inputs, k, k]`.
    public let weight: Tensor
    /// `[outputs]`.
    public let bias: Tensor
    private let stride: Int
    private let padding: Int
    private let isEnlarging: Bool
    /// What the fast algorithm keeps, where there is one for this kernel.
    private let fast: FastConvolution?

    /// Reads `weight` and `bias` below `path`.
    ///
    /// - Parameters:
    ///   - inputs: Channels of the input.
    ///   - outputs: Channels of the output.
    ///   - kernel: The kernel's side.
    ///   - stride: The step of the kernel.
    ///   - padding: Zeros around the input.
    ///   - enlarging: Whether the input is enlarged by two before, by repeating pixels.
    ///   - algorithm: How it is computed where there are no gradients.
    ///   - initial: How fresh weights are drawn, around biases of 0; nil for PyTorch's default of both.
    ///   - path: Where the parameters are.
    /// - Throws: ``Torch/TorchError`` if memory runs out.
    public init(
        from inputs: Int, to outputs: Int, kernel: Int, stride: Int = 1, padding: Int, enlarging: Bool = false,
        by algorithm: ConvolutionAlgorithm = .direct, initial: InitialValue? = nil, at path: ParameterPath
    ) throws(TorchError) {
        let standard = InitialValue.uniform(bound: 1 / Double(inputs * kernel * kernel).squareRoot())
        weight = try (path / "weight").tensor(outputs, inputs, kernel, kernel, initial: initial ?? standard)
        bias = try (path / "bias").tensor(outputs, initial: initial == nil ? standard : .zeros)
        self.stride = stride
        self.padding = padding
        isEnlarging = enlarging
        if case .fast(let precision) = algorithm {
            fast = FastConvolution(stride: stride, padding: padding, kernel: kernel, precision: precision)
        } else {
            fast = nil
        }
    }

    /// `[B, inputs, h, w]` → `[B, outputs, h′, w′]`.
    public func callAsFunction(_ x: Tensor) throws(TorchError) -> Tensor { try self(FeatureMap(x)).tensor }

    /// `[B, inputs, h, w]` → `[B, outputs, h′, w′]`, with what may stand around it computed along with it.
    ///
    /// - Parameters:
    ///   - x: The map.
    ///   - norm: What it goes through before, with SiLU after it.
    ///   - total: A map that the result is added to. Its memory may be used for the sum: nobody may need it afterwards.
    /// - Returns: `[B, outputs, h′, w′]`.
    /// - Throws: ``Torch/TorchError`` if memory runs out.
    public func callAsFunction(
        _ x: FeatureMap, after norm: GroupNorm? = nil, addedTo total: FeatureMap? = nil
    ) throws(TorchError) -> FeatureMap {
        if let fast, x.tensor.hasFusedOperators(with: weight, bias), norm?.hasFactors(for: x.tensor) ?? true,
            !(total?.tensor.requiresGradient ?? false)
        {
            return try fast(x, weight: weight, bias: bias, enlarging: isEnlarging, after: norm, addedTo: total)
        }
        let prepared = try norm.map { norm throws(TorchError) in try norm(x.tensor, activation: .silu) } ?? x.tensor
        let shape = prepared.shape
        let map = isEnlarging ? try prepared.nearestResized(height: 2 * shape[2], width: 2 * shape[3]) : prepared
        let isReadInPixels = map.device != .cpu && map.isChannelsLast && !weight.requiresGradient
        let kernel = isReadInPixels ? try fast?.channelsLast(weight) ?? weight : weight
        let result = try map.batchStableConvolution(weight: kernel, bias: bias, stride: stride, padding: padding)
        return FeatureMap(try total.map { total throws(TorchError) in try total.tensor + result } ?? result)
    }
}

/// Convolutions by operators of our own, whose weights are arranged anew at the first use and must not change
/// afterwards: weights that are trained require gradients, and go the direct way.
private final class FastConvolution {
    private let isPointwise: Bool
    private let precision: ConvolutionPrecision
    private var arranged: Tensor?

    /// Nil where there is no faster way.
    init?(stride: Int, padding: Int, kernel: Int, precision: ConvolutionPrecision) {
        guard stride == 1, kernel == 1 && padding == 0 || kernel == 3 && padding == 1 else { return nil }
        isPointwise = kernel == 1
        self.precision = precision
    }

    func callAsFunction(
        _ x: FeatureMap, weight: Tensor, bias: Tensor, enlarging: Bool, after norm: GroupNorm?,
        addedTo total: FeatureMap?
    ) throws(TorchError) -> FeatureMap {
        let map = FeatureMap(try x.tensor.channelsLast(), statistics: x.statistics)
        guard isPointwise else {
            let preparation = try norm.map { norm throws(TorchError) in
                (factors: try norm.factors(of: map), activation: Activation.silu)
            }
            // Enlarging transforms lose several times as much.
            let roundsFactors = precision == .bfloat16 && !enlarging
            let result = try map.tensor.winogradConvolved(
                weight: arranged(weight), bias: bias, enlarging: enlarging, prepared: preparation,
                addedTo: total.map { total throws(TorchError) in try total.tensor.channelsLast() },
                products: roundsFactors ? .bfloat16 : .float32)
            return FeatureMap(result.map, statistics: result.statistics)
        }
        let prepared = try norm.map { norm throws(TorchError) in try norm(map.tensor, activation: .silu) } ?? map.tensor
        let shape = prepared.shape
        let pixels = enlarging ? try prepared.nearestResized(height: 2 * shape[2], width: 2 * shape[3]) : prepared
        let matrix = try weight.reshaped(weight.shape[0], weight.shape[1])
        let result = try pixels.permuted(0, 2, 3, 1).fusedLinear(weight: matrix, bias: bias, activation: .identity)
            .permuted(0, 3, 1, 2)
        return FeatureMap(try total.map { total throws(TorchError) in try total.tensor + result } ?? result)
    }

    /// The weights for LibTorch's convolution of maps with channels last, which would arrange them anew each time.
    func channelsLast(_ weight: Tensor) throws(TorchError) -> Tensor {
        if let arranged { return arranged }
        let result = try weight.channelsLast()
        arranged = result
        return result
    }

    private func arranged(_ weight: Tensor) throws(TorchError) -> Tensor {
        if let arranged { return arranged }
        let result = try weight.winogradWeight(halves: precision != .float32)
        weight.discardMemory()
        arranged = result
        return result
    }
}

extension Tensor {
    /// A convolution, with every picture rounded the same whatever pictures stand beside it, and on any number of
    /// threads.
    ///
    /// On the CPU LibTorch has two algorithms, with different roundings. It takes the plain one for a single picture of
    /// at most 20,480 elements, and for kernels of 1 × 1 without a dilation on one thread
    /// (pytorch@v2.11.0:aten/src/ATen/native/Convolution.cpp, `use_mkldnn`). So that it always takes the other one, such a
    /// picture is computed twice, and 1 × 1 kernels are given a dilation, which changes nothing about them.
    package func batchStableConvolution(
        weight: Tensor, bias: Tensor?, stride: Int, padding: Int
    ) throws(TorchError) -> Tensor {
        let largestPlain = 20_480
        let dilation = device == .cpu && weight.shape[2] == 1 ? 2 : 1
        // The order of the elements in memory decides between algorithms too, and is not the same for one picture as for
        // several where an operator may choose it.
        let ordered = device == .cpu ? try contiguous() : self
        let isDoubled = device == .cpu && shape[0] == 1 && count <= largestPlain && !weight.requiresGradient
        let pictures = isDoubled ? try Tensor.concatenated([ordered, ordered]) : ordered
        let result = try pictures.convolved(
            weight: weight, bias: bias, stride: stride, padding: padding, dilation: dilation)
        return isDoubled ? try result.narrowed(axis: 0, 0..<1) : result
    }
}
