import NeuralNetworks
import Torch

/// Multi-head self-attention.
///
/// With L2-norm, queries meet keys by cosine similarity, sharpened by a learned temperature per head, which is the whole
/// scale; without it the scale is 0.25 / √D.
struct AttentionBlock {
    private let heads: Int
    private let projection: Matrix  // [3C, C], rows ordered (q | k | v), each (head, channel)
    private let queryBias: Tensor  // [C]
    private let valueBias: Tensor  // [C]; keys have none, as in the public code
    private let score: AttentionScore
    private let output: Linear

    init(
        _ configuration: TransformerConfiguration, at path: ParameterPath, initial: InitialValues
    ) throws(TorchError) {
        let width = configuration.width
        heads = configuration.heads
        projection = try (path / "mat_qkv" / "weight").matrix(3 * width, width, initial: initial.weight)
        queryBias = try (path / "q_bias").tensor(width, initial: .zeros)
        valueBias = try (path / "v_bias").tensor(width, initial: .zeros)
        if configuration.normalizesQueriesAndKeys {
            score = .cosine(
                logTemperature: try (path / "scale_mul_1H11").tensor(
                    1, heads, 1, 1, initial: initial.logTemperature))
        } else {
            score = .product(scale: 0.25 / Double(width / heads).squareRoot())
        }
        output = try Linear(from: width, to: width, at: path / "proj", initial: initial.residualWeight)
    }

    /// - Parameters:
    ///   - tokens: `[B, T, C]`.
    ///   - region: What each token reads.
    ///   - extend: Adds the keys and values of coarser scales, if any are kept.
    /// - Returns: `[B, T, C]`, before the residual connection.
    /// - Throws: ``Torch/TorchError`` if shapes do not fit or memory runs out.
    func callAsFunction(
        _ tokens: Tensor, reading region: AttentionRegion,
        extending extend: (Tensor, Tensor) throws(TorchError) -> (keys: Tensor, values: Tensor)
    ) throws(TorchError) -> Tensor {
        let shape = tokens.shape
        let bias = try Tensor.concatenated([queryBias, queryBias.zerosLike(), valueBias])
        let parts = try tokens.rowStableLinear(weight: projection, bias: bias)
            .reshaped(shape[0], shape[1], 3, heads, shape[2] / heads)  // [B, T, 3, H, D]
            .permuted(2, 0, 3, 1, 4)  // [3, B, H, T, D]
            .unbound(axis: 0)
        let mixed: Tensor  // [B, H, T, D]
        if case .neighborhood = region {
            // No coarser scale is read, and an operator of windows compares queries and keys as they are.
            mixed = try region.attend(parts[0], parts[1], parts[2], comparing: score)
        } else {
            let (queries, ownKeys, scale) = try score.prepare(parts[0], parts[1])
            let (keys, values) = try extend(ownKeys, parts[2])
            mixed = try region.attend(queries, keys, values, comparing: .product(scale: scale))
        }
        return try output(mixed.transposed(1, 2).reshaped(shape))
    }
}
