import NeuralNetworks
import TokenPyramid
import Torch

/// What the blocks start from: the class for the first token, the coarser scales' f̂ for all others, and where each
/// token stands.
struct TokenEmbedding {
    private let schedule: ScaleSchedule
    private let classEmbedding: Tensor  // [classes + 1, C]; the last row is the null class
    private let firstPosition: Tensor  // [1, s₁², C], s₁ being 1 in the published schedules
    private let positions: Tensor  // [1, L, C]
    private let levels: Tensor  // [S, C]
    private let levelOfToken: Tensor  // [L], int64
    private let word: Linear  // Z → C

    init(
        _ configuration: TransformerConfiguration, at path: ParameterPath, initial: InitialValue
    ) throws(TorchError) {
        let width = configuration.width
        schedule = configuration.schedule
        classEmbedding = try (path / "class_emb" / "weight").tensor(configuration.classes + 1, width, initial: initial)
        firstPosition = try (path / "pos_start").tensor(1, schedule.tokenCount(ofScale: 0), width, initial: initial)
        positions = try (path / "pos_1LC").tensor(1, schedule.tokenCount, width, initial: initial)
        levels = try (path / "lvl_embed" / "weight").tensor(schedule.count, width, initial: initial)
        let level = schedule.sides.indices.flatMap {
            Array(repeating: $0, count: configuration.schedule.tokenCount(ofScale: $0))
        }
        levelOfToken = try Tensor(level, shape: [level.count]).moved(to: levels.device)
        word = try Linear(from: configuration.latentChannels, to: width, at: path / "word_embed", initial: initial)
    }

    var device: Device { positions.device }

    /// The class vectors c, `[B, C]`. `labels`: `[B]`, int64.
    func classes(_ labels: Tensor) throws(TorchError) -> Tensor { try classEmbedding.embedding(labels) }

    /// The embedded tokens of neighbouring scales.
    ///
    /// - Parameters:
    ///   - scales: Which scales.
    ///   - classVectors: c, `[B, C]`.
    ///   - inputs: f̂ brought to the maps of these scales, `[B, n, Z]`; the first scale has none.
    /// - Returns: `[B, T, C]` over all tokens of `scales`.
    /// - Throws: ``Torch/TorchError`` if shapes do not fit or memory runs out.
    func callAsFunction(
        scales: Range<Int>, classVectors: Tensor, inputs: Tensor?
    ) throws(TorchError) -> Tensor {
        var parts: [Tensor] = []
        if scales.contains(0) { parts.append(try classVectors.unsqueezed(1) + firstPosition) }
        if let inputs, inputs.shape[1] > 0 { parts.append(try word(inputs.converted(to: positions.dtype))) }
        let content = parts.count == 1 ? parts[0] : try Tensor.concatenated(parts, axis: 1)
        let tokens = schedule.range(ofScales: scales)
        let place =
            try levels.rows(levelOfToken.narrowed(axis: 0, tokens)).unsqueezed(0)
            + positions.narrowed(axis: 1, tokens)  // [1, T, C]
        return try content + place
    }
}
