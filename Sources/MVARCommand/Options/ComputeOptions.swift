import ArgumentParser
import MVAR

/// What is computed with.
struct ComputeOptions: ParsableArguments {
    @OptionGroup var place: DeviceOption
    @OptionGroup var threads: ThreadOptions

    /// Sets the threads.
    ///
    /// - Parameter output: Tells why `auto` is the CPU, where it is.
    /// - Returns: Where to compute.
    /// - Throws: ``MVAR/ComputeError`` unless this machine has the device.
    func apply(_ output: OutputOptions) throws -> Device {
        let device = try place.resolved(output)
        try threads.apply()
        return device
    }
}

/// Where to compute.
struct DeviceOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Where to compute.",
            discussion: """
                cuda is the first NVIDIA GPU, cuda:1 the second; auto the first one where it can be used, else the CPU. \
                'mvar doctor' lists what is there.
                """,
            valueName: "device"))
    var device = DeviceChoice.named(.cpu)

    @Flag(
        help: "On a GPU, multiply float32 numbers by 10 bits of each (TF32): faster, and no longer the CPU's results.")
    var tf32 = false

    /// Where that is; from now on this process computes there as the options say.
    ///
    /// - Parameter output: Tells why `auto` is the CPU, where it is.
    /// - Returns: The device.
    /// - Throws: ``MVAR/ComputeError`` unless this machine has it.
    func resolved(_ output: OutputOptions) throws -> Device {
        switch device {
        case .named(let device):
            try ComputeCheck.check(device)
            try applyTF32(on: device)
            return device
        case .automatic:
            let (device, obstacle) = ComputeCheck.automatic()
            if let obstacle {
                output.remark("computing on the CPU: \(obstacle.reason)")
            } else {
                try applyTF32(on: device)
            }
            return device
        }
    }

    /// Lets this process multiply as the flag says.
    ///
    /// - Parameter device: Where it computes.
    /// - Throws: Where that is no GPU.
    func applyTF32(on device: Device) throws {
        guard tf32 else { return }
        guard device != .cpu else { throw ValidationError("--tf32 is for GPUs: give --device cuda with it") }
        try LibTorch.allowTF32()
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

/// What the transformer computes in.
struct PrecisionOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "What the transformer's weights are kept and multiplied in.",
            discussion: """
                float32: as trained, or as the file has them where it holds int16 or int8. int16: whole numbers of 12 \
                bits, the most exact of the fast ones. int8: with losses that can be seen. bfloat16: for GPUs, and for \
                processors that multiply it. float16: for GPUs; on processors it only saves memory. auto: the fastest \
                here that keeps 99 of 100 of float32's likeliest tokens. On processors that is about what blocks \
                multiply tokens by; all else computes in float32, the decoder with weights in float16 where \
                blocks are not in float32, and in bfloat16 where they are in bfloat16 or int8 and the processor \
                multiplies it. 'mvar bench precision' measures what each loses.
                """,
            valueName: "type"))
    var precision: Choice = .float32

    @OptionGroup var force: ForcePrecisionFlag

    /// A precision, or the one that suits the machine.
    enum Choice: String, ExpressibleByArgument, CaseIterable {
        case float32, bfloat16, float16, int16, int8, auto
    }

    /// What was chosen.
    ///
    /// - Throws: Where the precision is refused on the device.
    func chosen(on device: Device, processor: Processor = .current) throws -> Precision {
        guard let precision = Precision(rawValue: precision.rawValue) else { return .automatic(on: device) }
        try force.check(precision, on: device, processor: processor)
        return precision
    }
}

/// Whether a precision is taken that is slow on this machine.
struct ForcePrecisionFlag: ParsableArguments {
    @Flag(help: "Take a half precision that is slow on this processor all the same.")
    var forcePrecision = false

    /// Throws where the precision is refused on the device.
    func check(_ precision: Precision, on device: Device, processor: Processor = .current) throws {
        if !forcePrecision || device != .cpu {
            try ComputeCheck.check(precision, on: device, processor: processor)
        }
    }
}

/// A number outside its range: one line, status 1.
struct OptionError: Error, Hashable, CustomStringConvertible {
    let option: String
    let value: String
    let need: String

    var description: String { "\(option) \(value) is impossible: it must be \(need)." }
}
