import Checkpoints
import Foundation
import ImageTokenizer
public import Models
import ScaleTransformer
import TokenPyramid
public import Torch

/// Recomputes every tensor that it knows in a golden file (`mvar verify`).
public final class GoldenVerifier {
    let golden: GoldenFile
    private(set) var source: ModelSource
    private let record: GoldenRecord
    private var loadedTransformer: NextScaleTransformer?
    private var loadedTokenizer: VisualTokenizer?

    /// Opens a golden file.
    ///
    /// - Parameters:
    ///   - path: The golden file, in safetensors form.
    ///   - source: The networks, where they do not lie beside the golden file as `model.pth` and `tokenizer.pth`.
    ///   - tolerance: Replaces every bound on numbers; tokens stay exact.
    /// - Throws: ``Checkpoints/CheckpointError`` where the file cannot be read.
    public init(path: String, source: ModelSource = ModelSource(), tolerance: Double? = nil) throws {
        golden = try GoldenFile(path: path)
        self.source = source
        self.source.description = source.description ?? golden.description
        record = GoldenRecord(golden, tolerance: tolerance)
    }

    /// What was recomputed, under the golden names; complete after ``verify(progress:)``.
    public var recomputed: [(name: String, tensor: Tensor)] { record.recomputed }

    /// Recomputes and compares everything that is known.
    ///
    /// - Parameter progress: Called with what is about to be computed.
    /// - Returns: One check per tensor, and the names that no check knows.
    /// - Throws: ``VerificationError`` where an input or a network is missing, or what loading and computing throw.
    public func verify(progress: (String) -> Void = { _ in }) throws -> GoldenReport {
        try withoutGradients {
            for (name, check) in [
                ("tokenizer", checkTokenizer), ("logits", checkLogits), ("generation", checkGeneration),
                ("sampling", checkSampling),
            ] {
                progress(name)
                try check(record)
            }
        }
        // These two need gradients.
        for (name, check) in [("attention", checkAttention), ("training", checkTraining)] {
            progress(name)
            try check(record)
        }
        return GoldenReport(checks: record.checks.sorted { $0.name < $1.name }, unknown: record.unknown)
    }

    // MARK: Networks

    func transformer() throws -> NextScaleTransformer {
        if let loadedTransformer { return loadedTransformer }
        let transformer = try LoadedModel.transformer(modelSource())
        loadedTransformer = transformer
        return transformer
    }

    /// The source, with the model beside the golden file where none was named.
    func modelSource() throws -> ModelSource {
        source.model = try source.model ?? sibling("model")
        return source
    }

    func tokenizer() throws -> VisualTokenizer {
        if let loadedTokenizer { return loadedTokenizer }
        if source.tokenizer == nil {
            do {
                source.tokenizer = try sibling("tokenizer")
            } catch {
                // VAR's trainer saves both networks in one file.
                source.model = source.model ?? (try? sibling("model"))
                guard let model = source.model, try Checkpoint(path: model).tokenizer != nil else { throw error }
            }
        }
        let tokenizer = try LoadedModel.tokenizer(source)
        loadedTokenizer = tokenizer
        return tokenizer
    }

    private func sibling(_ part: String) throws(VerificationError) -> String {
        let folder = URL(fileURLWithPath: golden.path).deletingLastPathComponent()
        let candidates = ["pth", "safetensors"].map { folder.appendingPathComponent("\(part).\($0)").path }
        guard let found = candidates.first(where: FileManager.default.fileExists(atPath:)) else {
            throw .missingModel(file: golden.path, part: part, looked: candidates)
        }
        return found
    }

    // MARK: Tokenizer

    private func checkTokenizer(_ record: GoldenRecord) throws {
        guard golden.contains("tokenizer.image_u8") else { return }
        record.markInputs("tokenizer.image_u8")
        let tokenizer = try tokenizer()
        let side = tokenizer.configuration.imageSide
        let bytes = try golden.tensor("tokenizer.image_u8", shape: [nil, side, side, 3]).moved(to: source.device)
        let images = try bytes.permuted(0, 3, 1, 2).converted(to: .float32) / 127.5 - 1
        let features = try tokenizer.features(of: images)
        let (tokens, latent) = try tokenizer.quantizer.encode(features)
        try record.check("tokenizer.features", .relative(2e-5)) { features }
        try record.check("tokenizer.tokens", .identical) { tokens }
        try record.check("tokenizer.f_hat", .relative(2e-5)) { latent }
        try record.check("tokenizer.teacher_inputs", .relative(2e-5)) {
            let given = try golden.indices(
                "tokenizer.tokens", shape: [nil, tokenizer.configuration.schedule.tokenCount],
                below: tokenizer.configuration.vocabularySize)
            return try tokenizer.quantizer.teacherInputs(given.moved(to: source.device))
        }
        try record.check("tokenizer.reconstruction", .relative(1e-4)) {
            let batch = try golden.batch(of: "tokenizer.reconstruction", axes: 4, upTo: latent.shape[0])
            return try tokenizer.decode(latent.narrowed(axis: 0, 0..<batch))
        }
    }

    // MARK: Logits

    private func checkLogits(_ record: GoldenRecord) throws {
        guard golden.contains("logits.labels") else { return }
        record.markInputs("logits.labels", "logits.tokens", "logits.inputs", "logits.rows")
        let shape = try transformer().configuration
        let labels = try golden.indices("logits.labels", shape: [nil], below: shape.classes + 1).moved(
            to: source.device)
        let batch = labels.shape[0]
        let given = shape.schedule.tokenCount - shape.schedule.tokenCount(ofScale: 0)
        let inputs: Tensor
        if golden.contains("logits.inputs") {
            inputs = try golden.tensor("logits.inputs", shape: [batch, given, shape.latentChannels]).moved(
                to: source.device)
        } else {
            let tokens = try golden.indices(
                "logits.tokens", shape: [batch, shape.schedule.tokenCount], below: shape.vocabularySize)
            inputs = try tokenizer().quantizer.teacherInputs(tokens.moved(to: source.device))
        }
        for name in golden.names where name.hasPrefix("logits.") {
            var parts = name.split(separator: ".").dropFirst().map(String.init)
            let isUnconditional = parts.first == "uncond"
            if isUnconditional { parts.removeFirst() }
            let isRows = parts.count == 2 && parts[1] == "rows"
            guard parts.count == 1 || isRows, let pattern = AttentionPattern(parts[0]) else { continue }
            try record.check(name, .absolute(5e-5)) {
                let transformer = try transformer().attending(pattern)
                let null = try Tensor.full(
                    labels.shape, Double(transformer.configuration.nullClass), dtype: .int64, device: source.device)
                let logits = try transformer.logits(
                    ofScales: 0..<transformer.configuration.schedule.count, inputs: inputs,
                    condition: transformer.condition(on: isUnconditional ? null : labels))
                guard isRows else { return logits }
                return try logits.rows(
                    golden.indices("logits.rows", shape: [nil], below: logits.shape[1]).moved(to: source.device),
                    axis: 1)
            }
        }
    }

    // MARK: Attention

    private func checkAttention(_ record: GoldenRecord) throws {
        let decoder = JSONDecoder()
        for name in golden.metadata.keys.sorted() {
            guard name.hasPrefix("case"), let text = golden.metadata[name], golden.contains("\(name).q") else {
                continue
            }
            guard let description = try? decoder.decode(AttentionCase.self, from: Data(text.utf8)) else {
                throw VerificationError.invalidCase(file: golden.path, name: name)
            }
            try description.check(
                name, golden: golden, precision: source.precision, device: source.device, record: record)
        }
    }
}
