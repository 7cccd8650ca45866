import MVAR

/// One generated picture, as `--json` tells it.
struct Sample: Codable, Hashable {
    let path: String
    let label: Int?
    let name: String?
    let seed: UInt64
    let image: Int

    enum CodingKeys: String, CodingKey {
        case path, seed, image
        case label = "class"
        case name = "class_name"
    }

    /// All keys are always there: `class` is null for a picture of no class.
    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(path, forKey: .path)
        try container.encode(label, forKey: .label)
        try container.encode(name, forKey: .name)
        try container.encode(seed, forKey: .seed)
        try container.encode(image, forKey: .image)
    }

    private var classWords: String {
        [label.map { "class \($0)" } ?? "class none", name].compactMap(\.self).joined(separator: " ")
    }

    /// The line of a file that holds pictures of one run: path, class, seed, number, with tabs between.
    static func line(of samples: [Sample]) -> String {
        guard let first = samples.first, let last = samples.last else { return "" }
        guard samples.count > 1 else {
            return [first.path, first.classWords, "seed \(first.seed)", "image \(first.image)"].joined(separator: "\t")
        }
        let classes = Set(samples.map(\.label)).count
        let words = classes == 1 ? first.classWords : "\(classes) classes"
        return [
            first.path, "\(counted(samples.count, "picture")) of \(words)", "seed \(first.seed)",
            "images \(first.image) to \(last.image)",
        ].joined(separator: "\t")
    }
}

/// What `mvar sample` does once its options are values: request, loop, files.
struct SampleRun {
    private let generator: ImageGenerator
    private let request: GenerationRequest
    private let batch: Int
    private let isProgressive: Bool
    private let isGrid: Bool
    private let isExact: Bool
    private let paths: PicturePaths

    init(
        generator: ImageGenerator, choice: PictureChoiceOptions, sampling: SamplingOptions, isGrid: Bool,
        isExact: Bool, paths: PicturePaths
    ) throws {
        let names = generator.model.classes
        // Short enough to be typed again.
        let seed = choice.seed ?? UInt64(UInt32.random(in: 0 ... .max))
        let labels = try choice.labels(among: names, seed: seed)
        let count = labels.count
        try paths.check(count: isGrid ? 1 : count)
        request = GenerationRequest(
            classes: labels, seed: seed, parameters: sampling.parameters(over: generator.defaultParameters))
        batch = try choice.batch(of: request.count, by: generator, request.parameters)
        self.generator = generator
        isProgressive = choice.progressive
        self.isGrid = isGrid
        self.isExact = isExact
        self.paths = paths
        // Hours of sampling must not end in a picture that no file can hold.
        let size = PictureSheet.size(
            pictures: isGrid ? count : 1, isProgressive: isProgressive,
            tokenizer: generator.model.tokenizer.configuration)
        let limit = paths.format.maximumSide
        guard max(size.width, size.height) <= limit, size.width * size.height <= PixelImage.maximumPixelCount else {
            throw SheetError(width: size.width, height: size.height, format: paths.format)
        }
    }

    /// Why a GPU's batches are slower than they could be; nil where they are not.
    var graphObstacle: String? { Self.remark(on: generator) }

    /// What to say where a GPU's work is not repeated as a whole.
    static func remark(on generator: ImageGenerator) -> String? {
        generator.graphObstacle.map { "no CUDA graph, so that batches take longer: \($0)" }
    }

    /// A picture of all pictures that would be too large.
    struct SheetError: Error, CustomStringConvertible {
        let width: Int
        let height: Int
        let format: ImageFormat

        var description: String {
            "The picture would have \(width) × \(height) pixels, more than \(format.rawValue) or mvar can hold: "
                + "ask for fewer, or for one file each with %05d in the name."
        }
    }

    /// Generates and writes all pictures.
    ///
    /// - Parameters:
    ///   - progress: Called after every scale and picture.
    ///   - receive: Gets what was written, file by file.
    /// - Throws: ``Torch/TorchError`` if memory runs out, ``Images/ImageError`` where a file cannot be written.
    func generate(
        progress: (ImageGenerator.Progress) -> Void, receive: ([Sample]) throws -> Void
    ) throws {
        var held: [ImageGenerator.Picture] = []
        try generator.generate(request, batch: batch, keepsSteps: isProgressive, progress: progress) { picture in
            if isGrid { held.append(picture) } else { try receive(try write([picture])) }
        }
        if isGrid { try receive(try write(held)) }
    }

    private func write(_ pictures: [ImageGenerator.Picture]) throws -> [Sample] {
        let model = generator.model
        let sheet = try PictureSheet(
            pictures, isProgressive: isProgressive, tokenizer: model.tokenizer.configuration,
            classCount: model.classes.count)
        let path = try paths.write(
            sheet.image, number: pictures[0].number,
            metadata: PNGMetadata(texts: texts(of: pictures), tokens: sheet.tokens.bytes))
        return pictures.map { picture in
            let label = picture.label < model.classes.count ? picture.label : nil
            return Sample(
                path: path, label: label, name: label.flatMap { model.classes.names[$0].first }, seed: request.seed,
                image: picture.number)
        }
    }

    /// What a PNG says of how it was made: nothing that differs between two runs of the same pictures.
    private func texts(of pictures: [ImageGenerator.Picture]) -> [PNGMetadata.Text] {
        let model = generator.model
        let labels = pictures.map { model.classes.label(of: $0.label) }
        var facts: [(key: String, value: String)] = [
            ("Software", "mvar \(MVARCommand.version)"), ("mvar:model", GenerationFacts.name(of: model)),
            ("mvar:class", labels.joined(separator: "; ")),
            ("mvar:seed", "\(request.seed)"), ("mvar:image", pictures.map { "\($0.number)" }.joined(separator: ",")),
        ]
        facts += GenerationFacts.facts(of: model, parameters: request.parameters, isExact: isExact)
            .map { ("mvar:" + $0.key, $0.value) }
        return facts.map { PNGMetadata.Text(key: $0.key, value: $0.value) }
    }
}
