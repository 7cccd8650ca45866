import CKernels
import Foundation
import TestSupport

/// NVIDIA's compiler as `scripts/test-tools.sh` installs it, for tests.
enum Compiler {
    struct Failure: Error { let message: String }

    static let absence = "NVRTC is not installed: scripts/test-tools.sh does it"

    /// Whether tests can compile. It names the library to the kernels' loader, which looks once.
    static let isInstalled: Bool = {
        let library = Fixture.folder.deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent(".build/nvrtc/nvidia/cu13/lib/libnvrtc.so.13").path
        guard FileManager.default.fileExists(atPath: library) else { return false }
        setenv("MVAR_NVRTC", library, 1)
        return ckernels_nvrtc_version() > 0
    }()

    /// The machine code of a source of `CKernels/CUDA/Device`.
    static func cubin(
        _ source: String, number: String, depth: Int, architecture: Int, cached: Bool = false
    ) throws -> [UInt8] {
        var size: Int64 = 0
        let compile = cached ? ckernels_cuda_cubin : ckernels_cuda_compile
        guard let code = compile(source, number, Int32(depth), Int32(architecture), &size) else {
            throw Failure(message: String(cString: ckernels_cuda_error()))
        }
        defer { free(code) }
        return Array(UnsafeRawBufferPointer(start: code, count: Int(size)))
    }
}
