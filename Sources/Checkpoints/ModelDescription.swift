import Foundation

/// What a `config.json` says of a model: the keys of the parity fixtures, and ours. Everything may be absent.
///
/// Values are read as they stand. Whether they make sense, and agree with the tensors, is checked where a configuration
/// is made of them.
public struct ModelDescription: Codable, Hashable, Sendable {
    /// What the model is called.
    public var name: String?
    /// The form of the checkpoint that it came from: `var`, `mvar`, `mvar-trainer`, …
    public var checkpointForm: String?

    // Of the transformer.

    /// The number of blocks.
    public var depth: Int?
    /// Channels of a token.
    public var width: Int?
    /// Attention heads.
    public var heads: Int?
    /// Width of the feed-forward network over the width.
    public var mlpRatio: Double?
    /// Classes, without the null class.
    public var classes: Int?
    /// Whether all blocks share one projection of the class vector.
    public var sharesAdaLN: Bool?
    /// Whether queries and keys are L2-normalised.
    public var normalizesQueriesAndKeys: Bool?
    /// Epsilon of the layer norms.
    public var normEpsilon: Double?
    /// The side lengths of the scales, ascending.
    public var schedule: [Int]?
    /// K of the pattern `spatial-K`.
    public var kernelSize: Int?
    /// The first spatial scale, counted from 0.
    public var refineStep: Int?
    /// The attention pattern: `full`, `window-N`, `scale` or `spatial-K`.
    public var attention: String?

    // Of the tokenizer.

    /// Channels of a latent.
    public var latentChannels: Int?
    /// Channels of the first level.
    public var channels: Int?
    /// Channels of every level over ``channels``.
    public var channelMultipliers: [Int]?
    /// Residual blocks of an encoder's level.
    public var residualBlocks: Int?
    /// The number of codes.
    public var vocabularySize: Int?
    /// How scales share the convolutions φ: 0, 1, or how many there are.
    public var phiSharing: Int?
    /// The share q of the convolution in φ.
    public var phiRatio: Double?
    /// The side of the kernels of `quant_conv` and `post_quant_conv`.
    public var quantConvolutionKernel: Int?
    /// Whether codes are found by cosine and not by distance.
    public var usesCosineCodes: Bool?
    /// Groups of the group norms.
    public var groupNormGroups: Int?
    /// Epsilon of the group norms.
    public var groupNormEpsilon: Double?

    // Of the pictures.

    /// The side of a picture in pixels.
    public var imageSize: Int?
    /// The name of every class, in the order of their indices.
    public var classNames: [String]?
    /// The identifier of every class (such as a WordNet one), in the same order.
    public var classIDs: [String]?

    // Defaults of sampling.

    /// The strength of guidance.
    public var guidance: Double?
    /// How many of the likeliest codes are drawn from; 0 for all.
    public var topK: Int?
    /// The share of the probability that is drawn from; 0 for all.
    public var topP: Double?
    /// Where the model's card is: what it was trained on, what it can and cannot do.
    public var card: String?

    /// A description that says nothing.
    public init() {}

    private enum CodingKeys: String, CodingKey {
        case name, depth, schedule, attention, card
        case checkpointForm = "checkpoint_form"
        case width = "embed_dim"
        case heads = "num_heads"
        case mlpRatio = "mlp_ratio"
        case classes = "num_classes"
        case sharesAdaLN = "shared_aln"
        case normalizesQueriesAndKeys = "attn_l2_norm"
        case normEpsilon = "norm_eps"
        case kernelSize = "kernel_size"
        case refineStep = "refine_step"
        case latentChannels = "z_channels"
        case channels = "ch"
        case channelMultipliers = "ch_mult"
        case residualBlocks = "num_res_blocks"
        case vocabularySize = "vocab_size"
        case phiSharing = "share_quant_resi"
        case phiRatio = "quant_resi"
        case quantConvolutionKernel = "quant_conv_ks"
        case usesCosineCodes = "using_znorm"
        case groupNormGroups = "group_norm_groups"
        case groupNormEpsilon = "group_norm_eps"
        case imageSize = "image_size"
        case classNames = "class_names"
        case classIDs = "class_ids"
        case guidance = "cfg"
        case topK = "top_k"
        case topP = "top_p"
    }
}

extension ModelDescription {
    /// Larger than any configuration: 1,000 names of classes are 40 kB.
    private static let largestText = 4 << 20

    /// Reads JSON text; keys that are not known are passed by.
    ///
    /// - Parameters:
    ///   - json: The text.
    ///   - file: What errors call the file.
    /// - Throws: ``CheckpointError`` where it is no JSON, or a known key has a value of another type.
    package init(json: [UInt8], file: String) throws(CheckpointError) {
        func failure(_ what: String) -> CheckpointError { CheckpointError(file: file, .invalidConfiguration(what)) }
        guard json.count <= Self.largestText else {
            throw failure("it has \(json.count) bytes; at most \(Self.largestText) are read")
        }
        guard Self.depth(of: json) <= 64 else { throw failure("its brackets are nested too deeply") }
        do {
            self = try JSONDecoder().decode(Self.self, from: Data(json))
        } catch let error as DecodingError {
            throw failure(Self.explanation(of: error))
        } catch {
            throw failure("it is no JSON")
        }
    }

    /// Reads a `config.json`.
    ///
    /// - Parameter path: The path of the file.
    /// - Throws: ``CheckpointError`` where it cannot be read or says nothing sensible.
    public init(path: String) throws(CheckpointError) {
        let file = try MappedFile(path: path)
        guard file.count <= Self.largestText else {
            throw CheckpointError(file: path, .invalidConfiguration("it has \(file.count) bytes, too many to be one"))
        }
        try self.init(json: Array(file.bytes), file: path)
    }

    /// The description as JSON, with a fixed order of keys.
    ///
    /// - Parameter file: What errors call the file that it is for.
    /// - Returns: The text.
    /// - Throws: ``CheckpointError`` where a number is infinite or none.
    package func json(for file: String) throws(CheckpointError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do {
            return Array(try encoder.encode(self)) + Array("\n".utf8)
        } catch {
            throw CheckpointError(file: file, .unwritable("a number of its configuration is infinite or none"))
        }
    }

    private static func depth(of json: [UInt8]) -> Int {
        var (depth, deepest) = (0, 0)
        for byte in json {
            if byte == UInt8(ascii: "[") || byte == UInt8(ascii: "{") { depth += 1 }
            if byte == UInt8(ascii: "]") || byte == UInt8(ascii: "}") { depth -= 1 }
            deepest = max(deepest, depth)
        }
        return deepest
    }

    private static func explanation(of error: DecodingError) -> String {
        switch error {
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .keyNotFound(_, let context):
            let key = context.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
            return key.isEmpty ? "it is no JSON object" : "the value of \(quoted(key)) is of the wrong type"
        case .dataCorrupted(let context):
            let key = context.codingPath.map(\.stringValue).joined(separator: ".")
            return key.isEmpty
                ? "it is no JSON, or a number in it does not fit" : "the value of \(quoted(key)) does not fit"
        @unknown default: return "it is no JSON"
        }
    }
}
