public import Checkpoints
public import NeuralNetworks
public import TokenPyramid
public import Torch

/// Where a model comes from, and what the caller says of it where its files say nothing.
///
/// What is given here wins; then come a golden file's configuration, the `config.json` in or beside the model, and the
/// published shapes.
public struct ModelSource: Hashable, Sendable {
    /// The transformer: a `.pth`, a `.safetensors`, or a folder.
    public var model: String?
    /// The tokenizer; `nil` looks for it in and beside the model.
    public var tokenizer: String?
    /// The token maps.
    public var schedule: ScaleSchedule?
    /// The number of heads; read off the tensors where the model has L2-norm.
    public var heads: Int?
    /// The first scale, from 0, with windows.
    public var firstSpatialScale: Int?
    /// K of `spatial-K`.
    public var window: Int?
    /// Which tokens see which.
    public var pattern: AttentionPattern?
    /// A configuration that wins over files beside the model, from a golden file.
    public var description: ModelDescription?
    /// What the weights of the blocks are kept and multiplied in.
    public var precision: Precision = .float32
    /// How the tokenizer's convolutions are computed on the CPU; nil for the fast way that suits each of them.
    public var convolutions: ConvolutionAlgorithm?
    /// Where they compute.
    public var device: Device = .cpu

    /// How the decoder's convolutions are computed: at least as exactly as the blocks.
    var decoding: ConvolutionAlgorithm { convolutions ?? .fast(ConvolutionPrecision(forBlocksIn: precision)) }

    /// How the encoder's are: tokens never depend on the precision.
    var encoding: ConvolutionAlgorithm { convolutions ?? .fast(.float32) }

    /// A source; everything but the paths can be set afterwards.
    public init(model: String? = nil, tokenizer: String? = nil) {
        self.model = model
        self.tokenizer = tokenizer
    }
}

/// Why a model could not be put together from files that could be read.
public enum ModelError: Error, Hashable, Sendable, CustomStringConvertible {
    case noTokenizer(model: String, looked: [String])
    case noDefaultModel(near: String)
    case unknownSchedule(file: String, tokens: Int, scales: Int?)
    case contradictorySchedule(file: String, schedule: [Int], tokens: Int?, scales: Int?)
    case unknownHeads(file: String)
    case impossible(file: String, what: String, value: String, need: String)
    case mismatch(what: String, model: String, tokenizer: String)
    case unusedWindow(Int, pattern: AttentionPattern)

    /// What is wrong and what to do, on one line.
    public var description: String {
        switch self {
        case .noTokenizer(let model, let looked):
            "No tokenizer for '\(model)': looked for \(looked.joined(separator: ", ")). Name it with --tokenizer."
        case .noDefaultModel(let folder):
            "No model is named, and the default one is not there: mvar looks for models/default in '\(folder)', where the "
                + "program is, and in the folders above. Name a model with --model."
        case .unknownSchedule(let file, let tokens, let scales):
            "'\(file)' does not say the side lengths of its maps (\(tokens) tokens"
                + (scales.map { " in \($0) scales" } ?? "")
                + "). Give them with --schedule, as in 1,2,3,4,5,6,8,10,13,16."
        case .contradictorySchedule(let file, let schedule, let tokens, let scales):
            "The schedule \(schedule.map(String.init).joined(separator: ",")) has "
                + "\(schedule.reduce(0) { $0 + $1 * $1 }) tokens in \(schedule.count) scales, but '\(file)' was made for "
                + [tokens.map { "\($0) tokens" }, scales.map { "\($0) scales" }].compactMap(\.self).joined(
                    separator: " in ")
                + ". Correct --schedule."
        case .unknownHeads(let file):
            "'\(file)' has no L2-norm, so its tensors do not tell the number of heads. Give it with --heads."
        case .impossible(let file, let what, let value, let need):
            "The \(what) of '\(file)' is \(value), but it must be \(need)."
        case .unusedWindow(let window, let pattern):
            "--window \(window) would have no effect: the attention is \(pattern). Use --attention spatial-\(window)."
        case .mismatch(let what, let model, let tokenizer):
            "Model and tokenizer do not belong together: \(what) is \(model) in the model, \(tokenizer) in the "
                + "tokenizer. Name the tokenizer that the model was trained with by --tokenizer."
        }
    }
}
