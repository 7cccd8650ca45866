import ArgumentParser
import FileOutput
import MVAR
import Testing

@testable import MVARCommand

@Suite("Reading the command line") struct CommandLineTests {
    @Test("Every option of sample becomes its value") func sampleOptions() throws {
        let arguments =
            "--model m.pth --tokenizer t.pth --class 3,none --count 5 --seed 18446744073709551615 --cfg 2.5 --top-k 10 "
            + "--top-p 0.5 --temperature 0 --smooth --attention window-2 --batch 3 --device cuda:1 --precision bfloat16 "
            + "--threads 2 --progressive --grid --schedule 1,2,4 --heads 2 --first-spatial-scale 1 --window 5 -q -o a.png"
        let command = try #require(
            try MVARCommand.parseAsRoot(["sample"] + arguments.split(separator: " ").map(String.init)) as? SampleCommand
        )
        #expect(command.choice.classes == "3,none")
        #expect(command.choice.leastCount == 5)
        #expect(command.choice.seed == .max)
        #expect(command.choice.batch == .count(3))
        #expect(command.choice.progressive)
        #expect(command.pictures.grid)
        #expect(command.pictures.output == "a.png")
        #expect(command.output.quiet)
        #expect(command.compute.threads.threads == 2)
        var source = ModelSource(model: "m.pth", tokenizer: "t.pth")
        source.schedule = try ScaleSchedule([1, 2, 4])
        (source.heads, source.firstSpatialScale, source.window, source.pattern) = (2, 1, 5, .window(2))
        (source.device, source.precision) = (.cuda(1), .bfloat16)
        #expect(
            try command.model.source(device: .cuda(1), precision: command.precision.chosen(on: .cuda(1))) == source)
        #expect(command.compute.place.device == .named(.cuda(1)))
        #expect(
            command.sampling.parameters(over: SamplingParameters())
                == SamplingParameters(guidance: 2.5, topK: 10, topP: 0.5, temperature: 0, isSmooth: true))
    }

    @Test("What is not said is the model's") func samplingDefaults() throws {
        let command = try SampleCommand.parse(["-o", "a.png", "--cfg", "0"])
        let model = SamplingParameters(guidance: 2.7, topK: 1200, topP: 0.99)
        #expect(command.sampling.parameters(over: model) == SamplingParameters(guidance: 0, topK: 1200, topP: 0.99))
    }

    @Test("Without --count there is a picture for each class, and one without classes")
    func count() throws {
        #expect(try SampleCommand.parse(["-o", "a.png"]).choice.leastCount == 1)
        #expect(try SampleCommand.parse(["-o", "a.png", "--class", "1,2,none"]).choice.leastCount == 3)
    }

    @Test(
        "A wrong command line is status 64, on one line that names the help",
        arguments: [
            ["nonsense"], ["sample"], ["sample", "-o", "a.png", "--bogus"], ["sample", "-o", "a.png", "--cfg", "much"],
            ["sample", "-o", "a.png", "--seed", "-1"], ["sample", "-o", "a.png", "--device", "gpu"],
            ["sample", "-o", "a.png", "--precision", "float64"], ["sample", "-o", "a.png", "--attention", "all"],
            ["sample", "-o", "a.png", "--class", "1,,2"], ["sample", "-o", "-", "--json"],
            ["sample", "-o", "a.png", "--schedule", "1,1"], ["convert", "a"], ["convert", "a", "b", "--to", "onnx"],
            ["inspect", "a.png", "--rebuild", "-", "--json"], ["reconstruct", "a.png", "-o", "-", "--json"],
            ["tokens", "decode", "a.safetensors", "-o", "-", "--json"], ["tokens", "encode", "-o", "a.safetensors"],
            ["tokens", "encode", "a.png", "-o", "-", "--json"], ["verify", "--golden", "g", "--output", "-", "--json"],
            ["convert", "a.pth", "-", "--to", "var", "--json"], ["convert", "a.pth", "-"],
            ["convert", "a.pth", "-", "--to", "folder"], ["classes", "--window", "3"],
            ["reconstruct", "-o", "a.png"], ["verify"],
        ])
    func usageErrors(arguments: [String]) async {
        let failed = await failure(of: arguments)
        #expect(failed?.status == 64)
        #expect(failed?.message?.contains("\n") == false)
        #expect(failed?.message?.hasSuffix("--help' explains it.") == true)
    }

    @Test(
        "A number outside its range is status 1, on one line",
        arguments: [
            ["--count", "0"], ["--count", "-3"], ["--count", "99999999999999"], ["--cfg", "nan"], ["--cfg", "inf"],
            ["--cfg", "-1"],
            ["--top-p", "1.01"],
            ["--top-p", "nan"], ["--top-p", "-0.1"], ["--top-k", "-1"], ["--temperature", "-1"],
            ["--temperature", "nan"],
            ["--batch", "0"], ["--threads", "0"], ["--threads", "-1"], ["--window", "0"], ["--window", "-7"],
            ["--heads", "0"], ["--heads", "-2"], ["--first-spatial-scale", "-1"],
        ])
    func ranges(option: [String]) async {
        let failed = await failure(of: ["sample", "--model", Mini64.model, "-o", "a.png"] + option)
        #expect(failed?.status == 1)
        #expect(failed?.message?.contains("\n") == false)
        #expect(failed?.message?.contains(option[0]) == true)
    }

    @Test("A class below 0 is refused with the range of classes") func negativeClass() async {
        let failed = await mvar("sample", "--model", Mini64.model, "-o", "a.png", "--class", "-1")
        #expect(failed?.status == 1)
        #expect(failed?.message?.contains("-1 is outside 0...3") == true)
    }

    @Test("Help that nobody can take is a failure") func helpToFullDisk() async {
        let full: @Sendable (String) throws -> Void = { _ in try AtomicFile.write([1], to: "/dev/full") }
        let failed = await OutputOptions.$printer.withValue(full) { await Main.failure(of: ["sample", "--help"]) }
        #expect(failed?.status == 1)
        #expect(failed?.message?.contains("No space left") == true)
    }

    @Test("The shells' completion scripts know the commands", arguments: [CompletionShell.bash, .zsh, .fish])
    func completion(shell: CompletionShell) {
        let script = MVARCommand.completionScript(for: shell)
        #expect(script.contains("reconstruct") && script.contains("first-spatial-scale"))
    }
}
