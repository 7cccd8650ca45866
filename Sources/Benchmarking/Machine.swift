import Foundation
import MVAR

/// What the machine gives and takes.
enum Machine {
    /// The most memory that this process had at once, in MiB; on a GPU the most that its tensors had there. Nil where the
    /// system does not tell.
    static func peakMemoryInMebibytes(on device: Device) -> Double? {
        if case .cuda(let index) = device {
            return (try? LibTorch.peakCUDAMemory(device: index)).map { Double($0.allocated) / 1_048_576 }
        }
        guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
            let kibibytes = line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ Double($0) })
        else { return nil }
        return kibibytes / 1024
    }

    /// The most memory that LibTorch held on a GPU at once, in MiB; nil on the CPU.
    static func peakReservedMebibytes(on device: Device) -> Double? {
        guard case .cuda(let index) = device else { return nil }
        return (try? LibTorch.peakCUDAMemory(device: index)).map { Double($0.reserved) / 1_048_576 }
    }

    /// The rate of a large matrix product by LibTorch, in operations a second: what the machine could do at this moment. In
    /// float32 where LibTorch has no product of that precision.
    static func productRate(_ precision: Precision, on device: Device) throws -> Double {
        let side = device == .cpu ? 2048 : 8192
        var numbers = RandomNumbers(upTo: 65_521)
        let matrix = try numbers.tensor([side, side], dtype: productType(precision, on: device), device: device)
        let stopwatch = Stopwatch(on: device)
        // A GPU is done with one before its clock has risen, and before the host has asked for the next.
        let products = device == .cpu ? 1 : 20
        let seconds = try withoutGradients {
            try (0..<2).map { _ in
                try stopwatch.seconds { for _ in 0..<products { _ = try matrix.linear(weight: matrix) } }
            }
        }
        return 2 * Double(side * side * side * products) / Spread(seconds).minimum
    }

    /// What LibTorch multiplies in where we multiply in `precision`: its float16 is far slower than float32 on processors,
    /// and it has no layers of whole numbers.
    static func productType(_ precision: Precision, on device: Device) -> DType {
        device != .cpu || precision == .bfloat16 ? precision.dtype : .float32
    }
}
