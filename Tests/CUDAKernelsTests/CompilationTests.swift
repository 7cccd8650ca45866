import CKernels
import Foundation
import TestSupport
import Testing

@Suite("Kernels for GPUs, compiled", .serialized, .enabled(if: Compiler.isInstalled, "\(Compiler.absence)"))
struct CompilationTests {
    static let architectures = [80, 89, 90, 100]
    /// Shared memory of a multiprocessor, in KiB.
    private static let sharedMemory = [80: 164, 89: 100, 90: 228, 100: 228]

    /// How many blocks of attention a multiprocessor's shared memory has room for; a KiB of each is the system's.
    private func blocks(
        of kernel: Cubin.Kernel, depth: Int, isHalf: Bool, on architecture: Int
    ) throws -> Int {
        let total = try #require(Self.sharedMemory[architecture]) << 10
        let dynamic = Int(ckernels_cuda_attention_memory(Int32(depth), isHalf, Int32(total)))
        return total / (kernel.shared + dynamic + 1024)
    }

    @Test(
        "Attention on tensor cores compiles for every architecture, spills nothing and leaves room for three blocks",
        arguments: architectures, [64, 128])
    func tensorCores(architecture: Int, depth: Int) throws {
        for number in ["bfloat16_t", "half_t"] {
            let kernels = try Cubin(
                Compiler.cubin(
                    "neighborhood_tensor_cores", number: number, depth: depth, architecture: architecture)
            ).kernels
            #expect(Set(kernels.keys) == ["attend"])
            let kernel = try #require(kernels["attend"])
            #expect(kernel.frame == 0, "\(number): \(kernel)")
            // 65,536 registers of a multiprocessor, blocks of 128 threads.
            #expect(kernel.registers <= 65536 / 128 / 3 / 8 * 8, "\(number): \(kernel)")
            #expect(try blocks(of: kernel, depth: depth, isHalf: true, on: architecture) >= 3, "\(number): \(kernel)")
        }
    }

    @Test(
        "Attention in float32 and its gradients compile for every architecture, spill nothing and have shared memory for three blocks",
        arguments: architectures, [64, 128])
    func plain(architecture: Int, depth: Int) throws {
        let kernels = try Cubin(
            Compiler.cubin("neighborhood_plain", number: "float", depth: depth, architecture: architecture)
        ).kernels
        #expect(Set(kernels.keys) == ["attend", "differentiate_queries", "differentiate_keys"])
        for (name, kernel) in kernels {
            #expect(kernel.frame == 0, "\(name): \(kernel)")
            #expect(try blocks(of: kernel, depth: depth, isHalf: false, on: architecture) >= 3, "\(name): \(kernel)")
        }
    }

    @Test(
        "Gradients of halves on tensor cores compile for every architecture, spill nothing and leave room for two blocks",
        arguments: architectures, [64, 128])
    func gradients(architecture: Int, depth: Int) throws {
        for number in ["bfloat16_t", "half_t"] {
            let kernels = try Cubin(
                Compiler.cubin(
                    "neighborhood_tensor_core_gradients", number: number, depth: depth, architecture: architecture)
            ).kernels
            #expect(Set(kernels.keys) == ["differentiate_queries", "differentiate_keys"])
            for (name, kernel) in kernels {
                #expect(kernel.frame == 0, "\(name), \(number): \(kernel)")
                #expect(kernel.registers <= 65536 / 128 / 2, "\(name), \(number): \(kernel)")
                #expect(
                    try blocks(of: kernel, depth: depth, isHalf: true, on: architecture) >= 3,
                    "\(name), \(number): \(kernel)")
            }
        }
    }

    @Test(
        "What stands between the products compiles for every architecture and spills nothing", arguments: architectures)
    func layers(architecture: Int) throws {
        struct Source {
            let name: String, number: String, size: Int
            let kernels: Set<String>
        }
        let modulation: Set<String> = ["modulate", "add_gated", "add_gated_and_modulate"]
        let gradients: Set<String> = [
            "differentiate_modulated", "differentiate_gated", "differentiate_gated_and_modulated", "add_parts",
        ]
        var sources = [Source(name: "draw", number: "float", size: 4096, kernels: ["draw"])]
        for number in ["float", "bfloat16_t", "half_t"] {
            sources.append(
                Source(name: "group_norm", number: number, size: 0, kernels: ["measure", "prepare", "apply"]))
            for size in [1024, 1920] {
                sources.append(Source(name: "modulation", number: number, size: size, kernels: modulation))
                sources.append(Source(name: "modulation_gradients", number: number, size: size, kernels: gradients))
            }
        }
        for source in sources {
            let kernels = try Cubin(
                Compiler.cubin(source.name, number: source.number, depth: source.size, architecture: architecture)
            ).kernels
            #expect(Set(kernels.keys) == source.kernels)
            for (name, kernel) in kernels {
                #expect(kernel.frame == 0, "\(source.name) \(name): \(kernel)")
                // What needs no special permission of the driver.
                #expect(kernel.shared <= 48 << 10, "\(source.name) \(name): \(kernel)")
            }
        }
    }

    @Test("A driver of an older CUDA than LibTorch's is told with both versions, a newer one is none")
    func versions() {
        func problem(_ driver: Int32, _ needed: Int32) -> String {
            String(cString: ckernels_cuda_version_problem(driver, needed))
        }
        let text = problem(12_040, 13_000)
        for part in ["12.4", "13.0", "580"] { #expect(text.contains(part), "\(text)") }
        for driver: Int32 in [13_000, 13_010, 14_000] { #expect(problem(driver, 13_000).isEmpty) }
    }

    @Test("What cannot be compiled is said on one line")
    func failures() throws {
        func message(_ source: String, _ number: String, _ architecture: Int) -> String {
            do {
                _ = try Compiler.cubin(source, number: number, depth: 64, architecture: architecture)
                return "compiled"
            } catch {
                return (error as? Compiler.Failure)?.message ?? "\(error)"
            }
        }
        let old = message("neighborhood_plain", "float", 75)
        #expect(old.contains("8.0 (Ampere) or newer") && old.contains("sm_75"))
        let unknown = message("neighborhood_plain", "float", 999)
        #expect(unknown.contains("does not know sm_999") && unknown.contains("nvidia-cuda-nvrtc"))
        let wrong = message("neighborhood_plain", "quaternion", 90)
        #expect(wrong.contains("neighborhood_plain.cu") && wrong.contains("quaternion"))
        #expect(message("nothing", "float", 90).contains("'nothing'"))
        for text in [old, unknown, wrong] { #expect(!text.contains("\n")) }
    }

    @Test("Machine code is kept, and a damaged file of it is made again")
    func cache() throws {
        try Fixture.withTemporaryFolder { folder in
            let before = ProcessInfo.processInfo.environment["XDG_CACHE_HOME"]
            setenv("XDG_CACHE_HOME", folder.path, 1)
            defer { if let before { setenv("XDG_CACHE_HOME", before, 1) } else { unsetenv("XDG_CACHE_HOME") } }
            func cubin() throws -> [UInt8] {
                try Compiler.cubin(
                    "neighborhood_tensor_cores", number: "half_t", depth: 8, architecture: 90, cached: true)
            }
            func files() throws -> [URL] {
                try FileManager.default.contentsOfDirectory(
                    at: folder.appendingPathComponent("mvar/cuda"), includingPropertiesForKeys: nil)
            }
            let code = try cubin()
            let file = try #require(files().first)
            #expect(try files().count == 1)
            let kept = try Data(contentsOf: file)
            #expect(kept.count > code.count && kept.suffix(code.count) == Data(code))

            // What is read is the file: a new modification date would show that it was written again.
            let date = Date(timeIntervalSince1970: 1_000_000_000)
            try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: file.path)
            #expect(try cubin() == code)
            let attributes = try FileManager.default.attributesOfItem(atPath: file.path)
            #expect(attributes[.modificationDate] as? Date == date)

            for damaged in [kept.dropLast(100), Data(), kept.prefix(2000) + [kept[2000] ^ 1] + kept.dropFirst(2001)] {
                try Data(damaged).write(to: file)
                #expect(try cubin() == code)
                #expect(try Data(contentsOf: file) == kept)
            }
            #expect(try files().count == 1)
        }
    }
}
