private let atenAdd = Operator("aten::add", "Tensor")
private let atenSub = Operator("aten::sub", "Tensor")
private let atenMul = Operator("aten::mul", "Tensor")
private let atenDiv = Operator("aten::div", "Tensor")
private let atenAddScalar = Operator("aten::add", "Scalar")
private let atenMulScalar = Operator("aten::mul", "Scalar")
private let atenDivScalar = Operator("aten::div", "Scalar")
private let atenAddInPlace = Operator("aten::add_", "Tensor")
private let atenMulInPlace = Operator("aten::mul_", "Tensor")
private let atenMulScalarInPlace = Operator("aten::mul_", "Scalar")
private let atenAddcmulInPlace = Operator("aten::addcmul_")
private let atenAddcdivInPlace = Operator("aten::addcdiv_")
private let atenNeg = Operator("aten::neg")
private let atenExp = Operator("aten::exp")
private let atenLog = Operator("aten::log")
private let atenSqrt = Operator("aten::sqrt")
private let atenAbs = Operator("aten::abs")
private let atenCos = Operator("aten::cos")
private let atenErfinv = Operator("aten::erfinv")
private let atenClamp = Operator("aten::clamp")
private let atenMaximum = Operator("aten::maximum")
private let atenMatmul = Operator("aten::matmul")
private let atenLessThan = Operator("aten::lt", "Tensor")
private let atenLessOrEqual = Operator("aten::le", "Tensor")
private let atenLessOrEqualScalar = Operator("aten::le", "Scalar")
private let atenEqual = Operator("aten::eq", "Tensor")
private let atenEqualScalar = Operator("aten::eq", "Scalar")
private let atenLogicalNot = Operator("aten::logical_not")
private let atenMaskedFill = Operator("aten::masked_fill", "Scalar")
private let atenWhere = Operator("aten::where", "self")
private let atenScatter = Operator("aten::scatter", "src")
private let atenIndexAdd = Operator("aten::index_add_")

// Element by element; shapes are broadcast by PyTorch's rules.
extension Tensor {
    /// The sum.
    public static func + (left: Tensor, right: Tensor) throws(TorchError) -> Tensor {
        try atenAdd(.tensor(left), .tensor(right))
    }

    /// The difference.
    public static func - (left: Tensor, right: Tensor) throws(TorchError) -> Tensor {
        try atenSub(.tensor(left), .tensor(right))
    }

    /// The product.
    public static func * (left: Tensor, right: Tensor) throws(TorchError) -> Tensor {
        try atenMul(.tensor(left), .tensor(right))
    }

    /// The quotient.
    public static func / (left: Tensor, right: Tensor) throws(TorchError) -> Tensor {
        try atenDiv(.tensor(left), .tensor(right))
    }

    /// The sum with a number.
    public static func + (left: Tensor, right: Double) throws(TorchError) -> Tensor {
        try atenAddScalar(.tensor(left), .number(right))
    }

    /// The difference from a number.
    public static func - (left: Tensor, right: Double) throws(TorchError) -> Tensor { try left + -right }

    /// The product with a number.
    public static func * (left: Tensor, right: Double) throws(TorchError) -> Tensor {
        try atenMulScalar(.tensor(left), .number(right))
    }

    /// The quotient by a number.
    public static func / (left: Tensor, right: Double) throws(TorchError) -> Tensor {
        try atenDivScalar(.tensor(left), .number(right))
    }

    /// The sum with `factor · other`.
    public func adding(_ other: Tensor, times factor: Double) throws(TorchError) -> Tensor {
        try atenAdd(.tensor(self), .tensor(other), .number(factor))
    }

    /// -x.
    public func negated() throws(TorchError) -> Tensor { try atenNeg(.tensor(self)) }
    /// eˣ.
    public func exp() throws(TorchError) -> Tensor { try atenExp(.tensor(self)) }
    /// The natural logarithm.
    public func log() throws(TorchError) -> Tensor { try atenLog(.tensor(self)) }
    /// The square root.
    public func squareRoot() throws(TorchError) -> Tensor { try atenSqrt(.tensor(self)) }
    /// |x|.
    public func magnitude() throws(TorchError) -> Tensor { try atenAbs(.tensor(self)) }
    /// The cosine of an angle in radians.
    public func cosine() throws(TorchError) -> Tensor { try atenCos(.tensor(self)) }
    /// The inverse of the error function.
    public func inverseErrorFunction() throws(TorchError) -> Tensor { try atenErfinv(.tensor(self)) }

    /// Each element, moved into the range.
    public func clamped(to range: ClosedRange<Double>) throws(TorchError) -> Tensor {
        try atenClamp(.tensor(self), .number(range.lowerBound), .number(range.upperBound))
    }

    /// Each element, held at or above a bound.
    public func clamped(to range: PartialRangeFrom<Double>) throws(TorchError) -> Tensor {
        try atenClamp(.tensor(self), .number(range.lowerBound), .none)
    }

    /// Each element, a whole number, held at or above a bound.
    public func clamped(to range: PartialRangeFrom<Int>) throws(TorchError) -> Tensor {
        try atenClamp(.tensor(self), .integer(range.lowerBound), .none)
    }

    /// Each element, held at or below a bound.
    public func clamped(to range: PartialRangeThrough<Double>) throws(TorchError) -> Tensor {
        try atenClamp(.tensor(self), .none, .number(range.upperBound))
    }

    /// The larger of two elements.
    public func maximum(_ other: Tensor) throws(TorchError) -> Tensor { try atenMaximum(.tensor(self), .tensor(other)) }

    /// The matrix product of the last two axes, the others broadcast.
    public func matrixProduct(_ other: Tensor) throws(TorchError) -> Tensor {
        try atenMatmul(.tensor(self), .tensor(other))
    }

    // MARK: Comparison and choice

    /// Where an element is smaller than the other; bool.
    public func isLess(than other: Tensor) throws(TorchError) -> Tensor {
        try atenLessThan(.tensor(self), .tensor(other))
    }

    /// Where an element is not larger than the other; bool.
    public func isAtMost(_ other: Tensor) throws(TorchError) -> Tensor {
        try atenLessOrEqual(.tensor(self), .tensor(other))
    }

    /// Where an element is not larger than a number; bool.
    public func isAtMost(_ bound: Double) throws(TorchError) -> Tensor {
        try atenLessOrEqualScalar(.tensor(self), .number(bound))
    }

    /// Where two elements are equal; bool.
    public func isEqual(to other: Tensor) throws(TorchError) -> Tensor {
        try atenEqual(.tensor(self), .tensor(other))
    }

    /// Where an element equals a number; bool.
    public func isEqual(to value: Double) throws(TorchError) -> Tensor {
        try atenEqualScalar(.tensor(self), .number(value))
    }

    /// Where a bool is false.
    public func inverted() throws(TorchError) -> Tensor { try atenLogicalNot(.tensor(self)) }

    /// A copy with `value` wherever `mask` (bool) is true.
    public func filled(_ value: Double, where mask: Tensor) throws(TorchError) -> Tensor {
        try atenMaskedFill(.tensor(self), .tensor(mask), .number(value))
    }

    /// This tensor's elements where `mask` (bool) is true, the other's elsewhere.
    public func chosen(where mask: Tensor, else other: Tensor) throws(TorchError) -> Tensor {
        try atenWhere(.tensor(mask), .tensor(self), .tensor(other))
    }

    /// A copy in which, along an axis, element `indices[i]` is `source[i]`.
    public func scattered(axis: Int, _ indices: Tensor, _ source: Tensor) throws(TorchError) -> Tensor {
        try atenScatter(.tensor(self), .integer(axis), .tensor(indices), .tensor(source))
    }

    // MARK: In place

    /// Adds another tensor to this tensor itself.
    public func add(_ other: Tensor) throws(TorchError) { _ = try atenAddInPlace(.tensor(self), .tensor(other)) }

    /// Adds `factor · other` to this tensor itself; both of floating point.
    public func add(_ other: Tensor, times factor: Double) throws(TorchError) {
        _ = try atenAddInPlace(.tensor(self), .tensor(other), .number(factor))
    }

    /// Multiplies this tensor itself by another.
    public func multiply(by other: Tensor) throws(TorchError) {
        _ = try atenMulInPlace(.tensor(self), .tensor(other))
    }

    /// Multiplies this tensor itself by a number.
    public func multiply(by factor: Double) throws(TorchError) {
        _ = try atenMulScalarInPlace(.tensor(self), .number(factor))
    }

    /// Adds `factor · first · second` to this tensor itself.
    public func addProduct(_ first: Tensor, _ second: Tensor, times factor: Double) throws(TorchError) {
        _ = try atenAddcmulInPlace(.tensor(self), .tensor(first), .tensor(second), .number(factor))
    }

    /// Adds `factor · numerator / denominator` to this tensor itself.
    public func addQuotient(_ numerator: Tensor, _ denominator: Tensor, times factor: Double) throws(TorchError) {
        _ = try atenAddcdivInPlace(.tensor(self), .tensor(numerator), .tensor(denominator), .number(factor))
    }

    /// Adds the rows of `source` to the rows of this tensor itself that `indices` (`[n]`, int64) names.
    public func addRows(_ indices: Tensor, _ source: Tensor) throws(TorchError) {
        _ = try atenIndexAdd(.tensor(self), 0, .tensor(indices.moved(to: device)), .tensor(source))
    }
}
