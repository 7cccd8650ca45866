import Foundation
public import Sampling

/// What a run reads, as the user named it; it may lie elsewhere when the run goes on.
public struct RunInputs: Codable, Hashable, Sendable {
    /// Folders, archives and lists of pictures to learn from.
    public var data: [String]
    /// The tokens of those pictures, instead of them.
    public var cache: String?
    /// Pictures to measure on.
    public var validation: [String]
    /// How many of these are measured on at most.
    public var validationLimit: Int
    /// The classes that are used; nil for all.
    public var classes: [String]?
    /// The file with the names of classes; nil for the names of their folders.
    public var classNames: String?
    /// The tokenizer whose tokens a model learns.
    public var tokenizer: String?

    enum CodingKeys: String, CodingKey {
        case data, cache, validation, classes, tokenizer
        case validationLimit = "validation_limit"
        case classNames = "class_names"
    }

    /// Nothing yet.
    public init() {
        data = []
        validation = []
        validationLimit = 500
    }

    /// The same with paths that hold from any folder.
    var absolute: RunInputs {
        func absolute(_ path: String) -> String {
            path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
        }
        var inputs = self
        inputs.data = data.map(absolute)
        inputs.cache = cache.map(absolute)
        inputs.validation = validation.map(absolute)
        inputs.classNames = classNames.map(absolute)
        inputs.tokenizer = tokenizer.map(absolute)
        return inputs
    }
}

/// What a trained model's configuration says for sampling.
public struct SamplingDefaults: Codable, Hashable, Sendable {
    /// The strength of guidance; see ``Sampling/SamplingParameters``.
    public var guidance: Double?
    /// How many of the likeliest codes are drawn from.
    public var topK: Int?
    /// The share of the probability that is drawn from.
    public var topP: Double?

    enum CodingKeys: String, CodingKey {
        case guidance = "cfg"
        case topK = "top_k"
        case topP = "top_p"
    }

    /// Defaults; nil for those that are published for the model's depth.
    public init(guidance: Double? = nil, topK: Int? = nil, topP: Double? = nil) {
        self.guidance = guidance
        self.topK = topK
        self.topP = topP
    }

    /// Throws unless every number is in its range.
    public func check() throws(SamplingError) {
        try SamplingParameters().overridden(guidance: guidance, topK: topK, topP: topP).check()
    }
}
