import Foundation
public import ScaleTransformer
public import TokenPyramid
public import Torch

/// A generation between two scales, to be saved and resumed (``ImageGeneration/init(resuming:transformer:quantizer:)``).
///
/// Tensors and texts of ``tensors()`` and ``metadata()`` are what a safetensors file holds.
public struct GenerationState {
    /// What is generated.
    public let request: GenerationRequest
    /// The model that began it.
    public let model: Model
    /// How many scales are done.
    public let finishedScales: Int
    /// The tokens of these, one scale after another: `[B][n]`.
    public let tokens: [[Int32]]
    /// The vectors in their place, `[B, n, Z]`, where mixtures of codes were taken; otherwise tokens say them.
    public let vectors: Tensor?

    /// What a model must have in common with the one that began a generation.
    public struct Model: Codable, Hashable, Sendable {
        /// The token maps.
        public let schedule: ScaleSchedule
        /// Which tokens see which.
        public let attention: AttentionPattern
        /// From which scale on that is local.
        public let firstSpatialScale: Int
        /// The number of codes, V.
        public let vocabularySize: Int
        /// Channels of the latent, Z.
        public let latentChannels: Int

        /// What a configuration says.
        public init(_ configuration: TransformerConfiguration) {
            schedule = configuration.schedule
            attention = configuration.pattern
            firstSpatialScale = configuration.firstSpatialScale
            vocabularySize = configuration.vocabularySize
            latentChannels = configuration.latentChannels
        }
    }

    init(request: GenerationRequest, model: Model, finishedScales: Int, tokens: [[Int32]], vectors: Tensor?) {
        self.request = request
        self.model = model
        self.finishedScales = finishedScales
        self.tokens = tokens
        self.vectors = vectors
    }

    // MARK: In a file

    private static let tokensName = "generation.tokens"
    private static let vectorsName = "generation.vectors"
    private static let metadataName = "generation"

    /// The part of a state that is text.
    private struct Description: Codable {
        let request: GenerationRequest
        let model: Model
        let finishedScales: Int
    }

    /// The tensors to save: `generation.tokens` (int32, `[B, n]`) and, with mixtures, `generation.vectors`.
    public func tensors() throws(TorchError) -> [String: Tensor] {
        var tensors = [
            Self.tokensName: try Tensor(
                tokens.flatMap(\.self), shape: [tokens.count, tokens.first?.count ?? 0])
        ]
        tensors[Self.vectorsName] = vectors
        return tensors
    }

    /// The texts to save: request, model and scale as JSON under `generation`.
    public func metadata() throws -> [String: String] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let description = Description(request: request, model: model, finishedScales: finishedScales)
        return [Self.metadataName: String(decoding: try encoder.encode(description), as: UTF8.self)]
    }

    /// What was saved.
    ///
    /// - Parameters:
    ///   - tensors: Those of ``tensors()``; others are passed by.
    ///   - metadata: The texts of ``metadata()``; others are passed by.
    /// - Throws: ``SamplingError/damagedState(_:)`` where something is missing or does not fit the rest.
    public init(tensors: [String: Tensor], metadata: [String: String]) throws {
        guard let text = metadata[Self.metadataName] else {
            throw SamplingError.damagedState("it has no text '\(Self.metadataName)'")
        }
        guard let description = try? JSONDecoder().decode(Description.self, from: Data(text.utf8)) else {
            throw SamplingError.damagedState("its text '\(Self.metadataName)' does not describe a generation")
        }
        guard let tokens = tensors[Self.tokensName], tokens.rank == 2, tokens.dtype == .int32 else {
            throw SamplingError.damagedState("it has no table '\(Self.tokensName)' of int32 tokens")
        }
        let (pictures, count) = (tokens.shape[0], tokens.shape[1])
        let values = try tokens.array(of: Int32.self)
        self.init(
            request: description.request, model: description.model, finishedScales: description.finishedScales,
            tokens: (0..<pictures).map { Array(values[$0 * count..<($0 + 1) * count]) },
            vectors: tensors[Self.vectorsName])
    }

    // MARK: Checks

    /// Throws unless a model with that configuration can go on with it.
    func check(_ configuration: TransformerConfiguration) throws(SamplingError) {
        let own = Model(configuration)
        let facts: [(property: String, model: String, state: String)] = [
            ("schedule", "\(own.schedule)", "\(model.schedule)"),
            ("attention pattern", "\(own.attention)", "\(model.attention)"),
            ("first spatial scale", "\(own.firstSpatialScale)", "\(model.firstSpatialScale)"),
            ("number of codes", "\(own.vocabularySize)", "\(model.vocabularySize)"),
            ("number of latent channels", "\(own.latentChannels)", "\(model.latentChannels)"),
        ]
        for fact in facts where fact.model != fact.state {
            throw .unlikeState(property: fact.property, model: fact.model, state: fact.state)
        }
        let schedule = model.schedule
        guard (0...schedule.count).contains(finishedScales) else {
            throw .damagedState("\(finishedScales) of \(schedule.count) scales are done")
        }
        let count = schedule.range(ofScales: 0..<finishedScales).count
        try checkTokens(
            tokens, pictures: request.count, count: count, vocabularySize: configuration.vocabularySize)
        guard request.parameters.isSmooth, count > 0 else { return }
        let expected = [request.count, count, configuration.latentChannels]
        guard let vectors, vectors.shape == expected, vectors.dtype.isFloatingPoint else {
            throw .damagedState("it has no table '\(Self.vectorsName)' of shape \(expected)")
        }
    }
}
