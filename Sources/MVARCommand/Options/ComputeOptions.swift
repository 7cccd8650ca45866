import ArgumentParser
import MVAR

/// What is computed with.
struct ComputeOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Where to compute.",
            discussion: "cuda is the first NVIDIA GPU, cuda:1 the second. 'mvar doctor' lists what is there.",
            valueName: "device"))
    var device: Device = .cpu

    @OptionGroup var threads: ThreadOptions

    /// Throws unless this machine has the device; sets the threads.
    func apply() throws {
        try ComputeCheck.check(device)
        try threads.apply()
    }
}

/// How many threads.
struct ThreadOptions: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Threads on the CPU, 1 or more; on a busy machine fewer can be faster. (default: all cores)",
            valueName: "N"))
    var threads: Int?

    /// Sets them, where they were given.
    func apply() throws {
        if let threads { try LibTorch.setThreadCount(threads) }
    }

    func validate() throws {
        if let threads, !(1...4096).contains(threads) {
            throw OptionError(option: "--threads", value: "\(threads)", need: "in 1...4096")
        }
    }
}

/// The type in which the transformer computes.
struct PrecisionOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "What the transformer computes in.",
            discussion: """
                The tokenizer and the last layer stay in float32. Half precision takes half the memory; it is faster on \
                GPUs and on processors with instructions for it, and refused on others, where it is slower.
                """,
            valueName: "type"))
    var precision: Precision = .float32

    @OptionGroup var force: ForcePrecisionFlag

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
    func check(on device: Device, processor: Processor = .current) throws {
        try force.check(precision.dtype, on: device, processor: processor)
    }
}

/// Whether a precision is taken that is slow on this machine.
struct ForcePrecisionFlag: ParsableArguments {
    @Flag(help: "Take a half precision that is slow on this processor all the same.")
    var forcePrecision = false

    /// Throws where the precision is refused on the device.
    func check(_ precision: DType, on device: Device, processor: Processor = .current) throws {
        if !forcePrecision { try ComputeCheck.check(precision, on: device, processor: processor) }
    }
}

/// A number outside its range: one line, status 1.
struct OptionError: Error, Hashable, CustomStringConvertible {
    let option: String
    let value: String
    let need: String

    var description: String { "\(option) \(value) is impossible: it must be \(need)." }
}
