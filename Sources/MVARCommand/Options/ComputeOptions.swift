import ArgumentParser
import MVAR

/// What is computed with.
struct ComputeOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Where to compute: cpu, cuda or cuda:N.",
            discussion: "cuda is the first NVIDIA GPU, cuda:1 the second. 'mvar doctor' lists what is there.",
            valueName: "device"),
        transform: Self.device)
    var device: Device = .cpu

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Threads on the CPU, 1 or more. (default: all cores)",
            discussion: "The result does not depend on it.", valueName: "N"))
    var threads: Int?

    /// Throws unless this machine has the device; sets the threads.
    func apply() throws {
        try ComputeCheck.check(device)
        if let threads { try LibTorch.setThreadCount(threads) }
    }

    func validate() throws {
        if let threads, !(1...4096).contains(threads) {
            throw OptionError(option: "--threads", value: "\(threads)", need: "in 1...4096")
        }
    }

    private static func device(_ text: String) throws -> Device {
        guard let device = Device(text) else {
            throw ValidationError("it is none of cpu, cuda, cuda:N")
        }
        return device
    }
}

/// The type in which the transformer computes.
struct PrecisionOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "What the transformer computes in: float32, bfloat16 or float16.",
            discussion: """
                The tokenizer and the last layer stay in float32. Half precision takes half the memory; it is faster on \
                GPUs and on processors with instructions for it, and refused on others, where it is slower.
                """,
            valueName: "type"))
    var precision: Precision = .float32

    @Flag(help: "Take a --precision that is slow on this processor all the same.")
    var forcePrecision = false

    enum Precision: String, ExpressibleByArgument, CaseIterable {
        case float32, bfloat16, float16

        var dtype: DType {
            switch self {
            case .float32: .float32
            case .bfloat16: .bfloat16
            case .float16: .float16
            }
        }
    }

    /// Throws where the precision is refused on the device.
    func check(on device: Device) throws {
        if !forcePrecision { try ComputeCheck.check(precision.dtype, on: device) }
    }
}

/// A number outside its range: one line, status 1.
struct OptionError: Error, Hashable, CustomStringConvertible {
    let option: String
    let value: String
    let need: String

    var description: String { "\(option) \(value) is impossible: it must be \(need)." }
}
