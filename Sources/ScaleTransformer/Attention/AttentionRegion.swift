import TokenPyramid
public import Torch

/// Which keys a query reads: the one interface between the model and the operators of attention.
///
/// A faster operator takes the place of one of these cases without the model knowing.
public enum AttentionRegion {
    /// All keys that are given.
    case all
    /// The keys where the mask, bool `[T, M]`, is true.
    case masked(Tensor)
    /// The `kernel × kernel` keys around the query on a map of `height × width`, moved inwards at the borders.
    case neighborhood(height: Int, width: Int, kernel: Int)

    /// softmax(scale · q kᵀ) v over the region.
    ///
    /// - Parameters:
    ///   - queries: `[B, H, T, D]`.
    ///   - keys: `[B, H, M, D]`.
    ///   - values: `[B, H, M, D]`.
    ///   - scale: The factor of the products.
    /// - Returns: `[B, H, T, D]`.
    /// - Throws: ``Torch/TorchError`` if shapes do not fit or memory runs out.
    public func attend(
        _ queries: Tensor, _ keys: Tensor, _ values: Tensor, scale: Double
    ) throws(TorchError) -> Tensor {
        switch self {
        case .all:
            return try queries.attention(keys: keys, values: values, scale: scale)
        case .masked(let mask):
            return try queries.attention(keys: keys, values: values, mask: mask, scale: scale)
        case .neighborhood(let height, let width, let kernel):
            guard kernel < height || kernel < width else {
                return try queries.attention(keys: keys, values: values, scale: scale)
            }
            // Plain masked attention: the reference that a neighbourhood operator is to replace.
            let mask = try Tensor(
                NeighborhoodWindow.mask(height: height, width: width, kernel: kernel),
                shape: [height * width, height * width])
            return try queries.attention(
                keys: keys, values: values, mask: mask.moved(to: queries.device), scale: scale)
        }
    }
}

/// How queries and keys are compared.
public enum AttentionScore {
    /// scale · q · k.
    case product(scale: Double)
    /// exp(min(τ, ln 100)) · q̂ · k̂, with unit vectors and a learned τ per head: `[1, H, 1, 1]`.
    case cosine(logTemperature: Tensor)

    private static let largestLogTemperature = 4.605170185988092  // ln 100

    /// Queries and keys ready to be multiplied (`[B, H, T, D]`), and what is left of the scale.
    public func prepare(
        _ queries: Tensor, _ keys: Tensor
    ) throws(TorchError) -> (queries: Tensor, keys: Tensor, scale: Double) {
        switch self {
        case .product(let scale): return (queries, keys, scale)
        case .cosine(let logTemperature):
            let temperature = try logTemperature.clamped(to: ...Self.largestLogTemperature).exp()
            return (try queries.unit(axis: -1) * temperature, try keys.unit(axis: -1), 1)
        }
    }
}
