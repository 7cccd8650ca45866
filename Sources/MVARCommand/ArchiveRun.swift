import MVAR

/// What `mvar sample` does for an `.npz` file once its options are values: settings, share, loop.
struct ArchiveRun {
    private let generator: ImageGenerator
    private let archive: PictureArchive
    private let request: GenerationRequest
    private let missing: [Range<Int>]
    /// How many pictures are this process's.
    let shareCount: Int
    /// Why a GPU's batches are slower than they could be; nil where they are not.
    var graphObstacle: String? { SampleRun.remark(on: generator) }
    /// How many of them an earlier sitting has left.
    var presentCount: Int { shareCount - missing.reduce(0) { $0 + $1.count } }

    /// What has come of it, as `--json` tells it.
    struct Result: Encodable {
        let path: String
        let pictures: Int
        let classes: Int
        let seed: UInt64
        /// Pictures that other processes have still to write.
        let missing: Int

        /// The line of a finished file.
        var line: String {
            [
                path, "\(counted(pictures, "picture")) of \(classes) class\(classes == 1 ? "" : "es")", "seed \(seed)",
                "images 0 to \(pictures - 1)",
            ].joined(separator: "\t")
        }
    }

    init(
        generator: ImageGenerator, choice: PictureChoiceOptions, sampling: SamplingOptions, isExact: Bool, path: String,
        process: ProcessNumber, isResuming: Bool
    ) throws {
        self.generator = generator
        let model = generator.model
        let known = isResuming ? PictureArchive.record(at: path) : nil
        let seed = choice.seed ?? known?.seed ?? UInt64(UInt32.random(in: 0 ... .max))
        let parameters = sampling.parameters(over: generator.defaultParameters)
        request = GenerationRequest(
            classes: try choice.labels(among: model.classes, seed: seed), seed: seed, parameters: parameters)
        try request.check(classes: model.classes.count)
        var facts = Dictionary(
            uniqueKeysWithValues: GenerationFacts.facts(of: model, parameters: parameters, isExact: isExact)
                .map { ($0.key, $0.value) })
        facts["mvar"] = MVARCommand.version
        facts["model"] = GenerationFacts.name(of: model)
        facts["model-checksum"] = try PictureArchiveRecord.checksum(of: model)
        facts["seed"] = "\(seed)"
        facts["classes"] = Self.spoken(try choice.choice(among: model.classes))
        // What is left of an unfinished archive is shared out as its beginning was.
        let knownBatch = choice.batch == .automatic ? known?.facts["batch"].flatMap { Int($0) } : nil
        let share = (request.count + process.count - 1) / process.count
        var batch = try knownBatch ?? choice.batch(of: share, by: generator, parameters)
        let side = model.tokenizer.configuration.imageSide
        let labels = request.classes
        func opened(batch: Int) throws -> PictureArchive {
            // Only these pictures are known to be the same in every batch.
            if model.transformer.precision != .float32 || model.transformer.device != .cpu {
                facts["batch"] = "\(batch)"
            }
            return try PictureArchive(
                path: path, size: (side, side), labels: labels, record: PictureArchiveRecord(facts), process: process,
                isResuming: isResuming)
        }
        do {
            archive = try opened(batch: batch)
        } catch PictureArchiveError.otherPictures(_, key: "batch", own: _, there: let there)
            where choice.batch == .automatic
        {
            // Another process, whose GPU has other room, was first: all share out the pictures as it does.
            batch = Int(there) ?? batch
            archive = try opened(batch: batch)
        }
        missing = try archive.missing(batch: batch)
        shareCount = archive.shareCount(batch: batch)
    }

    /// Classes as a text that is not too long for a file's comment; the archive adds a sum of them all.
    private static func spoken(_ choice: ClassChoice) -> String {
        switch choice {
        case .drawn: "drawn"
        case .inTurn(let classes) where classes.count > 2 && classes == Array(0..<classes.count):
            "0 to \(classes.count - 1)"
        case .inTurn(let classes) where classes.count > 200: "\(classes.count) in turn"
        case .inTurn(let classes): classes.map(String.init).joined(separator: ",")
        }
    }

    /// Generates what is missing of this process's share, batch after batch.
    ///
    /// - Parameter progress: Called after every scale and picture: pictures of this sitting, how many it has, the share of
    ///   the work that is done.
    /// - Returns: What has come of it.
    /// - Throws: ``Torch/TorchError`` if memory runs out, ``FileOutput/FileOutputError`` where the disk is full.
    func generate(progress: (Int, Int, Double) -> Void) throws -> Result {
        let total = missing.reduce(0) { $0 + $1.count }
        var finished = 0
        for range in missing {
            let part = GenerationRequest(
                classes: Array(request.classes[range]), images: Array(range), seed: request.seed,
                parameters: request.parameters)
            var pictures: [(number: Int, pixels: [UInt8])] = []
            try generator.generate(part, batch: range.count) { state in
                let work = Double(finished) + state.fraction * Double(range.count)
                progress(finished + state.finishedPictures, total, work / Double(total))
            } receive: {
                pictures.append(($0.number, $0.image.pixels))
            }
            finished += range.count
            try archive.write(pictures, isLast: finished == total)
        }
        return Result(
            path: archive.path, pictures: request.count, classes: Set(request.classes).count, seed: request.seed,
            missing: try archive.finish())
    }
}
