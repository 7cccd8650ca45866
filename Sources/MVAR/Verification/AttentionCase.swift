import NeuralNetworks
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

    /// How close float32 comes, and halves: queries, keys, values, results and gradients are rounded to 8 or 11 bits.
    private static func tolerance(_ dtype: DType) -> Double {
        switch dtype {
        case .bfloat16: 8e-3
        case .float16: 1e-3
        default: 2e-5
        }
    }

    /// What attention computes in; it knows no whole numbers, and on processors no float16.
    private static func dtype(_ precision: Precision, on device: Device) -> DType {
        switch precision {
        case .bfloat16: .bfloat16
        case .float16 where device != .cpu: .float16
        default: .float32
        }
    }

    /// Forward and backward against what a float64 oracle computed.
    func check(
        _ name: String, golden: GoldenFile, precision: Precision, device: Device, record: GoldenRecord
    ) throws {
        let shape = try shape(name, golden: golden)
        record.markInputs("\(name).q", "\(name).k", "\(name).v", "\(name).grad_out", "\(name).scale_mul")
        let dtype = Self.dtype(precision, on: device)
        func operand(_ part: String, _ shape: [Int], _ dtype: DType) throws -> Tensor {
            try golden.tensor("\(name).\(part)", shape: shape).moved(to: device).converted(to: dtype)
        }
        func leaf(_ part: String, _ shape: [Int], _ dtype: DType = .float32) throws -> Tensor {
            let tensor = try operand(part, shape, dtype).cloned()
            try tensor.setRequiresGradient()
            return tensor
        }
        let (queries, keys, values) =
            (try leaf("q", shape, dtype), try leaf("k", shape, dtype), try leaf("v", shape, dtype))
        let logTemperature = normalizes ? try leaf("scale_mul", [shape[1]]) : nil
        let score: AttentionScore =
            try logTemperature.map { .cosine(logTemperature: try $0.reshaped(1, -1, 1, 1)) } ?? .product(scale: scale)
        let region = AttentionRegion.neighborhood(height: height, width: width, kernel: kernel)
        let out = try region.attend(queries, keys, values, comparing: score)
        try out.backward(operand("grad_out", shape, out.dtype))
        let results = [
            ("out", try out.detached()), ("grad_q", queries.gradient), ("grad_k", keys.gradient),
            ("grad_v", values.gradient), ("grad_scale_mul", logTemperature?.gradient),
        ]
        for case (let part, .some(let result)) in results {
            // A temperature's gradient is a sum over all places, of roundings too.
            let factor: Double = part == "grad_scale_mul" && dtype != .float32 ? 20 : 1
            try record.check("\(name).\(part)", .relative(factor * Self.tolerance(dtype))) { result }
        }
    }
}
