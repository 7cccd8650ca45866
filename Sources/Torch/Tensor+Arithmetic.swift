private let aten_add = Operator("aten::add", "Tensor")
private let aten_sub = Operator("aten::sub", "Tensor")
private let aten_mul = Operator("aten::mul", "Tensor")
private let aten_div = Operator("aten::div", "Tensor")
private let aten_addScalar = Operator("aten::add", "Scalar")
private let aten_mulScalar = Operator("aten::mul", "Scalar")
private let aten_divScalar = Operator("aten::div", "Scalar")
private let aten_addInPlace = Operator("aten::add_", "Tensor")
private let aten_mulInPlace = Operator("aten::mul_", "Tensor")
private let aten_mulScalarInPlace = Operator("aten::mul_", "Scalar")
private let aten_addcmulInPlace = Operator("aten::addcmul_")
private let aten_addcdivInPlace = Operator("aten::addcdiv_")
private let aten_neg = Operator("aten::neg")
private let aten_exp = Operator("aten::exp")
private let aten_log = Operator("aten::log")
private let aten_sqrt = Operator("aten::sqrt")
private let aten_abs = Operator("aten::abs")
private let aten_cos = Operator("aten::cos")
private let aten_erfinv = Operator("aten::erfinv")
private let aten_clamp = Operator("aten::clamp")
private let aten_minimum = Operator("aten::minimum")
private let aten_maximum = Operator("aten::maximum")
private let aten_floor = Operator("aten::floor")
private let aten_matmul = Operator("aten::matmul")
private let aten_lessThan = Operator("aten::lt", "Tensor")
private let aten_lessOrEqual = Operator("aten::le", "Tensor")
private let aten_lessOrEqualScalar = Operator("aten::le", "Scalar")
private let aten_equal = Operator("aten::eq", "Tensor")
private let aten_equalScalar = Operator("aten::eq", "Scalar")
private let aten_logicalNot = Operator("aten::logical_not")
private let aten_maskedFill = Operator("aten::masked_fill", "Scalar")
private let aten_where = Operator("aten::where", "self")
private let aten_scatter = Operator("aten::scatter", "src")
private let aten_indexAdd = Operator("aten::index_add_")

// Element by element; shapes are broadcast by PyTorch's rules.
extension Tensor {
    /// The sum.
    public static func + (left: Tensor, right: Tensor) throws(TorchError) -> Tensor {
        try aten_add(.tensor(left), .tensor(right))
    }

    /// The difference.
    public static func - (left: Tensor, right: Tensor) throws(TorchError) -> Tensor {
        try aten_sub(.tensor(left), .tensor(right))
    }

    /// The product.
    public static func * (left: Tensor, right: Tensor) throws(TorchError) -> Tensor {
        try aten_mul(.tensor(left), .tensor(right))
    }

    /// The quotient.
    public static func / (left: Tensor, right: Tensor) throws(TorchError) -> Tensor {
        try aten_div(.tensor(left), .tensor(right))
    }

    /// The sum with a number.
    public static func + (left: Tensor, right: Double) throws(TorchError) -> Tensor {
        try aten_addScalar(.tensor(left), .number(right))
    }

    /// The difference from a number.
    public static func - (left: Tensor, right: Double) throws(TorchError) -> Tensor { try left + -right }

    /// The product with a number.
    public static func * (left: Tensor, right: Double) throws(TorchError) -> Tensor {
        try aten_mulScalar(.tensor(left), .number(right))
    }

    /// The quotient by a number.
    public static func / (left: Tensor, right: Double) throws(TorchError) -> Tensor {
        try aten_divScalar(.tensor(left), .number(right))
    }

    /// The sum with `factor · other`.
    public func adding(_ other: Tensor, times factor: Double) throws(TorchError) -> Tensor {
        try aten_add(.tensor(self), .tensor(other), .number(factor))
    }

    /// -x.
    public func negated() throws(TorchError) -> Tensor { try aten_neg(.tensor(self)) }
    /// eˣ.
    public func exp() throws(TorchError) -> Tensor { try aten_exp(.tensor(self)) }
    /// The natural logarithm.
    public func log() throws(TorchError) -> Tensor { try aten_log(.tensor(self)) }
    /// The square root.
    public func squareRoot() throws(TorchError) -> Tensor { try aten_sqrt(.tensor(self)) }
    /// |x|.
    public func magnitude() throws(TorchError) -> Tensor { try aten_abs(.tensor(self)) }
    /// The cosine of an angle in radians.
    public func cosine() throws(TorchError) -> Tensor { try aten_cos(.tensor(self)) }
    /// The inverse of the error function.
    public func inverseErrorFunction() throws(TorchError) -> Tensor { try aten_erfinv(.tensor(self)) }
    /// The largest whole number that is not larger.
    public func floor() throws(TorchError) -> Tensor { try aten_floor(.tensor(self)) }

    /// Each element, moved into the range.
    public func clamped(to range: ClosedRange<Double>) throws(TorchError) -> Tensor {
        try aten_clamp(.tensor(self), .number(range.lowerBound), .number(range.upperBound))
    }

    /// Each element, held at or above a bound.
    public func clamped(to range: PartialRangeFrom<Double>) throws(TorchError) -> Tensor {
        try aten_clamp(.tensor(self), .number(range.lowerBound), .none)
    }

    /// Each element, held at or below a bound.
    public func clamped(to range: PartialRangeThrough<Double>) throws(TorchError) -> Tensor {
        try aten_clamp(.tensor(self), .none, .number(range.upperBound))
    }

    /// The smaller of two elements.
    public func minimum(_ other: Tensor) throws(TorchError) -> Tensor { try aten_minimum(.tensor(self), .tensor(other)) }
    /// The larger of two elements.
    public func maximum(_ other: Tensor) throws(TorchError) -> Tensor { try aten_maximum(.tensor(self), .tensor(other)) }

    /// The matrix product of the last two axes, the others broadcast.
    public func matrixProduct(_ other: Tensor) throws(TorchError) -> Tensor {
        try aten_matmul(.tensor(self), .tensor(other))
    }

    // MARK: Comparison and choice

    /// Where an element is smaller than the other; bool.
    public func isLess(than other: Tensor) throws(TorchError) -> Tensor {
        try aten_lessThan(.tensor(self), .tensor(other))
    }

    /// Where an element is not larger than the other; bool.
    public func isAtMost(_ other: Tensor) throws(TorchError) -> Tensor {
        try aten_lessOrEqual(.tensor(self), .tensor(other))
    }

    /// Where an element is not larger than a number; bool.
    public func isAtMost(_ bound: Double) throws(TorchError) -> Tensor {
        try aten_lessOrEqualScalar(.tensor(self), .number(bound))
    }

    /// Where two elements are equal; bool.
    public func isEqual(to other: Tensor) throws(TorchError) -> Tensor {
        try aten_equal(.tensor(self), .tensor(other))
    }

    /// Where an element equals a number; bool.
    public func isEqual(to value: Double) throws(TorchError) -> Tensor {
        try aten_equalScalar(.tensor(self), .number(value))
    }

    /// Where a bool is false.
    public func inverted() throws(TorchError) -> Tensor { try aten_logicalNot(.tensor(self)) }

    /// A copy with `value` wherever `mask` (bool) is true.
    public func filled(_ value: Double, where mask: Tensor) throws(TorchError) -> Tensor {
        try aten_maskedFill(.tensor(self), .tensor(mask), .number(value))
    }

    /// This tensor's elements where `mask` (bool) is true, the other's elsewhere.
    public func chosen(where mask: Tensor, else other: Tensor) throws(TorchError) -> Tensor {
        try aten_where(.tensor(mask), .tensor(self), .tensor(other))
    }

    /// A copy in which, along an axis, element `indices[i]` is `source[i]`.
    public func scattered(axis: Int, _ indices: Tensor, _ source: Tensor) throws(TorchError) -> Tensor {
        try aten_scatter(.tensor(self), .integer(axis), .tensor(indices), .tensor(source))
    }

    // MARK: In place

    /// Adds `factor · other` to this tensor itself.
    public func add(_ other: Tensor, times factor: Double = 1) throws(TorchError) {
        _ = try aten_addInPlace(.tensor(self), .tensor(other), .number(factor))
    }

    /// Multiplies this tensor itself by another.
    public func multiply(by other: Tensor) throws(TorchError) {
        _ = try aten_mulInPlace(.tensor(self), .tensor(other))
    }

    /// Multiplies this tensor itself by a number.
    public func multiply(by factor: Double) throws(TorchError) {
        _ = try aten_mulScalarInPlace(.tensor(self), .number(factor))
    }

    /// Adds `factor · first · second` to this tensor itself.
    public func addProduct(_ first: Tensor, _ second: Tensor, times factor: Double) throws(TorchError) {
        _ = try aten_addcmulInPlace(.tensor(self), .tensor(first), .tensor(second), .number(factor))
    }

    /// Adds `factor · numerator / denominator` to this tensor itself.
    public func addQuotient(_ numerator: Tensor, _ denominator: Tensor, times factor: Double) throws(TorchError) {
        _ = try aten_addcdivInPlace(.tensor(self), .tensor(numerator), .tensor(denominator), .number(factor))
    }

    /// Adds the rows of `source` to the rows of this tensor itself that `indices` (`[n]`, int64) names.
    public func addRows(_ indices: Tensor, _ source: Tensor) throws(TorchError) {
        _ = try aten_indexAdd(.tensor(self), 0, .tensor(indices), .tensor(source))
    }
}
