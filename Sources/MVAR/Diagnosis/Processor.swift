import Foundation

/// What the processor of this machine can do, as far as it concerns speed and precision.
public struct Processor: Hashable, Sendable {
    /// The name of its model, where the system says it.
    public let name: String?
    /// The instruction sets that it has, of those that our kernels or LibTorch make use of.
    public let instructionSets: [String]
    /// How many threads it runs at once for this process.
    public let coreCount: Int

    /// The instruction sets that matter here, under the names of Linux.
    static let known = [
        "sse4_2", "avx", "f16c", "fma", "avx2", "avx_vnni", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16",
        "avx512_fp16", "amx_tile", "amx_bf16", "amx_int8", "amx_fp16", "asimd", "sve", "bf16", "fphp",
    ]

    /// The processor that this runs on.
    public static let current = Processor(
        description: (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? "",
        coreCount: ProcessInfo.processInfo.activeProcessorCount)

    /// Reads what Linux says in `/proc/cpuinfo`.
    package init(description: String, coreCount: Int) {
        func value(_ keys: [String]) -> String? {
            for line in description.split(separator: "\n") {
                let parts = line.split(separator: ":", maxSplits: 1)
                guard parts.count == 2 else { continue }
                let key = parts[0].trimmingCharacters(in: .whitespaces)
                if keys.contains(key) { return parts[1].trimmingCharacters(in: .whitespaces) }
            }
            return nil
        }
        name = value(["model name", "Model"])
        let flags = Set((value(["flags", "Features"]) ?? "").split(separator: " ").map(String.init))
        instructionSets = Self.known.filter(flags.contains)
        self.coreCount = coreCount
    }

    /// Whether it multiplies bfloat16 by itself. Others convert each number first, which is slower than float32.
    public var hasBFloat16: Bool { !Set(instructionSets).isDisjoint(with: ["avx512_bf16", "amx_bf16", "bf16"]) }
}
