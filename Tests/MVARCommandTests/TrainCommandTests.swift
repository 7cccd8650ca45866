import Foundation
import MVAR
import TestSupport
import Testing

@testable import MVARCommand

@Suite("mvar train", .enabled(if: Program.path != nil, "the program was not built beside the tests"))
struct TrainCommandTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try folder.drawPictures(8)
    }

    /// The run's data, and a tokenizer that learns in no time.
    private func tokenizer(_ run: String = "run", _ more: String...) -> [String] {
        ["train", "tokenizer", "--data", folder.file("data"), "--validation", folder.file("data")]
            + ["--run", folder.file(run), "--multipliers", "1,1", "--latent-channels", "4", "--vocabulary", "16"]
            + ["--schedule", "1,2,4,8", "--batch", "2"] + more
    }

    private func model(_ more: String...) -> [String] {
        ["train", "model", "--data", folder.file("data"), "--validation", folder.file("data")]
            + ["--run", folder.file("model"), "--tokenizer", folder.file("run/model"), "--depth", "1", "--width", "32"]
            + ["--heads", "2", "--batch", "2"] + more
    }

    /// Runs a command line that must succeed; returns what it printed.
    private func succeed(_ arguments: [String]) throws -> (output: String, errors: String) {
        let program = try Program(arguments)
        let output = String(decoding: program.output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        let errors = program.errors()
        program.process.waitUntilExit()
        #expect(program.process.terminationStatus == 0, "\(errors)")
        return (output, errors)
    }

    @Test("Measurements and the folder of the result are printed, remarks are not; with --quiet too")
    func printed() throws {
        let plain = try succeed(tokenizer("run", "--steps", "2"))
        #expect(plain.output.hasPrefix("tokenizer, step 2, "))
        #expect(plain.output.contains("psnr ") && plain.output.hasSuffix("\n\(folder.file("run"))/model\n"))
        #expect(plain.errors.contains("8 pictures of 2 classes to learn from"))
        let quiet = try succeed(model("--steps", "2", "--quiet"))
        let lines = quiet.output.split(separator: "\n")
        #expect(lines.count == 3)
        #expect(lines.first?.hasPrefix("model, step 2, ") == true)
        #expect(lines.last.map(String.init) == folder.file("model/model"))
        #expect(quiet.errors.isEmpty)
    }

    @Test("--json prints one object and nothing else") func json() throws {
        func object(_ text: String) throws -> [String: Any] {
            try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        }
        let first = try object(succeed(tokenizer("run", "--steps", "2", "--validate-every", "1", "--json")).output)
        #expect(first["tokenizer"] as? String == folder.file("run/model"))
        #expect(first["step"] as? Int == 2)
        let measured = first["measured"] as? [String: Any]
        for name in ["psnr", "ssim", "usage", "usage_4", "perplexity", "perplexity_4"] {
            #expect(measured?[name] is Double, "\(name)")
        }
        let second = try object(succeed(model("--steps", "2", "--json")).output)
        #expect(second["model"] as? String == folder.file("model/model"))
        #expect((second["confusion"] as? [[Int]])?.count == 2)
    }

    @Test("Names of classes come from lines of a class and a name, or of number, class and names, as ImageNet's")
    func classNames()
        async throws
    {
        _ = try succeed(tokenizer("run", "--steps", "1", "-q"))
        let file = folder.file("classes.tsv")
        func write(_ text: String) throws { try Data(text.utf8).write(to: URL(fileURLWithPath: file)) }
        for (text, names) in [
            ("light\tbright, light\ndark\tgloomy\n", ["gloomy", "bright, light"]),
            ("0\tdark\tgloomy\r\n1\tlight\tbright\r\n", ["gloomy", "bright"]),
            ("light\tbright\nother\tname\n", ["dark", "bright"]),
        ] {
            try write(text)
            try? FileManager.default.removeItem(atPath: folder.file("model"))
            _ = try succeed(model("--steps", "1", "-q", "--class-names", file))
            let checkpoint = try Checkpoint(path: folder.file("model/model"))
            #expect(checkpoint.description?.classNames == names)
            #expect(checkpoint.description?.classIDs == ["dark", "light"])
        }
        try? FileManager.default.removeItem(atPath: folder.file("model"))
        for text in ["", "cat\tTom\n", "dark gloomy\nlight bright\n"] {
            try write(text)
            let failed = await failure(of: model("--steps", "1", "-q", "--class-names", file))
            #expect(failed?.status == 1 && failed?.message?.contains("none is of 'dark'") == true)
            #expect(!folder.names.contains("model"))
        }
    }

    @Test("Random crops without mirroring, on any number of threads, are settings of a run; a cache has no crops")
    func crops() async throws {
        let options = ["--steps", "2", "--log-every", "1", "-q", "--crop", "random", "--no-flip"]
        func losses(_ run: String) throws -> [Substring] {
            try String(contentsOfFile: folder.file("\(run)/metrics.jsonl"), encoding: .utf8)
                .matches(of: #/"(?:loss|psnr)":[^,}]+/#).map(\.output)
        }
        _ = try succeed(tokenizer("run") + options + ["--workers", "1"])
        _ = try succeed(tokenizer("second") + options + ["--workers", "4"])
        #expect(try losses("run").count == 3 && losses("run") == losses("second"))
        let settings = try String(contentsOfFile: folder.file("run/run.json"), encoding: .utf8)
        #expect(settings.contains("\"crop\" : \"random\"") && settings.contains("\"mirrors\" : false"))
        _ = try succeed(model() + options)
        #expect(try losses("model").count == 3)
        let refused = await failure(of: model(from: "x.safetensors", run: "cached", "--steps", "1", "--crop", "random"))
        #expect(refused?.status == 64 && refused?.message?.contains("--crop random needs pictures") == true)
        try FileManager.default.removeItem(atPath: folder.file("model"))
        let large = await failure(of: model("--steps", "1", "--batch", "9", "-q"))
        #expect(large?.message?.contains("A step takes 9 pictures, and there are 8") == true)
    }

    @Test("A run begins with another's weights, whose shape it has") func from() async throws {
        _ = try succeed(tokenizer("run", "--steps", "1", "-q"))
        _ = try succeed(model("--steps", "1", "-q"))
        let second =
            ["train", "model", "--data", folder.file("data"), "--validation", folder.file("data")]
            + ["--run", folder.file("second"), "--tokenizer", folder.file("run/model"), "--batch", "2", "--steps", "1"]
            + ["--from", folder.file("model/model"), "--attention", "scale"]
        _ = try succeed(second + ["--groups", "cycle:2", "-q"])
        let settings = try String(contentsOfFile: folder.file("second/run.json"), encoding: .utf8)
        #expect(settings.contains("\"from\" : \"\(folder.file("model/model"))\""))
        #expect(settings.contains("\"groups\" : \"cycle:2\""))
        #expect(settings.contains("\"embed_dim\" : 32"))
        let failed = await failure(of: second + ["--depth", "2"])
        #expect(failed?.status == 1)
        #expect(failed?.message?.contains("--depth") == true, "\(failed?.message ?? "")")
        // It has weights of its own now, and a file that leaves the shape open does not ask for another.
        try FileManager.default.removeItem(atPath: folder.file("model"))
        _ = try succeed(["train", "model", "--run", folder.file("second"), "--resume", "-q"])
        let file = folder.file("a.json")
        try #"{"training": {"groups": "cycle:2"}}"#.write(toFile: file, atomically: true, encoding: .utf8)
        _ = try succeed(second + ["--config", file, "--resume", "-q"])
    }

    @Test("A run does not go on with the tokens of another tokenizer") func exchangedTokenizer() async throws {
        for (run, seed) in [("run", "1"), ("other", "2")] {
            _ = try succeed(tokenizer(run, "--steps", "1", "--seed", seed, "-q"))
        }
        _ = try succeed(model("--steps", "1", "-q"))
        let failed = await failure(
            of: [
                "train", "model", "--run", folder.file("model"), "--resume", "--tokenizer", folder.file("other/model"),
            ])
        #expect(failed?.status == 1)
        #expect(failed?.message?.contains("tokens of another tokenizer") == true, "\(failed?.message ?? "")")
    }

    @Test("A model is measured on as few pictures as asked for, whatever its classes")
    func validationLimit() async throws {
        _ = try succeed(tokenizer("run", "--steps", "1", "--validation-limit", "1", "-q"))
        _ = try succeed(model("--steps", "1", "--validation-limit", "1", "-q"))
    }

    @Test("A class without pictures names the one path that holds none") func emptyClass() async {
        let failed = await failure(of: tokenizer("run", "--steps", "1", "--classes", "dark,cat", "-q"))
        #expect(failed?.status == 1)
        #expect(failed?.message?.contains("\(folder.file("data")) holds no picture of cat") == true)
    }

    @Test("A model of one class is refused on one line before tokens are computed") func oneClass() async throws {
        _ = try succeed(tokenizer("run", "--steps", "1", "--quiet"))
        let failed = await failure(of: model("--steps", "1", "--classes", "dark"))
        #expect(failed?.status == 1)
        #expect(failed?.message?.contains("All pictures (4) are of one class, 'dark'") == true)
        #expect(failed?.message?.contains("\n") == false)
        #expect(folder.names == ["data", "run"])
    }

    /// The arguments of a run from a cache: those of ``model(_:)`` with it instead of the pictures.
    private func model(from cache: String, run: String, _ more: String...) -> [String] {
        var arguments = model() + more
        arguments.replaceSubrange(2..<4, with: ["--cache", cache])
        arguments[arguments.firstIndex(of: "--run").map { $0 + 1 } ?? 0] = folder.file(run)
        return arguments
    }

    private func cache(by run: String, _ more: String...) -> [String] {
        ["train", "cache", "--tokenizer", folder.file("\(run)/model"), "--data", folder.file("data")] + more
    }

    @Test("A run from a cache of tokens logs the losses of one from the pictures") func cachedTokens() throws {
        _ = try succeed(tokenizer("run", "--steps", "2", "--quiet"))
        let file = folder.file("cache.safetensors")
        let made = try succeed(cache(by: "run", "-o", file))
        #expect(made.output.hasPrefix("\(file)\t8 pictures of 2 classes, 85 tokens each, 3"))
        #expect(made.output.hasSuffix(" kB, 0 skipped\n"))
        let options = ["--steps", "3", "--log-every", "1", "--quiet"]
        _ = try succeed(model() + options)
        _ = try succeed(model(from: file, run: "cached") + options)
        func losses(_ run: String) throws -> [Substring] {
            try String(contentsOfFile: folder.file("\(run)/metrics.jsonl"), encoding: .utf8)
                .matches(of: #/"(?:loss|gradient_norm)":[^,}]+/#).map(\.output)
        }
        #expect(try losses("cached").count == 7)
        #expect(try losses("cached") == losses("model"))
    }

    @Test("A cache of another tokenizer is refused on one line before anything is computed") func otherCache()
        async throws
    {
        _ = try succeed(tokenizer("run", "--steps", "1", "--quiet"))
        _ = try succeed(tokenizer("other", "--steps", "1", "--seed", "2", "--quiet"))
        let file = folder.file("cache.safetensors")
        _ = try succeed(cache(by: "other", "-o", file, "--quiet"))
        let failed = await failure(of: model(from: file, run: "cached", "--steps", "1"))
        #expect(failed?.status == 1)
        #expect(failed?.message?.contains("'\(file)' was made by another tokenizer") == true)
        #expect(failed?.message?.contains("\n") == false)
        #expect(!folder.names.contains("cached"))
        let both = await failure(of: model(from: file, run: "cached", "--steps", "1", "--data", folder.file("data")))
        #expect(both?.status == 64 && both?.message?.contains("--data or their tokens from --cache") == true)
        let folderless = await failure(of: cache(by: "run", "-o", folder.file("absent/cache")))
        #expect(folderless?.status == 1 && folderless?.message?.contains("absent' does not exist") == true)
    }

    @Test(
        "A number outside its range is status 1, on one line that names it",
        arguments: [
            (["--steps", "0"], "step"), (["--steps", "-5"], "-5"), (["--minutes", "nan"], "minutes"),
            (["--steps", "1", "--plateau", "-1"], "The plateau"), (["--steps", "1", "--batch", "-2"], "-2"),
            (["--steps", "1", "--threads", "0"], "--threads"), (["--steps", "1", "--workers", "0"], "--workers"),
            (["--steps", "1", "--device", "cuda:9"], "There is no cuda:9"),
            (["--steps", "1", "--batch", "9"], "there are 8"),
            (["--steps", "1", "--learning-rate", "-1"], "learning rate"),
            (["--steps", "1", "--validation-limit", "0"], "--validation-limit"),
            (["--steps", "1", "--side", "24"], "one that ends with 12: at a stride of 2 pictures of 24 pixels"),
            (["--steps", "1", "--side", "15"], "a multiple of 2"),
            (["--steps", "1", "--channels", "9223372036854775776"], "multiple of 32 up to 4096"),
            (["--steps", "1", "--revive-below", "1"], "0..<1"), (["--steps", "1", "--revive-every", "0"], "revivals"),
            (["--steps", "1", "--l1", "-1"], "absolute error"),
            (["--steps", "1", "--l1", "0", "--l2", "0"], "above 0"),
            (["--steps", "1", "--discriminator"], "needs pictures of at least 24 pixels, and these have 16"),
            (["--steps", "1", "--discriminator", "--discriminator-layers=1", "--discriminator-start=-1"], "-1"),
            (["--steps", "1", "--perceptual", "/dev/null"], "no TorchScript file"),
        ])
    func ranges(options: [String], part: String) async {
        let failed = await failure(of: tokenizer() + options)
        #expect(failed?.status == 1)
        #expect(failed?.message?.contains(part) == true, "\(failed?.message ?? "nothing")")
        #expect(failed?.message?.contains("\n") == false)
        #expect(folder.names == ["data"])
    }

    @Test(
        "An option for what is switched off is refused",
        arguments: [
            (["--discriminator-start", "10"], "--discriminator-start needs --discriminator"),
            (["--discriminator-learning-rate", "1e-4"], "--discriminator-learning-rate needs"),
            (["--perceptual-weight", "2"], "give --perceptual too"),
        ])
    func withoutEffect(options: [String], part: String) async {
        let failed = await failure(of: tokenizer("run", "--steps", "1") + options)
        #expect(failed?.status == 64)
        #expect(failed?.message?.contains(part) == true, "\(failed?.message ?? "nothing")")
    }

    @Test("Losses and revival are what the command line says") func losses() throws {
        _ = try succeed(
            tokenizer("run", "--steps", "1", "-q", "--discriminator", "--discriminator-layers", "2", "--side", "16")
                + ["--discriminator-start", "7", "--discriminator-weight", "0.3", "--discriminator-channels", "32"]
                + ["--discriminator-learning-rate", "0.25", "--revive-every", "3", "--revive-below", "0.125"]
                + ["--perceptual", Fixture.path("losses/perceptual.pt"), "--perceptual-weight", "0.75"])
        let text = try Data(contentsOf: URL(fileURLWithPath: folder.file("run/run.json")))
        struct Run: Decodable { let training: TokenizerTrainingSettings }
        let settings = try JSONDecoder().decode(Run.self, from: text).training
        #expect(
            settings.discriminator
                == DiscriminatorSettings(channels: 32, layers: 2, weight: 0.3, start: 7, learningRate: 0.25))
        #expect(settings.perceptual?.weight == 0.75)
        #expect(settings.revivalInterval == 3 && settings.deadShare == 0.125)
    }

    @Test("A run's run.json repeats it, and resumes it without any other option") func repeated() async throws {
        func losses(_ run: String) throws -> [Substring] {
            try String(contentsOfFile: folder.file("\(run)/metrics.jsonl"), encoding: .utf8)
                .matches(of: #/"(?:loss|psnr|accuracy)[^:]*":[^,}]+/#).map(\.output)
        }
        for (kind, run) in [("tokenizer", "run"), ("model", "model")] {
            let first = kind == "model" ? model() : tokenizer()
            let more = kind == "model" ? ["--sample-every", "2", "--recompute", "--path-drop", "0.5"] : []
            _ = try succeed(first + ["--steps", "2", "--log-every", "1", "-q"] + more)
            _ = try succeed(["train", kind, "--config", folder.file(run), "--run", folder.file("again-\(kind)"), "-q"])
            #expect(try losses(run) == losses("again-\(kind)"))
            #expect(try losses(run).count > 2)
            let resumed = try succeed(["train", kind, "--run", folder.file(run), "--resume", "-q"])
            #expect(resumed.output.contains("step 2, "))
            let other = await failure(of: ["train", kind, "--run", folder.file(run), "--resume", "--batch", "3"])
            #expect(other?.message?.contains("batch is 2 there, 3 here") == true, "\(other?.message ?? "nothing")")
        }
        let sheet = try PixelImage(contentsOf: folder.file("model/samples/step-2.png"))
        #expect(sheet.width == 4 * 16 + 3 * 2 && sheet.height == 16)
        let log = try String(contentsOfFile: folder.file("model/metrics.jsonl"), encoding: .utf8)
        for key in ["loss_1", "loss_4", "accuracy_1", "accuracy_4", "gradient_norm"] {
            #expect(log.contains("\"\(key)\":"))
        }
    }

    @Test("Without an end it does not begin") func noEnd() async {
        let failed = await failure(of: tokenizer())
        #expect(failed?.status == 64)
        #expect(failed?.message?.contains("--steps, --epochs or --minutes") == true)
    }

    @Test("The first Ctrl-C ends the step and saves; the same command with --resume goes on", .timeLimit(.minutes(5)))
    func firstInterruption() throws {
        for resume in [[], ["--resume"]] {
            let program = try Program(
                tokenizer("run", "--steps", "1000000", "--validate-every", "1", "--log-every", "1") + resume)
            // A measurement says that steps are being done.
            #expect(!program.output.fileHandleForReading.availableData.isEmpty)
            kill(program.process.processIdentifier, SIGINT)
            let errors = program.errors()
            program.process.waitUntilExit()
            #expect(program.process.terminationReason == .exit)
            #expect(program.process.terminationStatus == 130)
            #expect(errors.contains(TrainingWatch.notice + "\n"))
            #expect(errors.contains("stopped and saved in '\(folder.file("run"))'"))
            #expect(!saved.isEmpty)
            for name in saved { try Safetensors(path: folder.file("run/checkpoints/" + name)).verifyChecksum() }
            #expect(unfinishedFiles.isEmpty)
        }
        let metrics = try String(contentsOfFile: folder.file("run/metrics.jsonl"), encoding: .utf8)
        let steps = metrics.split(separator: "\n").compactMap { $0.firstMatch(of: #/"step":([0-9]+)/#)?.1 }
        #expect(steps.count >= 4, "two sittings of a step and a measurement at least: \(metrics)")
        #expect(steps.compactMap { Int($0) } == steps.compactMap { Int($0) }.sorted())
    }

    @Test("The second Ctrl-C ends it at once, in the middle of a step, with nothing saved", .timeLimit(.minutes(5)))
    func secondInterruption() async throws {
        // A step of seconds: pictures of 256 × 256 pixels, all of them.
        let program = try Program(
            ["train", "tokenizer", "--data", folder.file("data"), "--validation", folder.file("data")]
                + ["--run", folder.file("run"), "--steps", "10", "--batch", "8", "--multipliers", "1,1,1,1,1"])
        // The run's log is made after the signals are caught and before the first step.
        while !FileManager.default.fileExists(atPath: folder.file("run/metrics.jsonl")), program.process.isRunning {
            try await Task.sleep(for: .milliseconds(20))
        }
        kill(program.process.processIdentifier, SIGINT)
        #expect(program.errors(until: TrainingWatch.notice).contains(TrainingWatch.notice))
        kill(program.process.processIdentifier, SIGINT)
        program.process.waitUntilExit()
        #expect(program.process.terminationReason == .exit)
        #expect(program.process.terminationStatus == 130)
        #expect(!program.errors().contains("saved"))
        #expect(saved.isEmpty)
        #expect(unfinishedFiles.isEmpty)
    }

    private var saved: [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: folder.file("run/checkpoints"))) ?? []
    }

    private var unfinishedFiles: [String] {
        (FileManager.default.enumerator(atPath: folder.path)?.allObjects as? [String] ?? [])
            .filter { $0.hasSuffix(".tmp") }
    }
}
