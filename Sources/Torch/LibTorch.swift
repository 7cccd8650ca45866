import CKernels
import CTorch

/// The library as a whole: its version, its threads, its devices.
public enum LibTorch {
    /// The version that the program was built against, e.g. `2.11.0`.
    public static var version: String { String(cString: ctorch_version()) }

    /// The folder from which the loader took LibTorch.
    public static var libraryFolder: String { String(cString: ctorch_library_folder()) }

    /// The number of threads that LibTorch's operators and ours use.
    public static var threadCount: Int { Int(ctorch_thread_count()) }

    /// Sets the number of threads, at least 1, for the whole process.
    public static func setThreadCount(_ count: Int) throws(TorchError) {
        try check(ctorch_set_thread_count(Int32(clamping: count)), "setting the number of threads to \(count)")
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

    /// The number of CUDA devices that LibTorch can use.
    public static var cudaDeviceCount: Int {
        guard case .loaded = cudaLibrary else { return 0 }
        return Int(ctorch_cuda_device_count())
    }

    /// Gives memory that has been freed back to the system, where the C library can.
    public static func releaseUnusedMemory() { ctorch_release_unused_memory() }
}
