import NeuralNetworks

@testable import Torch

/// Tensors for the emulation, which takes and gives bytes.
enum EmulatedNumbers {
    /// How the emulation calls a type.
    static func number(of dtype: DType) -> Int32 {
        switch dtype {
        case .bfloat16: 1
        case .float16: 2
        default: 0
        }
    }

    static func normal(seed: UInt64, _ shape: [Int], as dtype: DType = .float32) throws -> Tensor {
        let path = ParameterPath(FreshParameters(seed: seed)) / "numbers"
        let shape = Array(repeating: 1, count: 4 - shape.count) + shape
        let x = try path.tensor(shape[0], shape[1], shape[2], shape[3], initial: .normal(standardDeviation: 1))
        return try x.converted(to: dtype).detached()
    }

    static func bytes(_ tensor: Tensor) throws -> [UInt8] {
        let tensor = try tensor.contiguous()
        // Halves are widened without rounding.
        let values = try tensor.converted(to: .float32).array(of: Float.self)
        return switch tensor.dtype {
        case .bfloat16: values.flatMap { value in withUnsafeBytes(of: UInt16(value.bitPattern >> 16)) { Array($0) } }
        case .float16: values.flatMap { value in withUnsafeBytes(of: Float16(value).bitPattern) { Array($0) } }
        default: values.withUnsafeBytes { Array($0) }
        }
    }

    static func tensor(_ bytes: [UInt8], _ shape: [Int], _ dtype: DType) throws -> Tensor {
        let values: [Float] = bytes.withUnsafeBytes { raw in
            switch dtype {
            case .bfloat16: raw.bindMemory(to: UInt16.self).map { Float(bitPattern: UInt32($0) << 16) }
            case .float16: raw.bindMemory(to: UInt16.self).map { Float(Float16(bitPattern: $0)) }
            default: Array(raw.bindMemory(to: Float.self))
            }
        }
        return try Tensor(values, shape: shape)
    }

    /// Bytes that are never numbers, for results.
    static func nothing(_ count: Int, _ dtype: DType) -> [UInt8] {
        [UInt8](repeating: 0xff, count: count * (dtype == .float32 ? 4 : 2))
    }

    /// The largest error in parts of the largest number expected.
    static func distance(_ found: Tensor, _ expected: Tensor) throws -> Double {
        let expected = try expected.detached().converted(to: .float64)
        let error = try (found.converted(to: .float64) - expected).magnitude().maximum().item()
        return try error / expected.magnitude().maximum().item()
    }
}
