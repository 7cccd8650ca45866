import CKernels
import CTorch

/// The library as a whole: its version, its threads, its devices.
public enum LibTorch {
    /// The version that the program was built against, e.g. `2.11.0`.
    public static var version: String { String(cString: ctorch_version()) }

    /// Keeps freed memory of large tensors for those that come next: a program calls it once, first of all.
    ///
    /// Otherwise the C library gives large blocks back at once, and the system clears the same pages again for every layer:
    /// an eighth of the time of a picture. It concerns the whole process, so a library leaves it to the program.
    ///
    /// - Returns: Whether the system can do that.
    @discardableResult
    public static func keepFreedMemory() -> Bool { ctorch_pool_memory(true) }

    /// Undoes ``keepFreedMemory()`` for what is allocated from now on, for benchmarks.
    package static func returnFreedMemory() { _ = ctorch_pool_memory(false) }

    /// The folder from which the loader took LibTorch.
    public static var libraryFolder: String { String(cString: ctorch_library_folder()) }

    /// The number of threads that LibTorch's operators and ours use.
    public static var threadCount: Int { Int(ctorch_thread_count()) }

    /// Sets the number of threads, at least 1, for the whole process.
    public static func setThreadCount(_ count: Int) throws(TorchError) {
        try check(ctorch_set_thread_count(Int32(clamping: count)), "setting the number of threads to \(count)")
    }

    /// Runs `body` with our own kernels in every instruction set that this processor has, the plainest first.
    ///
    /// For tests and benchmarks: the choice holds on this thread while `body` runs.
    package static func withEachInstructionSet(_ body: (InstructionSet) throws -> Void) rethrows {
        ckernels_limit_instruction_set(.max)
        let best = instructionSet.rawValue
        defer { ckernels_limit_instruction_set(.max) }
        for set in InstructionSet.allCases where set.rawValue <= best {
            ckernels_limit_instruction_set(set.rawValue)
            try body(set)
        }
    }

    /// The instruction sets that our own kernels are written for.
    package enum InstructionSet: Int32, CaseIterable {
        /// What every processor of its kind has: NEON or SSE2.
        case portable = 0
        case avx2 = 1
        case avx512 = 2
        /// AVX-512 with products of bytes and of 16-bit numbers (VNNI).
        case avx512VNNI = 3
        /// The same, and with products of bfloat16.
        case avx512BFloat16 = 4
    }

    /// The instruction set that our own kernels use on this thread.
    package static var instructionSet: InstructionSet {
        InstructionSet(rawValue: ckernels_instruction_set()) ?? .portable
    }

    /// The number of distinct threads that share one of our own parallel loops; for tests of the thread pool.
    package static var threadsSeenInParallelLoop: Int { Int(ckernels_threads_seen()) }

    /// What became of the one attempt to load LibTorch's CUDA library.
    public enum CUDALibrary: Hashable, Sendable {
        case loaded
        /// With the loader's reason.
        case unavailable(reason: String)
    }

    /// Loads LibTorch's CUDA library at first use.
    ///
    /// It is looked for beside the CPU library, then by name. LibTorch keeps its first answer to the question whether
    /// CUDA exists, so everything that asks goes through here.
    public static let cudaLibrary: CUDALibrary = {
        let name = "libtorch_cuda.so"
        var reason = ""
        for path in [libraryFolder + "/" + name, name] {
            if ctorch_load_cuda(path) == 0 { return .loaded }
            reason = String(cString: ctorch_last_error())
        }
        return .unavailable(reason: reason)
    }()

    /// What keeps NVIDIA's driver from serving this LibTorch, in one line; nil for nothing.
    public static var cudaDriverProblem: String? {
        let problem = String(cString: ckernels_cuda_driver_problem())
        return problem.isEmpty ? nil : problem
    }

    /// The number of CUDA devices that LibTorch can use.
    public static var cudaDeviceCount: Int {
        // LibTorch would warn of an old driver on standard error, and find no device.
        guard case .loaded = cudaLibrary, cudaDriverProblem == nil else { return 0 }
        return Int(ctorch_cuda_device_count())
    }

    /// Whether GPUs multiply float32 with 10 bits of each factor (TF32), for the whole process; at first they do not.
    public static var allowsTF32: Bool {
        guard case .loaded = cudaLibrary else { return false }
        return ctorch_allows_tf32()
    }

    /// Lets GPUs multiply float32 with 10 bits of each factor: several times as fast.
    public static func allowTF32(_ allowed: Bool = true) throws(TorchError) {
        guard case .loaded = cudaLibrary else { return }
        try check(ctorch_allow_tf32(allowed), "allowing TF32")
    }

    /// The most memory that tensors on a CUDA device have had at once, in bytes.
    ///
    /// - Parameter index: Of the device, from 0.
    /// - Returns: The bytes, and the most that LibTorch held at once: with what it keeps in reserve and what a CUDA graph's
    ///   tensors lie in between its runs.
    /// - Throws: ``TorchError`` where there is no such device.
    package static func peakCUDAMemory(device index: Int) throws(TorchError) -> (allocated: Int, reserved: Int) {
        guard case .loaded = cudaLibrary else {
            throw TorchError("memory of cuda:\(index)", message: "LibTorch's CUDA library is not loaded")
        }
        var (allocated, reserved): (Int64, Int64) = (0, 0)
        try check(ctorch_cuda_peak_memory(Int32(clamping: index), &allocated, &reserved), "memory of cuda:\(index)")
        return (Int(allocated), Int(reserved))
    }

    /// The memory of a CUDA device that nothing uses, in bytes.
    ///
    /// - Parameter index: Of the device, from 0.
    /// - Returns: The bytes; what LibTorch keeps in reserve is not among them.
    /// - Throws: ``TorchError`` where there is no such device.
    package static func freeCUDAMemory(device index: Int) throws(TorchError) -> Int {
        guard case .loaded = cudaLibrary else {
            throw TorchError("memory of cuda:\(index)", message: "LibTorch's CUDA library is not loaded")
        }
        var (free, total): (Int64, Int64) = (0, 0)
        try check(ctorch_cuda_memory(Int32(clamping: index), &free, &total), "memory of cuda:\(index)")
        return Int(free)
    }

    /// What keeps the package's own kernels from running on a CUDA device, in one line with what to do; nil for nothing.
    public static func cudaKernelProblem(device index: Int) -> String? {
        let problem = String(cString: ckernels_cuda_problem(Int32(clamping: index)))
        return problem.isEmpty ? nil : problem
    }

    /// The version of NVIDIA's run-time compiler, as `13.0`, or why it cannot be used.
    public static var cudaCompiler: Result<String, TorchError> {
        let problem = String(cString: ckernels_nvrtc_problem())
        guard problem.isEmpty else { return .failure(TorchError("NVRTC", message: problem)) }
        return .success(cudaVersion(ckernels_nvrtc_version()))
    }

    /// The newest CUDA that NVIDIA's driver serves, as `13.0`; nil without a driver that works.
    public static var cudaDriver: String? {
        let version = ckernels_cuda_driver_version()
        return version > 0 ? cudaVersion(version) : nil
    }

    /// NVIDIA's numbers: 12080 is 12.8.
    private static func cudaVersion(_ number: Int32) -> String { "\(number / 1000).\(number % 1000 / 10)" }
}
