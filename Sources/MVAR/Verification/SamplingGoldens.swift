import Foundation
import Sampling
import Torch

extension GoldenVerifier {
    /// `sampling.top-k-K.top-p-P.{kept,probabilities}` and `sampling.smooth.weights`.
    func checkSampling(_ record: GoldenRecord) throws {
        guard golden.contains("sampling.logits") else { return }
        record.markInputs("sampling.logits", "sampling.smooth.exponential")
        let logits = try golden.tensor("sampling.logits").moved(to: source.device)
        for name in golden.names {
            guard let filter = NamedFilter(name: name) else { continue }
            // Which of equal codes top-p keeps is left to the sort: there only how many, and their probabilities, count.
            let view: (Tensor) throws -> Tensor =
                filter.topP > 0 ? { try sortingRows(of: $0, whereTied: logits) } : { $0 }
            let tokenFilter = TokenFilter(topK: filter.topK, topP: filter.topP)
            if filter.isKept {
                try record.check(name, .identical, as: view) {
                    try tokenFilter.filtered(logits).isEqual(to: -.infinity).inverted().converted(to: .uint8)
                }
            } else {
                try record.check(name, .absolute(1e-6), as: view) { try tokenFilter.probabilities(of: logits) }
                try checkFusedDraw(filter, logits: logits, record)
            }
        }
        try record.check("sampling.smooth.weights", .absolute(2e-5)) {
            guard let text = golden.metadata["smooth"],
                let smooth = try? JSONDecoder().decode(SmoothSettings.self, from: Data(text.utf8))
            else { throw VerificationError.missingInput(file: golden.path, name: "metadata 'smooth'") }
            let filtered = try TokenFilter(topK: smooth.topK, topP: smooth.topP).filtered(logits)
            return try GumbelMixture(progress: smooth.ratio)
                .weights(filtered, exponential: golden.tensor("sampling.smooth.exponential").moved(to: source.device))
        }
    }
}

extension GoldenVerifier {
    /// Where a GPU draws by an operator of its own: the tokens must be those that the CPU draws.
    private func checkFusedDraw(_ filter: NamedFilter, logits: Tensor, _ record: GoldenRecord) throws {
        guard Tensor.hasFusedDraw(codes: logits.shape[2], on: source.device) else { return }
        let images = Array(0..<logits.shape[0])
        let seed: UInt64 = 1
        let found = try TokenDraw.fusedTokens(
            from: logits, choosing: SamplingParameters(guidance: 0, topK: filter.topK, topP: filter.topP), seed: seed,
            images: Tensor(images, shape: [images.count]).moved(to: source.device), scale: 0)
        let expected = try TokenDraw.tokens(
            from: TokenFilter(topK: filter.topK, topP: filter.topP).probabilities(of: logits.moved(to: .cpu)),
            seed: seed, images: images, scale: 0)
        try record.compare("draw.top-k-\(filter.topK).top-p-\(filter.topP)", .identical, found, expected)
    }
}

/// How the smooth mixture of a golden file was made.
private struct SmoothSettings: Decodable {
    let ratio: Double
    let topK: Int
    let topP: Double

    enum CodingKeys: String, CodingKey {
        case ratio
        case topK = "top_k"
        case topP = "top_p"
    }
}

/// A filter by the name of its tensors: `sampling.top-k-12.top-p-0.96.kept`.
private struct NamedFilter {
    let topK: Int
    let topP: Double
    let isKept: Bool

    init?(name: String) {
        guard let match = name.wholeMatch(of: /sampling\.top-k-(\d+)\.top-p-([\d.]+)\.(kept|probabilities)/),
            let topK = Int(match.1), let topP = Double(match.2)
        else { return nil }
        self.topK = topK
        self.topP = topP
        isKept = match.3 == "kept"
    }
}

/// `values` with those rows sorted in which two logits are equal. Both `[…, V]`.
private func sortingRows(of values: Tensor, whereTied logits: Tensor) throws(TorchError) -> Tensor {
    let size = logits.shape[logits.rank - 1]
    let sorted = try logits.sorted().values
    let isTied = try sorted.narrowed(axis: -1, 1..<size).isEqual(to: sorted.narrowed(axis: -1, 0..<size - 1))
        .converted(to: .uint8).maximum(axis: -1, keepingAxis: true).isEqual(to: 1)
    return try values.converted(to: .float32).moved(to: logits.device).sorted().values
        .chosen(where: isTied, else: values.converted(to: .float32))
}
