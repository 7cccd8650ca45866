import ArgumentParser
import Foundation
import MVAR
import Testing

@testable import MVARCommand

@Suite("Settings of training from options and files")
struct TrainConfigurationTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static let recipes = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "recipes").path

    /// The settings that a command line makes of a model's run.
    private func settings(_ options: [String], classes: Int = 1000) throws -> ModelTrainingSettings {
        let command = try #require(
            try TrainModelCommand.parse(["--run", folder.file("run")] + options) as TrainModelCommand?)
        return try ModelTrainingSettings(
            command.overlay().section("training"), tokenizer: .published, classes: classes, from: nil)
    }

    @Test("VAR's flags with numbers other than VAR's defaults set what they set there")
    func publicFlags() throws {
        let settings = try settings(
            ["--depth=16", "--bs=448", "--ep=300", "--tblr=1e-4", "--twd=0.05", "--twde=0.1", "--tclip=3", "--ls=0.1"]
                + ["--ac=2", "--wp=6", "--wp0=0.01", "--wpe=0.1", "--sche=lin0", "--fp16=1", "--saln=1", "--anorm=0"]
                + [
                    "--hd=0.03", "--aln=0.4", "--alng=1e-5", "--ini=0.02", "--pg=0.8", "--pg0=3", "--pgwp=1",
                    "--seed=7",
                ])
        var expected = ModelTrainingSettings(model: .published(depth: 16), seed: 7)
        expected.model.sharesAdaLN = true
        expected.model.normalizesQueriesAndKeys = false
        expected.batch = 448
        expected.baseLearningRate = 1e-4
        expected.optimizer.weightDecay = 0.05
        expected.optimizer.finalWeightDecay = 0.1
        expected.clip = 3
        expected.labelSmoothing = 0.1
        expected.accumulation = 2
        expected.length = TrainingLength(
            epochs: 300, warmUpEpochs: 6, initialFactor: 0.01, fall: .linear, plateau: 0.05, finalFactor: 0.1)
        expected.precision = .float16
        expected.initial = InitialFactors(head: 0.03, adaLN: 0.4, gain: 1e-5, deviation: 0.02)
        expected.progressive = ProgressiveScales(until: 0.8, first: 4, warmUpEpochs: 1)
        #expect(settings == expected)
    }

    @Test("The numbers by which VAR's flags switch something off do so here, over a file too")
    func publicDefaults() throws {
        let file = folder.file("a.json")
        try #"{"training": {"initial": {"deviation": 0.1}, "optimizer": {"final_weight_decay": 0.3}, "clip": 5,"#
            .appending(#" "progressive": {"until": 0.8, "first": 2, "warm_up_epochs": 1}}}"#)
            .write(toFile: file, atomically: true, encoding: .utf8)
        let settings = try settings(
            ["--config", file, "--ep=9", "--ini=-1", "--twde=0", "--tclip=0", "--pg=0", "--pg0=4", "--pgwp=0"])
        var expected = ModelTrainingSettings(model: .published(depth: 6), length: TrainingLength(epochs: 9))
        expected.clip = 0
        #expect(settings == expected)
        // By its own name the number is what it says.
        #expect(try self.settings(["--ep=9", "--final-weight-decay=0"]).optimizer.finalWeightDecay == 0)
    }

    @Test("A perceptual network of a file keeps its weight, and options go over it one by one")
    func perceptual() throws {
        let file = folder.file("a.json")
        try #"{"training": {"perceptual": {"file": "a.pt", "weight": 0.3}}}"#
            .write(toFile: file, atomically: true, encoding: .utf8)
        func found(_ options: String...) throws -> PerceptualSettings? {
            try TrainTokenizerCommand.parse(["--run", "r", "--data", "d", "--steps", "1"] + options).overlay()
                .value("training", "perceptual")
        }
        #expect(try found("--config", file, "--perceptual", "b.pt") == PerceptualSettings(file: "b.pt", weight: 0.3))
        #expect(try found("--config", file, "--perceptual-weight=2") == PerceptualSettings(file: "a.pt", weight: 2))
        #expect(try found("--perceptual", "b.pt") == PerceptualSettings(file: "b.pt", weight: 1))
    }

    /// A run of a model whose pictures are nowhere: what is said about anything else is said before they are looked for.
    private func early(_ options: [String]) async -> Main.Failure? {
        await failure(
            of: ["train", "model", "--data", "/nowhere", "--validation", "/nowhere", "--tokenizer", Mini64.tokenizer]
                + ["--run", folder.file("run"), "-q"] + options)
    }

    @Test(
        "What a model's settings cannot be is status 1, on one line, before a picture is looked for",
        arguments: [
            (["--steps=1"], "/nowhere"), (["--steps=1", "--batch=0"], "1 to 1048576 pictures, not 0"),
            (["--steps=1", "--label-drop=2"], "0...1, not 2"), (["--steps=1", "--plateau=2"], "0...1, not 2"),
            (["--steps=1", "--depth=0"], "not 0"), (["--steps=1", "--depth=9223372036854775807"], "1024 blocks"),
            (["--steps=1", "--width=9223372036854775807", "--heads=1"], "1...65536"),
            (["--steps=1", "--first-spatial-scale=99"], "The first spatial scale must be in 0..."),
            (["--steps=1", "--first-spatial-scale=-1"], "not -1"), (["--epochs=1e300"], "not 1e+300"),
            (["--steps=1", "--warm-up-epochs=1e300"], "not 1e+300"), (["--steps=1", "--ini=0"], "above 0, not 0"),
            (["--steps=1", "--progressive=0.5", "--pg0=9223372036854775807"], "--pg0"),
            (["--steps=1", "--progressive=0.5", "--pgwp=1e300"], "not 1e+300"),
            (["--steps=1", "--run", ""], "it has no name"), (["--steps=1", "--run=/dev/null"], "is no folder"),
        ])
    func early(options: [String], part: String) async {
        let failed = await early(options)
        #expect(failed?.status == 1)
        #expect(failed?.message?.contains(part) == true, "\(failed?.message ?? "nothing")")
        #expect(failed?.message?.contains("\n") == false)
        #expect(folder.names.isEmpty)
    }

    @Test(
        "What a file says for sampling is checked before a picture is looked for",
        arguments: [("\"top_k\": -5", "-5"), ("\"top_p\": 7", "7"), ("\"cfg\": -7", "-7")])
    func sampling(setting: String, part: String) async throws {
        let file = folder.file("a.json")
        try "{\"sampling\": {\(setting)}}".write(toFile: file, atomically: true, encoding: .utf8)
        let failed = await early(["--steps=1", "--config", file])
        #expect(failed?.status == 1)
        #expect(failed?.message?.contains(part) == true, "\(failed?.message ?? "nothing")")
        #expect(failed?.message?.contains("nowhere") == false)
    }

    @Test("A folder with a run, and one without where there should be one, are named before a picture is looked for")
    func folders() async throws {
        for kind in ["tokenizer", "model"] {
            let failed = await failure(of: ["train", kind, "--run", folder.file("nothere"), "--resume"])
            let expected = "mvar: '\(folder.file("nothere"))' holds no run to resume; "
            #expect(failed?.message?.hasPrefix(expected) == true, "\(failed?.message ?? "nothing")")
        }
        try FileManager.default.createDirectory(
            atPath: folder.file("run/checkpoints"), withIntermediateDirectories: true)
        try Data().write(to: URL(fileURLWithPath: folder.file("run/checkpoints/step-00000001.safetensors")))
        let failed = await early(["--steps=1"])
        #expect(failed?.message?.contains("already holds a run") == true, "\(failed?.message ?? "nothing")")
    }

    @Test("A run of the other command is refused with that command's name") func otherCommand() async throws {
        for (kind, other, part) in [("tokenizer", "model", "model"), ("model", "tokenizer", "tokenizer")] {
            let file = folder.file("\(other)/run.json")
            try FileManager.default.createDirectory(atPath: folder.file(other), withIntermediateDirectories: true)
            try "{\"sampling\": {}, \"training\": {\"\(part)\": {}}}"
                .write(toFile: file, atomically: true, encoding: .utf8)
            let failed = await failure(of: ["train", kind, "--run", folder.file(other), "--resume"])
            #expect(
                failed?.message?.hasPrefix("mvar: '\(file)' describes a run of 'mvar train \(other)'") == true,
                "\(failed?.message ?? "nothing")")
        }
    }

    @Test(
        "The published schedules have their plateaus and falls",
        arguments: [
            ("cos", RateFall.cosine, 0.0), ("lin", .linear, 0.15), ("lin0", .linear, 0.05), ("lin00", .linear, 0),
            ("exp", .exponential, 0.15), ("lin0.3", .bent, 0.3),
        ])
    func schedules(name: String, fall: RateFall, plateau: Double) throws {
        let length = try settings(["--steps", "9", "--sche", name]).length
        #expect(length.fall == fall && length.plateau == plateau)
    }

    @Test("Options go over a file, a file over defaults")
    func overFile() throws {
        let file = folder.file("a.json")
        try #"{"training": {"batch": 4, "clip": 9, "length": {"steps": 5}}}"#
            .write(toFile: file, atomically: true, encoding: .utf8)
        let settings = try settings(["--config", file, "--batch", "6", "--depth", "3"], classes: 4)
        #expect(settings.batch == 6 && settings.clip == 9 && settings.length.steps == 5)
        #expect(settings.labelDrop == 0.1 && settings.model.width == 192 && settings.model.heads == 3)
    }

    @Test("An option takes the place of what says the same in another way in a file")
    func rivals() throws {
        let recipe = "\(Self.recipes)/mvar-d16.json"
        let settings = try settings(["--config", recipe, "--tlr", "0.01", "--warm-up", "1", "--steps", "100"])
        #expect(settings.baseLearningRate == nil && settings.learningRate == 0.01)
        #expect(settings.length.epochs == nil && settings.length.steps == 100)
        #expect(settings.length.warmUpEpochs == nil && settings.length.warmUpSteps == 1)
        #expect(settings.length.plateau == 0.05)

        let file = folder.file("a.json")
        try #"{"training": {"progressive": {"until": 0.8, "first": 2, "warm_up_epochs": 1}}}"#
            .write(toFile: file, atomically: true, encoding: .utf8)
        let stages = try self.settings(["--config", file, "--steps", "9", "--pg", "0.5"]).progressive
        #expect(stages == ProgressiveScales(until: 0.5, first: 2, warmUpEpochs: 1))
    }

    @Test("Options of a discriminator go over a file's one by one") func discriminator() throws {
        let file = folder.file("a.json")
        try #"{"training": {"discriminator": {"layers": 2, "channels": 32, "weight": 0.3, "start": 5,"#
            .appending(
                #" "learning_rate": 0.1, "optimizer": {"beta1": 0.5, "beta2": 0.9, "epsilon": 1e-8, "weight_decay": 0}}}}"#
            )
            .write(toFile: file, atomically: true, encoding: .utf8)
        for flag in [[], ["--discriminator"]] {
            let command = try TrainTokenizerCommand.parse(
                ["--run", "r", "--config", file, "--discriminator-start", "9"] + flag)
            let found: DiscriminatorSettings? = try command.overlay().value("training", "discriminator")
            #expect(found?.start == 9 && found?.layers == 2 && found?.channels == 32 && found?.weight == 0.3)
        }
    }

    @Test(
        "Every recipe is a configuration of a published run",
        arguments: [
            ("mvar-d16", 16, 448, 300.0), ("mvar-d16-fine-tuned", 16, 448, 80), ("mvar-d20-fine-tuned", 20, 192, 80),
            ("mvar-d24-fine-tuned", 24, 384, 80),
        ])
    func recipes(name: String, depth: Int, batch: Int, epochs: Double) throws {
        // Those that go on from a model have its shape.
        let shape = name.contains("fine-tuned") ? ["--depth", "\(depth)"] : []
        let settings = try settings(["--config", "\(Self.recipes)/\(name).json"] + shape)
        #expect(settings.model == .published(depth: depth))
        #expect(settings.batch == batch && settings.length.epochs == epochs)
        #expect(settings.baseLearningRate == 1e-4 && settings.groups == .cycle(coarseSteps: 8))
    }

    @Test(
        "Flags that contradict each other or cannot be are refused",
        arguments: [
            (["--fp16", "3"], "--fp16"), (["--fp16", "1", "--precision", "float32"], "--precision"),
            (["--sche", "lin0", "--fall", "cosine"], "--sche"), (["--sche", "sin"], "--sche"),
            (["--pg0", "3"], "--progressive"), (["--tlr", "1", "--tblr", "1"], "--base-learning-rate"),
            (["--warm-up", "1", "--wp", "1"], "--warm-up-epochs"),
            (["--final-weight-decay", "1", "--twde", "1"], "--final-weight-decay"),
            (["--saln", "2"], "0 or 1"), (["--scales", "0"], "--scales"), (["--fall", "slow"], "--fall"),
        ])
    func contradictions(options: [String], part: String) async {
        let failed = await failure(of: ["train", "model", "--run", folder.file("run"), "--steps", "1"] + options)
        #expect(failed?.message?.contains(part) == true, "\(failed?.message ?? "nothing")")
    }
}
