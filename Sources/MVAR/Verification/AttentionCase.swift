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

    /// Forward and backward against what a float64 oracle computed.
    func check(_ name: String, golden: GoldenFile, device: Device, record: GoldenRecord) throws {
        record.markInputs("\(name).q", "\(name).k", "\(name).v", "\(name).grad_out", "\(name).scale_mul")
        func leaf(_ part: String) throws -> Tensor {
            let tensor = try golden.tensor("\(name).\(part)").moved(to: device).cloned()
            try tensor.setRequiresGradient()
            return tensor
        }
        let (queries, keys, values) = (try leaf("q"), try leaf("k"), try leaf("v"))
        let logTemperature = normalizes ? try leaf("scale_mul") : nil
        let score: AttentionScore =
            try logTemperature.map { .cosine(logTemperature: try $0.reshaped(1, -1, 1, 1)) } ?? .product(scale: scale)
        let region = AttentionRegion.neighborhood(height: height, width: width, kernel: kernel)
        let (q, k, factor) = try score.prepare(queries, keys)
        let out = try region.attend(q, k, values, scale: factor)
        try out.backward(golden.tensor("\(name).grad_out").moved(to: device))
        let results = [
            ("out", try out.detached()), ("grad_q", queries.gradient), ("grad_k", keys.gradient),
            ("grad_v", values.gradient), ("grad_scale_mul", logTemperature?.gradient),
        ]
        for case (let part, .some(let result)) in results {
            try record.check("\(name).\(part)", .relative(2e-5)) { result }
        }
    }
}
