package import MVAR

/// What precisions lose against float32.
package struct PrecisionLosses: Codable, Hashable, Sendable {
    package let model: String
    package let attention: String
    package let pictures: Int
    /// Of each picture.
    package let tokens: Int
    package let rows: [Row]

    /// One precision.
    package struct Row: Codable, Hashable, Sendable {
        package let precision: Precision
        /// The share of places whose likeliest token is float32's.
        package let tokenAgreement: Double
        /// The largest error of a logit over the largest magnitude of one.
        package let logitError: Double
        /// The likeliest tokens' pictures beside float32's, in decibels; nil where they are equal.
        package let pictureDecibels: Double?
        /// The same of the given tokens, which the tokenizer alone can tell apart.
        package let decoderDecibels: Double?

        enum CodingKeys: String, CodingKey {
            case precision
            case tokenAgreement = "token_agreement"
            case logitError = "logit_error"
            case pictureDecibels = "picture_psnr"
            case decoderDecibels = "decoder_psnr"
        }

        /// All keys are always there.
        package func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(precision, forKey: .precision)
            try container.encode(tokenAgreement, forKey: .tokenAgreement)
            try container.encode(logitError, forKey: .logitError)
            try container.encode(pictureDecibels, forKey: .pictureDecibels)
            try container.encode(decoderDecibels, forKey: .decoderDecibels)
        }
    }
}

/// Measures precisions of one model under teacher forcing: pictures are generated in float32, their tokens are given to
/// the model in every precision, and what it then predicts is compared place by place.
package struct PrecisionBench {
    /// What the report calls the model.
    package var name: String
    /// What is compared with float32.
    package var precisions = Precision.allCases.filter { $0 != .float32 }
    package var device = Device.cpu
    /// How many, of classes spread over the model's; 1 or more.
    package var pictures = 4
    /// The strength of guidance, with which pictures are generated and logits compared; nil for the model's.
    package var guidance: Double?
    private let load: (Precision) throws -> LoadedModel

    /// Of a model that is loaded in each precision, one after another.
    package init(_ name: String, load: @escaping (Precision) throws -> LoadedModel) {
        self.name = name
        self.load = load
    }

    /// Measures.
    package func run(progress: BenchProgress = { _, _ in }) throws -> BenchReport<PrecisionLosses> {
        progress(0, 1 + precisions.count)
        let (reference, configuration) = try reference()
        progress(1, 1 + precisions.count)
        var rows: [PrecisionLosses.Row] = []
        for precision in precisions {
            rows.append(try reference.losses(of: load(precision), in: precision))
            progress(1 + rows.count, 1 + precisions.count)
        }
        return BenchReport(
            conditions: BenchConditions(precision: nil, device: device, runs: nil),
            result: PrecisionLosses(
                model: name, attention: configuration.pattern.description, pictures: pictures,
                tokens: configuration.schedule.tokenCount, rows: rows))
    }

    private func reference() throws -> (Reference, TransformerConfiguration) {
        let generator = ImageGenerator(try load(.float32))
        let configuration = generator.model.transformer.configuration
        var parameters = generator.defaultParameters
        parameters.guidance = guidance ?? parameters.guidance
        let classes = (0..<pictures).map { $0 * configuration.classes / pictures % configuration.classes }
        var tokens: [[Int32]] = []
        try generator.generate(GenerationRequest(classes: classes, seed: 1, parameters: parameters)) {
            tokens.append($0.tokens)
        }
        let reference = try Reference(
            tokens: tokens, classes: classes, guidance: parameters.guidance, model: generator.model)
        return (reference, configuration)
    }
}

/// What float32 makes of its own tokens.
private struct Reference {
    private let tokens: [[Int32]]
    private let classes: [Int]
    private let guidance: Double
    private let forced: Forced

    init(tokens: [[Int32]], classes: [Int], guidance: Double, model: LoadedModel) throws {
        self.tokens = tokens
        self.classes = classes
        self.guidance = guidance
        forced = try Forced(model, tokens: tokens, classes: classes, guidance: guidance)
    }

    func losses(of model: LoadedModel, in precision: Precision) throws -> PrecisionLosses.Row {
        let other = try Forced(model, tokens: tokens, classes: classes, guidance: guidance)
        let error = try (other.logits - forced.logits).magnitude().maximum().item()
        let places = zip(other.likeliest.joined(), forced.likeliest.joined())
        return PrecisionLosses.Row(
            precision: precision,
            tokenAgreement: Double(places.count { $0 == $1 }) / Double(forced.likeliest.joined().count),
            logitError: error / (try forced.logits.magnitude().maximum().item()),
            pictureDecibels: try Self.decibels(other.likeliestPictures, forced.likeliestPictures),
            decoderDecibels: try Self.decibels(other.givenPictures, forced.givenPictures))
    }

    /// Of all pictures together; nil where they are equal.
    private static func decibels(_ pictures: PixelImage, _ others: PixelImage) throws -> Double? {
        let ratio = try pictures.peakSignalToNoiseRatio(to: others)
        return ratio.isFinite ? ratio : nil
    }
}

/// What a model makes of given tokens.
private struct Forced {
    let logits: Tensor  // [B, L, V]
    let likeliest: [[Int32]]
    /// One picture over another.
    let likeliestPictures: PixelImage
    let givenPictures: PixelImage

    init(_ model: LoadedModel, tokens: [[Int32]], classes: [Int], guidance: Double) throws {
        let forcing = try Sampling.TeacherForcing(transformer: model.transformer, quantizer: model.tokenizer.quantizer)
        // One by one: masks and activations of many pictures would take much memory.
        let logits = try zip(tokens, classes).map { tokens, label in
            try forcing.logits(of: [tokens], classes: [label], guidance: guidance)
        }
        likeliest = try logits.map { try $0.indexOfMaximum(axis: -1).array(of: Int32.self) }
        self.logits = try Tensor.concatenated(logits)
        likeliestPictures = try Self.pictures(of: likeliest, model.tokenizer)
        givenPictures = try Self.pictures(of: tokens, model.tokenizer)
    }

    private static func pictures(of tokens: [[Int32]], _ tokenizer: VisualTokenizer) throws -> PixelImage {
        let pictures = try tokens.map { try tokenizer.picture(ofTokens: $0) }
        return PixelImage(
            width: pictures[0].width, height: pictures.reduce(0) { $0 + $1.height },
            pixels: pictures.flatMap(\.pixels))
    }
}
