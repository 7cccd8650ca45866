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
    /// The keys around the query on a map.
    case neighborhood(Neighborhood)

    /// The `kernel × kernel` keys around the query on a map of `height × width`, moved inwards at the borders.
    public static func neighborhood(height: Int, width: Int, kernel: Int) -> AttentionRegion {
        .neighborhood(Neighborhood(height: height, width: width, kernel: kernel))
    }

    /// softmax(score(q, k)) v over the region.
    ///
    /// - Parameters:
    ///   - queries: `[B, H, T, D]`.
    ///   - keys: `[B, H, M, D]`.
    ///   - values: `[B, H, M, D]`.
    ///   - score: How queries and keys are compared.
    /// - Returns: `[B, H, T, D]`.
    /// - Throws: ``Torch/TorchError`` if shapes do not fit or memory runs out.
    public func attend(
        _ queries: Tensor, _ keys: Tensor, _ values: Tensor, comparing score: AttentionScore
    ) throws(TorchError) -> Tensor {
        if case .neighborhood(let neighborhood) = self, !neighborhood.isWholeMap, queries.hasNeighborhoodAttention {
            return try queries.neighborhoodAttention(
                keys: keys, values: values, height: neighborhood.height, width: neighborhood.width,
                kernel: neighborhood.kernel, weighing: score.productWeight())
        }
        let (queries, keys, scale) = try score.prepare(queries, keys)
        return try queries.attention(keys: keys, values: values, mask: mask(on: queries.device), scale: scale)
    }

    private func mask(on device: Device) throws(TorchError) -> Tensor? {
        switch self {
        case .all: nil
        case .masked(let mask): mask
        case .neighborhood(let neighborhood): try neighborhood.mask(on: device)
        }
    }
}

/// The windows of a map, with the mask that says the same where no operator knows windows.
public final class Neighborhood {
    let height: Int
    let width: Int
    let kernel: Int
    private var mask: Tensor?

    /// The windows of `kernel × kernel` on a map of `height × width`.
    init(height: Int, width: Int, kernel: Int) {
        self.height = height
        self.width = width
        self.kernel = kernel
    }

    /// Whether every query sees all keys.
    var isWholeMap: Bool { kernel >= height && kernel >= width }

    /// Bool `[T, T]`, made once; `nil` where every query sees all keys.
    func mask(on device: Device) throws(TorchError) -> Tensor? {
        if isWholeMap { return nil }
        if let mask, mask.device == device { return mask }
        let mask = try Tensor(
            NeighborhoodWindow.mask(height: height, width: width, kernel: kernel),
            shape: [height * width, height * width]
        ).moved(to: device)
        self.mask = mask
        return mask
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
    func prepare(
        _ queries: Tensor, _ keys: Tensor
    ) throws(TorchError) -> (queries: Tensor, keys: Tensor, scale: Double) {
        switch self {
        case .product(let scale): (queries, keys, scale)
        case .cosine(let logTemperature):
            (try queries.unit(axis: -1) * Self.temperature(logTemperature), try keys.unit(axis: -1), 1)
        }
    }

    /// The same for an operator that takes queries and keys as they are.
    fileprivate func productWeight() throws(TorchError) -> Tensor.ProductWeight {
        switch self {
        case .product(let scale): .scale(scale)
        case .cosine(let logTemperature):
            .cosine(temperatures: try Self.temperature(logTemperature).reshaped(-1))
        }
    }

    private static func temperature(_ logTemperature: Tensor) throws(TorchError) -> Tensor {
        try logTemperature.clamped(to: ...largestLogTemperature).exp()
    }
}
