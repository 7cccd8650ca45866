import Foundation
import MVAR

/// What the machine gives and takes.
enum Machine {
    /// The most memory that this process had at once, in MiB; on a GPU the most that its tensors had there. Nil where the
    /// system does not tell.
    static func peakMemoryInMebibytes(on device: Device) -> Double? {
        if case .cuda(let index) = device {
            return (try? LibTorch.peakCUDAMemory(device: index)).map { Double($0) / 1_048_576 }
        }
        guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
            let kibibytes = line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ Double($0) })
        else { return nil }
        return kibibytes / 1024
    }

    /// The rate of a large matrix product by LibTorch, in operations a second: what the machine could do at this moment. In
    /// float32 where LibTorch has no product of that precision.
    static func productRate(_ precision: Precision, on device: Device) throws -> Double {
        let side = device == .cpu ? 2048 : 8192
        var numbers = RandomNumbers(upTo: 65_521)
        let matrix = try numbers.tensor([side, side], dtype: productType(precision, on: device), device: device)
        let stopwatch = Stopwatch(on: device)
        let seconds = try withoutGradients {
            try (0..<2).map { _ in try stopwatch.seconds { _ = try matrix.linear(weight: matrix) } }
        }
        return 2 * Double(side * side * side) / Spread(seconds).minimum
    }

    /// What LibTorch multiplies in where we multiply in `precision`: its float16 is far slower than float32 on processors,
    /// and it has no layers of whole numbers.
    static func productType(_ precision: Precision, on device: Device) -> DType {
        device != .cpu || precision == .bfloat16 ? precision.dtype : .float32
    }
}
