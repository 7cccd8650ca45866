import ArgumentParser
import Foundation
import MVAR
import TestSupport
import Testing

@testable import MVARCommand

@Suite("Where to compute") struct DeviceOptionsTests {
    private static let hasGPU = (try? ComputeCheck.check(.cuda(0))) != nil

    @Test("--device reads auto, cpu, cuda and cuda:N, and nothing else") func words() throws {
        func device(_ text: String) throws -> DeviceChoice {
            try DeviceOption.parse(["--device", text]).device
        }
        #expect(try device("auto") == .automatic)
        #expect(try device("cpu") == .named(.cpu))
        #expect(try device("cuda") == .named(.cuda(0)))
        #expect(try device("cuda:3") == .named(.cuda(3)))
        for text in ["gpu", "automatic", "cuda:", "cuda:-1", ""] {
            #expect(throws: (any Error).self) { try device(text) }
        }
        #expect(try DeviceOption.parse([]).device == .named(.cpu))
    }

    @Test("auto is the first GPU where it can be used, else the CPU") func automatic() throws {
        let device = try ComputeOptions.parse(["--device", "auto"]).apply(OutputOptions.parse(["-q"]))
        #expect(device == (Self.hasGPU ? .cuda(0) : .cpu))
    }

    @Test("auto says why it is the CPU, on one line", .enabled(if: Program.path != nil && !hasGPU, "there is a GPU"))
    func reason() throws {
        let program = try Program(["sample", "--device", "auto", "--class", "0", "--seed", "1", "-o", "-"])
        let remarks = program.errors().split(separator: "\n").filter { $0.contains("computing on the CPU: ") }
        program.process.waitUntilExit()
        #expect(program.process.terminationStatus == 0)
        #expect(remarks.count == 1)
        #expect(remarks.first?.contains("CUDA") == true)
    }

    @Test("A GPU that is not there is refused with what to do", .enabled(if: !hasGPU, "there is a GPU"))
    func absent() throws {
        let options = try ComputeOptions.parse(["--device", "cuda"])
        let failed = try #require(
            #expect(throws: ComputeError.self) { try options.apply(OutputOptions.parse(["-q"])) })
        #expect(failed.description.contains("--device cpu") && failed.description.contains(failed.reason))
        #expect(!failed.description.contains("\n"))
    }
}
