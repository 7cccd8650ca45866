private let atenForeachNorm = Operator("aten::_foreach_norm", "Scalar")
private let atenForeachMulInPlace = Operator("aten::_foreach_mul_", "Scalar")

// What is done to many tensors at once, which takes a GPU a few kernels instead of one for each.
extension [Tensor] {
    /// ``Tensor/norm()`` of each.
    public func norms() throws(TorchError) -> [Tensor] {
        isEmpty ? [] : try atenForeachNorm.results(.tensors(self))
    }

    /// ``Tensor/multiply(by:)-(Double)`` for each.
    public func multiply(by factor: Double) throws(TorchError) {
        if !isEmpty { try atenForeachMulInPlace.act(.tensors(self), .number(factor)) }
    }
}
