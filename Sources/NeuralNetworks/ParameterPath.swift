public import Torch

/// Where the parameters of a model come from: a checkpoint, or fresh random values.
///
/// A layer's initializer states name, shape and initial value of each parameter once; the source decides.
public protocol ParameterSource: AnyObject {
    /// The parameter of that name.
    ///
    /// - Parameters:
    ///   - name: The dotted name, as in PyTorch's state dict.
    ///   - shape: The shape that the layer needs.
    ///   - initial: How a fresh value is drawn.
    /// - Returns: A tensor of exactly that shape.
    /// - Throws: ``Torch/TorchError`` if memory runs out.
    func parameter(_ name: String, shape: [Int], initial: InitialValue) throws(TorchError) -> Tensor

    /// The weight of a linear layer of that name, in the precision in which it is multiplied.
    ///
    /// - Parameters:
    ///   - name: The dotted name, as in PyTorch's state dict.
    ///   - shape: `[outputs, inputs]`.
    ///   - initial: How a fresh value is drawn.
    /// - Returns: A matrix of exactly that shape.
    /// - Throws: ``Torch/TorchError`` if memory runs out.
    func matrix(_ name: String, shape: [Int], initial: InitialValue) throws(TorchError) -> Matrix
}

extension ParameterSource {
    /// The parameter of that name as it is.
    public func matrix(_ name: String, shape: [Int], initial: InitialValue) throws(TorchError) -> Matrix {
        Matrix(try parameter(name, shape: shape, initial: initial))
    }
}

/// How a fresh parameter is drawn.
public indirect enum InitialValue: Hashable, Sendable {
    case constant(Double)
    /// Normal around 0, cut at ±2 (not at ± 2 standard deviations), as PyTorch's `trunc_normal_`.
    case truncatedNormal(standardDeviation: Double)
    case normal(standardDeviation: Double)
    /// Between -bound and bound.
    case uniform(bound: Double)

    /// Parts that are drawn differently, one after another in row-major order.
    case consecutive([Part])

    /// Some elements of a parameter, and how they are drawn.
    public struct Part: Hashable, Sendable {
        /// How many elements.
        public let count: Int
        /// How they are drawn.
        public let value: InitialValue

        /// `count` elements of `value`.
        public init(count: Int, value: InitialValue) {
            self.count = count
            self.value = value
        }
    }

    /// 0 everywhere.
    public static let zeros = InitialValue.constant(0)
    /// 1 everywhere.
    public static let ones = InitialValue.constant(1)
}

/// A place in the tree of parameters, passed down the initializers of layers.
public struct ParameterPath {
    private let source: any ParameterSource
    /// The dotted name of this place; empty at the root.
    public let name: String

    /// The root of a tree.
    public init(_ source: any ParameterSource) { self.init(source, name: "") }

    private init(_ source: any ParameterSource, name: String) {
        self.source = source
        self.name = name
    }

    /// The place below this one.
    public static func / (path: ParameterPath, component: String) -> ParameterPath {
        ParameterPath(path.source, name: path.name.isEmpty ? component : path.name + "." + component)
    }

    /// The place of an indexed part.
    public static func / (path: ParameterPath, index: Int) -> ParameterPath { path / String(index) }

    /// The parameter that stands here.
    public func tensor(_ shape: Int..., initial: InitialValue) throws(TorchError) -> Tensor {
        try source.parameter(name, shape: shape, initial: initial)
    }

    /// The weight of a linear layer that stands here: `[outputs, inputs]`.
    public func matrix(_ outputs: Int, _ inputs: Int, initial: InitialValue) throws(TorchError) -> Matrix {
        try source.matrix(name, shape: [outputs, inputs], initial: initial)
    }
}
