import ScaleTransformer
import Torch

/// One case of a golden file for neighbourhood attention: its shape, as its metadata tells it.
struct AttentionCase: Decodable {
    let height: Int
    let width: Int
    let kernel: Int
    let scale: Double
    let normalizes: Bool

    enum CodingKeys: String, CodingKey {
        case height, width, kernel, scale
        case normalizes = "l2norm"
    }

    /// The dense mask of a larger map would not fit into memory.
    private static let largestTokenCount = 1 << 14

    /// The shape of queries, keys and values: `[batch, heads, height · width, channels]`.
    private func shape(_ name: String, golden: GoldenFile) throws -> [Int] {
        let sides = 1...Self.largestTokenCount
        guard sides.contains(height), sides.contains(width), height * width <= Self.largestTokenCount, kernel > 0,
            scale.isFinite
        else { throw VerificationError.invalidCase(file: golden.path, name: name) }
        return try golden.tensor("\(name).q", shape: [nil, nil, height * width, nil]).shape
    }

    /// Forward and backward against what a float64 oracle computed.
    func check(_ name: String, golden: GoldenFile, device: Device, record: GoldenRecord) throws {
        let shape = try shape(name, golden: golden)
        record.markInputs("\(name).q", "\(name).k", "\(name).v", "\(name).grad_out", "\(name).scale_mul")
        func leaf(_ part: String, _ shape: [Int]) throws -> Tensor {
            let tensor = try golden.tensor("\(name).\(part)", shape: shape).moved(to: device).cloned()
            try tensor.setRequiresGradient()
            return tensor
        }
        let (queries, keys, values) = (try leaf("q", shape), try leaf("k", shape), try leaf("v", shape))
        let logTemperature = normalizes ? try leaf("scale_mul", [shape[1]]) : nil
        let score: AttentionScore =
            try logTemperature.map { .cosine(logTemperature: try $0.reshaped(1, -1, 1, 1)) } ?? .product(scale: scale)
        let region = AttentionRegion.neighborhood(height: height, width: width, kernel: kernel)
        let out = try region.attend(queries, keys, values, comparing: score)
        try out.backward(golden.tensor("\(name).grad_out", shape: shape).moved(to: device))
        let results = [
            ("out", try out.detached()), ("grad_q", queries.gradient), ("grad_k", keys.gradient),
            ("grad_v", values.gradient), ("grad_scale_mul", logTemperature?.gradient),
        ]
        for case (let part, .some(let result)) in results {
            try record.check("\(name).\(part)", .relative(2e-5)) { result }
        }
    }
}
