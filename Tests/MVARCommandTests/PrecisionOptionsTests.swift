import ArgumentParser
import MVAR
import Testing

@testable import MVARCommand

@Suite("Precisions that a machine is slow at, or does not have") struct PrecisionOptionsTests {
    private static let plain = "model name : Old One\nflags : fpu sse4_2 avx2 fma"

    private func processor(_ description: String) -> Processor { Processor(description: description, coreCount: 2) }

    @Test("bfloat16 without instructions for it is refused, with what to do") func refused() throws {
        let options = try PrecisionOptions.parse(["--precision", "bfloat16"])
        let failed = #expect(throws: ComputeError.self) {
            try options.chosen(on: .cpu, processor: processor(Self.plain))
        }
        let message = failed?.description ?? ""
        #expect(message.contains("bfloat16") && message.contains("Old One") && message.contains("--force-precision"))
    }

    @Test("With instructions for it, it is taken", arguments: ["avx512_bf16", "amx_bf16"]) func taken(flag: String)
        throws
    {
        let processor = processor(Self.plain + " " + flag)
        let options = try PrecisionOptions.parse(["--precision", "bfloat16"])
        #expect(try options.chosen(on: .cpu, processor: processor) == .bfloat16)
    }

    @Test("The others are for every processor", arguments: [Precision.float32, .float16, .int16, .int8])
    func everywhere(precision: Precision) throws {
        let options = try PrecisionOptions.parse(["--precision", precision.rawValue])
        #expect(try options.chosen(on: .cpu, processor: processor(Self.plain)) == precision)
    }

    @Test("--force-precision takes it all the same; GPUs need no force") func overrides() throws {
        let processor = processor(Self.plain)
        let forced = try PrecisionOptions.parse(["--precision", "bfloat16", "--force-precision"])
        #expect(try forced.chosen(on: .cpu, processor: processor) == .bfloat16)
        let half = try PrecisionOptions.parse(["--precision", "bfloat16"])
        #expect(try half.chosen(on: .cuda(0), processor: processor) == .bfloat16)
    }

    @Test("A GPU has no whole numbers, and force does not help", arguments: ["int16", "int8"])
    func wholeNumbersOnGPU(type: String) throws {
        let failed = #expect(throws: ComputeError.self) {
            try PrecisionOptions.parse(["--precision", type, "--force-precision"]).chosen(on: .cuda(0))
        }
        #expect(failed?.description.contains("cuda:0") == true && failed?.description.contains(type) == true)
    }

    @Test("auto is what the table says") func automatic() throws {
        let options = try PrecisionOptions.parse(["--precision", "auto"])
        #expect(try options.chosen(on: .cuda(0)) == .float16)
        let expected: [LibTorch.InstructionSet: Precision] = [
            .portable: .float32, .avx2: .int16, .avx512: .int16, .avx512VNNI: .int16, .avx512BFloat16: .int16,
        ]
        try LibTorch.withEachInstructionSet { set in
            let chosen = try options.chosen(on: .cpu)
            #expect(chosen == expected[set], "\(set)")
        }
    }

    @Test("An ARM processor's instructions count too") func arm() throws {
        _ = try PrecisionOptions.parse(["--precision", "bfloat16"])
            .chosen(on: .cpu, processor: processor("Features : fp asimd bf16"))
    }
}
