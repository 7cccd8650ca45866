import ArgumentParser
import Benchmarking
import Foundation
import MVAR
import Testing

@testable import MVARCommand

@Suite("mvar bench") struct BenchCommandTests {
    @Test("Attention prints its rows as JSON, one object on one line") func json() async throws {
        let text = try await succeed("bench", "attention", "--sides", "2,3", "--runs", "1", "--json", "-q")
        #expect(text.split(separator: "\n").count == 1)
        let report = try JSONDecoder().decode(BenchReport<AttentionTimings>.self, from: Data(text.utf8))
        #expect(report.result.rows.map(\.height) == [2, 2, 3, 3])
        #expect(report.result.rows.allSatisfy { $0.heads == 32 && $0.headWidth == 64 && $0.kernel == 7 })
        #expect(report.conditions.runs == 1)
    }

    @Test("The table names the machine and has a line for every row") func table() async throws {
        let text = try await succeed("bench", "attention", "--sides", "3", "--runs", "1", "-q", "--preset", "d12")
        #expect(text.contains("LibTorch \(LibTorch.version)"))
        #expect(text.contains("float32, LibTorch"))
        #expect(text.contains("1 run after one to warm up"))
        #expect(text.split(separator: "\n").filter { $0.hasPrefix("3 × 3") }.count == 2)
    }

    @Test("Precisions of a model are compared with float32, those that were asked for") func precisions() async throws {
        let arguments = ["bench", "precision", "--model", Mini64.model, "--count", "1", "-q"]
        let text = try await printed(by: arguments + ["--precision", "int8,float16,auto", "--json"])
        let report = try JSONDecoder().decode(BenchReport<PrecisionLosses>.self, from: Data(text.utf8))
        #expect(report.result.rows.map(\.precision) == [.int8, .float16, .automatic(on: .cpu)])
        #expect(report.result.model == Mini64.model)
        let table = try await printed(by: arguments + ["--precision", "float32", "--attention", "full"])
        #expect(table.contains("float32    100.00%   0.00e+00  the same  the same"), "\(table)")
        #expect(!table.contains("warm up"))
    }

    @Test("All figures of a picture stand in its text") func sampleText() throws {
        let schedule = try ScaleSchedule([1, 2])
        let shape = TransformerConfiguration(
            depth: 1, width: 64, heads: 1, classes: 2, vocabularySize: 16, latentChannels: 4, schedule: schedule)
        var bench = SampleBench(
            preset: "small", transformer: shape,
            tokenizer: TokenizerConfiguration(
                channels: 32, multipliers: [1, 1], latentChannels: 4, vocabularySize: 16, schedule: schedule))
        bench.runs = 1
        let result = try bench.run().result
        let text = BenchSampleCommand.text(of: result, sides: schedule.sides)
        for figure in [
            result.secondsPerImage, result.transformerSeconds, result.decoderSeconds, result.secondsByScale[1],
        ] { #expect(text.contains(decimals(figure, 3))) }
        #expect(text.contains("\n  2 × 2"))
        #expect(text.contains("peak memory"))
    }

    @Test(
        "What has no effect on a part is accepted, so that one command line fits all",
        arguments: ["sample", "attention", "decoder", "linear", "tokenizer", "precision", "train"])
    func oneCommandLine(part: String) throws {
        let options = "--preset d20 --attention full --batch 2 --precision bfloat16 --device cpu --threads 1 --runs 2"
        _ = try MVARCommand.parseAsRoot(["bench", part] + options.split(separator: " ").map(String.init) + ["--json"])
    }

    @Test(
        "A wrong command line is status 64",
        arguments: [
            ["sample", "--preset", "d99"], ["linear", "--preset", ""], ["attention", "--sides", "3,x"],
            ["attention", "--sides", ""], ["sample", "--attention", "spatial-0"], ["decoder", "--precision", "int3"],
            ["tokenizer", "--device", "gpu"], ["nothing"], ["sample", "--schedule", "1,x"],
            ["sample", "--without", "attention,nothing"], ["sample", "--without", ""],
            ["precision", "--precision", "int16,int3"], ["precision", "--precision", ""],
            ["precision", "--tokenizer", "a.pth"], ["precision", "--window", "5"], ["precision", "--heads", "4"],
            ["precision", "--first-spatial-scale", "3"],
        ])
    func usage(arguments: [String]) async {
        let failed = await failure(of: ["bench"] + arguments)
        #expect(failed?.status == 64)
        #expect(failed?.message?.contains("\n") == false)
    }

    @Test("A schedule makes pictures of its size, with windows from side 13 on")
    func schedule() throws {
        let schedule = try ScaleSchedule([1, 3, 12, 13, 24])
        let preset = PresetOption.Preset.d16.with(schedule)
        #expect(preset.transformer.schedule == schedule)
        #expect(preset.transformer.firstSpatialScale == 3)
        #expect(preset.tokenizer.imageSide == 24 * 16)
    }

    @Test("A wrong preset is told which there are") func presets() async {
        let failed = await mvar("bench", "sample", "--preset", "d99")
        #expect(failed?.message?.contains("d12 - d16 - d20 - d24 - d30 - d36-s") == true)
    }

    @Test(
        "A number outside its range is status 1 and names its option",
        arguments: [
            ["sample", "--runs", "0"], ["sample", "--runs", "-1"], ["decoder", "--batch", "0"],
            ["tokenizer", "--batch", "-2"], ["attention", "--sides", "16,0"], ["attention", "--sides", "129"],
            ["linear", "--threads", "0"], ["precision", "--count", "0"], ["precision", "--count", "257"],
            ["train", "--precision", "int8"], ["train", "--batch", "0"], ["precision", "--cfg", "-1"],
        ])
    func ranges(arguments: [String]) async {
        let failed = await failure(of: ["bench"] + arguments)
        #expect(failed?.status == 1)
        #expect(failed?.message?.contains(arguments[1]) == true)
        #expect(failed?.message?.contains("\n") == false)
    }
}
