import Sampling
import ScaleTransformer
import TokenPyramid
import Torch

extension GoldenVerifier {
    /// `greedy.PATTERN.cfg-X` with its `.f_hat` and `.image`, and `guided.PATTERN.cfg-X`.
    func checkGeneration(_ record: GoldenRecord) throws {
        guard golden.contains("greedy.labels") else { return }
        record.markInputs("greedy.labels")
        let labels = try golden.indices("greedy.labels", shape: [nil], below: transformer().configuration.classes + 1)
            .array(of: Int.self)
        var runs: [GreedyRun] = []
        for name in golden.names {
            guard let run = GreedyRun(name: name), !runs.contains(run) else { continue }
            runs.append(run)
            try check(run, labels: labels, record)
        }
    }

    private func check(_ run: GreedyRun, labels: [Int], _ record: GoldenRecord) throws {
        let transformer = try transformer().attending(run.pattern)
        let tokenizer = try tokenizer()
        let tokens = "greedy.\(run.key)"
        if [tokens, tokens + ".f_hat", tokens + ".image"].contains(where: golden.contains) {
            let request = GenerationRequest(classes: labels, seed: 0, parameters: .greedy(guidance: run.guidance))
            let generation = try ImageGeneration(request, transformer: transformer, quantizer: tokenizer.quantizer)
            while try generation.advance() != nil {}
            try record.check(tokens, .identical) {
                try Tensor(
                    generation.tokens.flatMap(\.self), shape: [generation.tokens.count * generation.tokens[0].count]
                )
                .reshaped(labels.count, -1)
            }
            try record.check(tokens + ".f_hat", .relative(2e-5)) { try generation.latent }
            try record.check(tokens + ".image", .relative(1e-4)) {
                let batch = try golden.batch(of: tokens + ".image", axes: 4, upTo: labels.count)
                return try tokenizer.pictures(of: generation.latent.narrowed(axis: 0, 0..<batch))
            }
        }
        try record.check("guided.\(run.key)", .absolute(1.5e-4)) {
            let batch = try golden.batch(of: "guided.\(run.key)", axes: 3, upTo: labels.count)
            let forcing = try TeacherForcing(transformer: transformer, quantizer: tokenizer.quantizer)
            let length = transformer.configuration.schedule.tokenCount
            let given = try golden.indices(
                tokens, shape: [labels.count, length], below: transformer.configuration.vocabularySize
            ).array(of: Int32.self)
            let rows = (0..<batch).map { Array(given[$0 * length..<($0 + 1) * length]) }
            return try forcing.logits(of: rows, classes: Array(labels.prefix(batch)), guidance: run.guidance)
        }
    }
}

/// One greedy run of a golden file, as its tensors are called: `greedy.spatial-7.cfg-1.5.f_hat`.
private struct GreedyRun: Equatable {
    let key: String
    let pattern: AttentionPattern
    let guidance: Double

    init?(name: String) {
        guard name.hasPrefix("greedy.") || name.hasPrefix("guided.") else { return nil }
        var rest = name.dropFirst("greedy.".count)
        for suffix in [".f_hat", ".image"] where rest.hasSuffix(suffix) { rest = rest.dropLast(suffix.count) }
        guard let separator = rest.firstIndex(of: "."), rest[separator...].hasPrefix(".cfg-"),
            let pattern = AttentionPattern(String(rest[..<separator])),
            let guidance = Double(rest[separator...].dropFirst(".cfg-".count))
        else { return nil }
        key = String(rest)
        self.pattern = pattern
        self.guidance = guidance
    }
}
