import CUDAEmulator

@testable import Torch

/// A call of the kernels of attention, emulated.
struct EmulatedAttention {
    /// Of queries, keys and values: `[B, H, height · width, D]`.
    let shape: [Int]
    let height: Int, width: Int, kernel: Int
    var dtype = DType.float32
    var scale = 1.0
    /// `[H]`; empty where queries and keys are not made unit vectors.
    var temperatures: [Float] = []
    /// 0 for what the operator would take.
    var stageChunks = 0
    /// In which threads run: 0 forward, 1 backward, 2 mixed.
    var order: Int32 = 2
    /// Whether `queries` are all three, `[B, T, 3, H, D]`.
    var isFused = false
    let queries: [UInt8], keys: [UInt8], values: [UInt8]

    struct Gradients {
        var queries: [UInt8], keys: [UInt8], values: [UInt8]
        /// Each query's part of its temperature's: `[B, H, T]`.
        var temperatures: [Float]
    }

    struct Failure: Error { let message: String }

    func attend() throws -> [UInt8] {
        // Never written is nan.
        var result = EmulatedNumbers.nothing(shape.reduce(1, *), dtype)
        try withProblem { cuda_emulator_attend(&$0, &result) }
        return result
    }

    func differentiate(_ gradient: [UInt8]) throws -> Gradients {
        let nothing = EmulatedNumbers.nothing(shape.reduce(1, *), dtype)
        var (ofQueries, ofKeys, ofValues) = (nothing, nothing, nothing)
        var parts = [Float](repeating: .nan, count: shape[0] * shape[1] * shape[2])
        try withProblem { cuda_emulator_differentiate(&$0, gradient, &ofQueries, &ofKeys, &ofValues, &parts) }
        return Gradients(queries: ofQueries, keys: ofKeys, values: ofValues, temperatures: parts)
    }

    private func withProblem(_ body: (inout CUDAEmulatorAttention) -> UnsafePointer<CChar>?) throws {
        let message = queries.withUnsafeBytes { queries in
            keys.withUnsafeBytes { keys in
                values.withUnsafeBytes { values in
                    temperatures.withUnsafeBufferPointer { temperatures in
                        var problem = CUDAEmulatorAttention(
                            type: EmulatedNumbers.number(of: dtype), batch: Int32(shape[0]), heads: Int32(shape[1]),
                            height: Int32(height), width: Int32(width), depth: Int32(shape[3]), kernel: Int32(kernel),
                            stage_chunks: Int32(stageChunks), order: order, is_fused: isFused, scale: Float(scale),
                            temperatures: temperatures.isEmpty ? nil : temperatures.baseAddress,
                            queries: queries.baseAddress, keys: keys.baseAddress, values: values.baseAddress)
                        return body(&problem).map { String(cString: $0) }
                    }
                }
            }
        }
        if let message { throw Failure(message: message) }
    }
}
