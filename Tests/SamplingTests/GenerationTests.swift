import ImageTokenizer
import NeuralNetworks
import Sampling
import ScaleTransformer
import Testing
import TokenPyramid
import Torch

@Suite("Generation") struct GenerationTests {
    static let patterns: [AttentionPattern] = [.full, .window(2), .scale, .spatial(kernel: 7)]

    @Test(
        "The likeliest tokens are those of the public code",
        arguments: [AttentionPattern.full, .scale, .spatial(kernel: 7)], ["0", "1.5", "4"])
    func greedy(pattern: AttentionPattern, cfg: String) throws {
        let model = try Mini64(pattern)
        let labels = try Mini64.golden("greedy.labels").array(of: Int.self)
        let expected = try Mini64.golden("greedy.\(pattern).cfg-\(cfg)").tokenRows()
        let generation = try model.finished(
            GenerationRequest(classes: labels, seed: 0, parameters: .greedy(guidance: try #require(Double(cfg)))))
        #expect(try generation.tokens == expected)
    }

    @Test("Latent, picture and guided logits of a greedy run are those of the public code")
    func greedyPicture() throws {
        let model = try Mini64()
        let labels = try Mini64.golden("greedy.labels").array(of: Int.self)
        let generation = try model.generation(
            GenerationRequest(classes: labels, seed: 0, parameters: .greedy(guidance: 1.5)))
        var logits: [Tensor] = []
        while let step = try generation.advance() { logits.append(try step.logits) }
        let golden = try Mini64.golden("guided.spatial-7.cfg-1.5")
        #expect(try Tensor.concatenated(logits, axis: 1).largestDifference(from: golden) <= 1.5e-4)
        let forced = try TeacherForcing(transformer: model.transformer, quantizer: model.quantizer)
            .logits(of: generation.tokens, classes: labels, guidance: 1.5)
        #expect(try forced.largestDifference(from: golden) <= 1.5e-4)
        let latent = try Mini64.golden("greedy.spatial-7.cfg-1.5.f_hat")
        #expect(
            try generation.latent.largestDifference(from: latent) <= 2e-5 * latent.magnitude().maximum().item())
        let picture = try Mini64.golden("greedy.spatial-7.cfg-1.5.image")
        #expect(try model.tokenizer.pictures(of: generation.latent).largestDifference(from: picture) <= 1e-4)
    }

    @Test("Scale by scale gives the logits of one masked pass", arguments: patterns, [0, 1.5])
    func cachedEqualsUncached(pattern: AttentionPattern, guidance: Double) throws {
        let model = try Mini64(pattern)
        var parameters = Mini64.lively
        parameters.guidance = guidance
        let generation = try model.generation(
            GenerationRequest(classes: [2, 0, 4], seed: 11, parameters: parameters))
        var logits: [Tensor] = []
        while let step = try generation.advance() { logits.append(try step.logits) }
        let forced = try TeacherForcing(transformer: model.transformer, quantizer: model.quantizer)
            .logits(of: generation.tokens, classes: [2, 0, 4], guidance: guidance)
        // Two ways of float32 through the same sums.
        #expect(try Tensor.concatenated(logits, axis: 1).largestDifference(from: forced) <= 1.5e-4)
    }

    @Test("Without guidance only the class counts", arguments: patterns)
    func withoutGuidance(pattern: AttentionPattern) throws {
        let model = try Mini64(pattern)
        var parameters = Mini64.lively
        parameters.guidance = 0
        let request = GenerationRequest(classes: [3], seed: 2, parameters: parameters)
        let generation = try model.generation(request)
        var logits: [Tensor] = []
        while let step = try generation.advance() { logits.append(try step.logits) }
        let conditional = try TeacherForcing(transformer: model.transformer, quantizer: model.quantizer)
            .logits(of: generation.tokens, classes: [3])
        #expect(try Tensor.concatenated(logits, axis: 1).largestDifference(from: conditional) <= 5e-5)
        // For the null class both halves are the same, so that guidance changes nothing but roundings.
        let null = GenerationRequest(classes: [4], seed: 2, parameters: .greedy(guidance: 0))
        let guided = GenerationRequest(classes: [4], seed: 2, parameters: .greedy(guidance: 3))
        #expect(try model.finished(null).tokens == model.finished(guided).tokens)
    }

    @Test("A tiny temperature is greedy", arguments: [1e-6, 1e-40, Double.leastNonzeroMagnitude])
    func tinyTemperature(temperature: Double) throws {
        let model = try Mini64()
        let greedy = try model.finished(
            GenerationRequest(classes: [1, 2], seed: 3, parameters: .greedy(guidance: 1.5)))
        let cold = try model.finished(
            GenerationRequest(
                classes: [1, 2], seed: 3, parameters: SamplingParameters(guidance: 1.5, temperature: temperature)))
        #expect(try cold.tokens == greedy.tokens)
    }

    @Test("Top-k 1 is greedy, and a higher temperature draws more codes")
    func spread() throws {
        let model = try Mini64()
        func codes(_ parameters: SamplingParameters) throws -> [Int32] {
            try model.finished(GenerationRequest(classes: [1], seed: 3, parameters: parameters)).tokens[0]
        }
        #expect(try codes(SamplingParameters(guidance: 1, topK: 1)) == codes(.greedy(guidance: 1)))
        let cold = Set(try codes(SamplingParameters(temperature: 0.1))).count
        #expect(cold < Set(try codes(SamplingParameters(temperature: 10))).count)
    }

    @Test("A schedule of one scale and one of a single token work, with guidance", arguments: [[4], [1], [1, 2]])
    func smallSchedules(sides: [Int]) throws {
        let schedule = try ScaleSchedule(sides)
        for pattern in [AttentionPattern.full, .window(1), .window(0), .spatial(kernel: 2)] {
            let parameters = FreshParameters(seed: 1)
            let transformer = try NextScaleTransformer(
                TransformerConfiguration(
                    depth: 1, width: 16, heads: 2, classes: 2, vocabularySize: 8, latentChannels: 4, schedule: schedule,
                    pattern: pattern, firstSpatialScale: 0), at: ParameterPath(parameters) / "model")
            let tokenizer = try VisualTokenizer(
                TokenizerConfiguration(
                    channels: 32, multipliers: [1], latentChannels: 4, vocabularySize: 8, schedule: schedule),
                at: ParameterPath(parameters) / "tokenizer")
            let generation = try ImageGeneration(
                GenerationRequest(classes: [0, 2], seed: 1, parameters: SamplingParameters(guidance: 2)),
                transformer: transformer, quantizer: tokenizer.quantizer)
            while try generation.advance() != nil {}
            #expect(try generation.tokens.map(\.count) == [schedule.tokenCount, schedule.tokenCount])
        }
    }

    @Test("A generation leaves no history of gradients")
    func noGradients() throws {
        let model = try Mini64()
        let request = GenerationRequest(classes: [1], seed: 3, parameters: .greedy(guidance: 1.5))
        try model.quantizer.codebook.setRequiresGradient()
        defer { try? model.quantizer.codebook.setRequiresGradient(false) }
        let step = try #require(try model.generation(request).advance())
        #expect(try !step.logits.requiresGradient)
        #expect(!step.latent.requiresGradient)
    }

    @Test("Requests that a model cannot serve are refused in one line")
    func refusals() throws {
        let model = try Mini64()
        let parameters = SamplingParameters()
        let requests = [
            GenerationRequest(classes: [], seed: 1, parameters: parameters),
            GenerationRequest(classes: [5], seed: 1, parameters: parameters),
            GenerationRequest(classes: [-1], seed: 1, parameters: parameters),
            GenerationRequest(classes: [0], images: [0, 1], seed: 1, parameters: parameters),
            GenerationRequest(classes: [0], images: [-1], seed: 1, parameters: parameters),
            GenerationRequest(classes: [0], images: [1 << 34], seed: 1, parameters: parameters),
            GenerationRequest(classes: [0], seed: 1, parameters: SamplingParameters(guidance: .nan)),
        ]
        for request in requests {
            let error = try #require(throws: SamplingError.self) { try model.generation(request) }
            #expect(!error.description.contains("\n"))
        }
        let forcing = try TeacherForcing(transformer: model.transformer, quantizer: model.quantizer)
        let tokens = [[Int32](repeating: 0, count: 680)]
        #expect(throws: SamplingError.unknownClass(9, classes: 4)) { try forcing.logits(of: tokens, classes: [9]) }
        #expect(throws: SamplingError.tokenCount(picture: 0, expected: 680, found: 1)) {
            try forcing.logits(of: [[0]], classes: [0])
        }
        #expect(throws: SamplingError.tokenOutOfRange(64, picture: 0, place: 679, vocabularySize: 64)) {
            try forcing.logits(of: [tokens[0].dropLast() + [64]], classes: [0])
        }
    }

    @Test("A tokenizer of another model is refused")
    func unlikeTokenizer() throws {
        let model = try Mini64()
        let other = try VisualTokenizer(
            TokenizerConfiguration(channels: 32, multipliers: [1], latentChannels: 8, vocabularySize: 128),
            at: ParameterPath(FreshParameters(seed: 1)))
        #expect(
            throws: SamplingError.unlikeTokenizer(property: "number of codes", transformer: "64", tokenizer: "128")
        ) {
            try ImageGeneration(
                GenerationRequest(classes: [0], seed: 1, parameters: SamplingParameters()),
                transformer: model.transformer, quantizer: other.quantizer)
        }
    }
}
