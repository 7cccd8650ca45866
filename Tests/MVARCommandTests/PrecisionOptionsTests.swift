import ArgumentParser
import MVAR
import Testing

@testable import MVARCommand

@Suite("Precisions that the processor is slow at") struct PrecisionOptionsTests {
    private static let plain = "model name : Old One\nflags : fpu sse4_2 avx2 fma"
    private static let fast = plain + " avx512_bf16 avx512_fp16"

    private func processor(_ description: String) -> Processor { Processor(description: description, coreCount: 2) }

    @Test("Half precision without instructions for it is refused, with what to do", arguments: ["bfloat16", "float16"])
    func refused(type: String) throws {
        let options = try PrecisionOptions.parse(["--precision", type])
        let failed = #expect(throws: ComputeError.self) {
            try options.check(on: .cpu, processor: processor(Self.plain))
        }
        let message = failed?.description ?? ""
        #expect(message.contains(type) && message.contains("Old One") && message.contains("--force-precision"))
    }

    @Test("With instructions for it, it is taken", arguments: ["bfloat16", "float16"])
    func taken(type: String) throws {
        try PrecisionOptions.parse(["--precision", type]).check(on: .cpu, processor: processor(Self.fast))
    }

    @Test("Each type has instructions of its own") func eachItsOwn() throws {
        let processor = processor(Self.plain + " amx_bf16")
        try PrecisionOptions.parse(["--precision", "bfloat16"]).check(on: .cpu, processor: processor)
        #expect(throws: ComputeError.self) {
            try PrecisionOptions.parse(["--precision", "float16"]).check(on: .cpu, processor: processor)
        }
    }

    @Test("--force-precision takes it all the same; float32 and GPUs need no force")
    func overrides() throws {
        let processor = processor(Self.plain)
        try PrecisionOptions.parse(["--precision", "bfloat16", "--force-precision"])
            .check(on: .cpu, processor: processor)
        try PrecisionOptions.parse([]).check(on: .cpu, processor: processor)
        try PrecisionOptions.parse(["--precision", "float16"]).check(on: .cuda(0), processor: processor)
    }

    @Test("An ARM processor's instructions count too") func arm() throws {
        try PrecisionOptions.parse(["--precision", "bfloat16"])
            .check(on: .cpu, processor: processor("Features : fp asimd bf16"))
    }
}
