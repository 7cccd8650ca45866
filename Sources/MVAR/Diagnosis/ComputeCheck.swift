public import NeuralNetworks
public import Torch

/// Why a device or a precision cannot be used.
public enum ComputeError: Error, Hashable, Sendable, CustomStringConvertible {
    case noCUDA(Device, reason: String)
    case absentDevice(Device, count: Int)
    case noKernels(Device, reason: String)
    case slowPrecision(Precision, processor: String?)
    case absentPrecision(Precision, Device)

    /// What is wrong, as a part of a sentence.
    public var reason: String {
        switch self {
        case .noCUDA(_, let reason), .noKernels(_, let reason): reason
        default: description
        }
    }

    /// What is wrong and what to do, on one line.
    public var description: String {
        switch self {
        case .noCUDA(let device, let reason):
            "There is no \(device): \(reason). Use --device cpu; 'mvar doctor' says what was found."
        case .absentDevice(let device, let count):
            "There is no \(device): this machine has \(count) CUDA device\(count == 1 ? "" : "s"), "
                + (count == 1 ? "cuda:0." : "cuda:0 to cuda:\(count - 1).")
        case .noKernels(let device, let reason):
            "\(device) cannot be used: \(reason)."
        case .slowPrecision(let type, let processor):
            "This processor\(processor.map { " (\($0))" } ?? "") has no instructions for \(type.rawValue), which would be "
                + "slower than float32: take int16, or insist with --force-precision."
        case .absentPrecision(let type, let device):
            "There are no products of \(type.rawValue) on \(device), only on the CPU: take bfloat16 or float16."
        }
    }
}

/// Checks of what a caller wants to compute with, before anything is loaded.
public enum ComputeCheck {
    /// The first GPU where it can be used, else the CPU and why.
    public static func automatic() -> (device: Device, obstacle: ComputeError?) {
        do {
            try check(.cuda(0))
            return (.cuda(0), nil)
        } catch {
            return (.cpu, error)
        }
    }

    /// Throws unless this machine has the device.
    public static func check(_ device: Device) throws(ComputeError) {
        guard case .cuda(let index) = device else { return }
        if case .unavailable(let reason) = LibTorch.cudaLibrary {
            throw .noCUDA(device, reason: shortened(reason))
        }
        if let reason = LibTorch.cudaDriverProblem { throw .noCUDA(device, reason: reason) }
        let count = LibTorch.cudaDeviceCount
        guard count > 0 else { throw .noCUDA(device, reason: "LibTorch's CUDA library finds no GPU") }
        guard index < count else { throw .absentDevice(device, count: count) }
        // Before a model is loaded, not at the first layer that needs them.
        if let reason = LibTorch.cudaKernelProblem(device: index) { throw .noKernels(device, reason: reason) }
    }

    /// Throws where a precision would only be slower, bfloat16 on a processor that has no instructions for it, or is not
    /// to be had: whole numbers on a GPU.
    ///
    /// - Parameters:
    ///   - precision: What is to be computed in.
    ///   - device: Where; GPUs have the instructions for half precision.
    ///   - processor: Whose instructions count.
    /// - Throws: ``ComputeError/slowPrecision(_:processor:)``, ``ComputeError/absentPrecision(_:_:)``.
    public static func check(
        _ precision: Precision, on device: Device, processor: Processor = .current
    ) throws(ComputeError) {
        guard device == .cpu else {
            if precision.isInteger { throw .absentPrecision(precision, device) }
            return
        }
        if precision == .bfloat16, !processor.hasBFloat16 {
            throw .slowPrecision(precision, processor: processor.name)
        }
    }

    /// The loader's reason in words: it names a file, and most often that file is simply not there.
    static func shortened(_ reason: String) -> String {
        let line = reason.split(separator: "\n").first.map(String.init) ?? reason
        guard line.contains("No such file") else { return "LibTorch's CUDA library cannot be loaded (\(line))" }
        let file = line.split(separator: ":").first.map(String.init) ?? "libtorch_cuda.so"
        return file.contains("libtorch_cuda")
            ? "this LibTorch has no CUDA library (libtorch_cuda.so)"
            : "LibTorch's CUDA library needs \(file), which is not there"
    }
}
