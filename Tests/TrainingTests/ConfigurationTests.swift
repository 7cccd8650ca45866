import Foundation
import ImageTokenizer
import NeuralNetworks
import ScaleTransformer
import Testing
import TokenPyramid

@testable import Training

@Suite("Configurations of runs")
struct ConfigurationTests {
    private let data: DrawnData

    init() throws { data = try DrawnData() }

    private func overlay(_ text: String) throws -> SettingsOverlay {
        let path = data.folder + "/run.json"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return try SettingsOverlay(path: path)
    }

    private var base: ModelTrainingSettings { ModelTrainingSettings(model: .published(depth: 2)) }

    private func message(_ body: () throws -> Void) -> String {
        do {
            try body()
            return ""
        } catch { return "\(error)" }
    }

    @Test("What a file sets is set, and all else stays")
    func sets() throws {
        let file = try overlay(
            """
            {"training": {"batch": 64, "learning_rate": 2, "groups": "cycle:8", "model": {"attention": "scale"},
             "length": {"epochs": 80, "fall": "linear"}, "progressive": {"until": 0.5, "first": 3, "warm_up_epochs": 0},
             "scales": "1-8", "precision": "bfloat16", "seed": 18446744073709551615, "initial": {"deviation": 0.1}}}
            """)
        let settings = try file.section("training").applied(to: base)
        var expected = base
        expected.batch = 64
        expected.learningRate = 2
        expected.groups = .cycle(coarseSteps: 8)
        expected.model.pattern = .scale
        expected.length.epochs = 80
        expected.length.fall = .linear
        expected.progressive = ProgressiveScales(until: 0.5, first: 3)
        expected.scales = ScaleSelection("1-8")
        expected.precision = .bfloat16
        expected.seed = .max
        expected.initial.deviation = 0.1
        #expect(settings == expected)
    }

    @Test("Every setting is among the keys that are known")
    func allKeys() throws {
        var settings = base
        settings.startingModel = "a.pth"
        settings.baseLearningRate = 1e-4
        settings.scales = ScaleSelection("1")
        settings.progressive = ProgressiveScales(until: 1)
        settings.initial.deviation = 0.02
        settings.optimizer.finalWeightDecay = 0.1
        settings.length = TrainingLength(steps: 1, epochs: 2, minutes: 3, warmUpEpochs: 1)
        let text = try JSONValue(encoding: settings)
        #expect(try overlay("{\"training\": \(text.spoken)}").section("training").applied(to: base) == settings)
    }

    @Test(
        "An unknown key is refused, and a known one of the same name is named",
        arguments: [
            (#"{"training": {"bacth": 3}}"#, "'training.bacth' in '", "' is no setting; the run.json"),
            (
                #"{"training": {"warm_up_steps": 3}}"#, "'training.warm_up_steps'",
                "did you mean 'training.length.warm_up_steps'?"
            ),
            (#"{"training": {"length": {"stepz": 3}}}"#, "'training.length.stepz'", "is no setting"),
            (#"{"training": {"model": {"extra": {"deep": 1}}}}"#, "'training.model.extra.deep'", "is no setting"),
            (
                #"{"training": {"progressive": {"until": 0.5, "first": 1, "warm_up_epochs": 0, "x": 1}}}"#,
                "progressive.x'", "no setting"
            ),
        ])
    func unknown(text: String, key: String, hint: String) throws {
        let said = message { _ = try overlay(text).section("training").applied(to: base) }
        #expect(said.contains(key) && said.contains(hint) && !said.contains("\n"), "\(said)")
    }

    @Test(
        "A value of another kind is refused by its name",
        arguments: [
            (#"{"training": {"batch": "8"}}"#, "'training.batch' must be a whole number"),
            (#"{"training": {"batch": 8.5}}"#, "'training.batch' must be a whole number, not 8.5"),
            (#"{"training": {"seed": -1}}"#, "'training.seed' must be at least 0, not -1"),
            (
                #"{"training": {"batch": 9223372036854775808}}"#,
                "'training.batch' must be at most 9223372036854775807, not 9223372036854775808"
            ),
            (#"{"training": {"clip": "two"}}"#, "'training.clip' must be a number"),
            (#"{"training": {"mirrors": 1}}"#, "'training.mirrors' must be true or false"),
            (#"{"training": {"length": 5}}"#, "'training.length' must be an object"),
            (
                #"{"training": {"model": {"attention": "spatial"}}}"#,
                "'training.model.attention': 'spatial' is none of full"
            ),
            (#"{"training": {"groups": "cycle"}}"#, "'training.groups': 'cycle' is none of all, cycle:N"),
            (#"{"training": {"precision": "half"}}"#, "'training.precision'"),
            (#"{"training": {"progressive": {"until": 0.5}}}"#, "lacks 'first'"),
            (#"{"training": 5}"#, "'training' must be an object"),
        ])
    func wrongKinds(text: String, expected: String) throws {
        let said = message { _ = try overlay(text).section("training").applied(to: base) }
        #expect(said.contains(expected) && said.hasPrefix("In '") && !said.contains("\n"), "\(said)")
    }

    @Test("A number that is none is refused by its name, inside a group of settings too") func notFinite() {
        var overlay = SettingsOverlay()
        #expect(
            message { try overlay.set("training", "length", "minutes", to: Double.nan) }
                == "The setting 'training.length.minutes' must be a number, not nan.")
        let said = message { try overlay.set("training", "progressive", to: ProgressiveScales(until: .infinity)) }
        #expect(said == "The setting 'training.progressive.until' must be a number, not inf.", "\(said)")
    }

    @Test(
        "What is no configuration is refused on one line",
        arguments: [
            ("", "is no JSON configuration: it ends too early"), ("{", "is no JSON configuration: it ends too early"),
            ("{\n  \"training\": {\n    \"batch\": 8,,\n  }\n}", "around line 3, column 16"), ("[]", "it is no object"),
            (#"{"training": {"batch": null}}"#, "'training.batch' in '"),
            (#"{"training": {"batch": 1e400}}"#, "'training.batch': the number is too large."),
            (#"{"training": {"batch": [1, -1e400]}}"#, "'training.batch.1': the number is too large."),
        ])
    func noConfiguration(text: String, expected: String) {
        let said = message { _ = try overlay(text) }
        #expect(said.contains(expected) && !said.contains("\n"), "\(said)")
    }

    @Test("A file that is not there, and a part that is not known, are named")
    func absent() throws {
        #expect(
            message { _ = try SettingsOverlay(path: "/nowhere/run.json") }.contains(
                "'/nowhere/run.json' cannot be read"))
        let said = message { try overlay(#"{"trainings": {}}"#).requireSections(["training", "inputs"]) }
        #expect(said.contains("'trainings' in '") && said.contains("is no setting"))
    }

    @Test("A run of another command is refused with the name of that command") func otherCommand() throws {
        let file = try overlay(#"{"training": {"model": {"depth": 3}}}"#)
        try file.refuse("training", "tokenizer", of: "mvar train tokenizer")
        let said = message { try file.refuse("training", "model", of: "mvar train model") }
        #expect(said.hasPrefix("'\(data.folder)/run.json' describes a run of 'mvar train model'"), "\(said)")
    }

    @Test("Paths that a run reads are kept from the root on") func absolutePaths() {
        var inputs = RunInputs()
        (inputs.data, inputs.validation) = (["a.tar", "/b.tar"], ["c"])
        (inputs.cache, inputs.tokenizer, inputs.classNames) = ("d", "e/model", nil)
        let here = FileManager.default.currentDirectoryPath
        let absolute = inputs.absolute
        #expect(absolute.data == [here + "/a.tar", "/b.tar"] && absolute.validation == [here + "/c"])
        #expect(absolute.cache == here + "/d" && absolute.tokenizer == here + "/e/model" && absolute.classNames == nil)
    }

    @Test(
        "A number that no run can have is refused on one line that has it",
        arguments: [
            (#"{"model": {"depth": 0}}"#, "1 to 1024 blocks, not 0"),
            (#"{"model": {"depth": 100000000000}}"#, "1 to 1024 blocks, not 100000000000"),
            (#"{"model": {"embed_dim": 9223372036854775807}}"#, "in 1...65536, not 9223372036854775807"),
            (#"{"model": {"num_heads": 0}}"#, "the number of heads, 0"),
            (#"{"model": {"mlp_ratio": 1e300}}"#, "not 1e+300 times"),
            (#"{"model": {"mlp_ratio": 0}}"#, "not 0.0 times"), (#"{"model": {"mlp_ratio": -1}}"#, "not -1.0 times"),
            (#"{"model": {"mlp_ratio": 1e-9}}"#, "not 1e-09 times"),
            (#"{"model": {"refine_step": 11}}"#, "0...10, not 11"),
            (#"{"model": {"refine_step": -1}}"#, "0...10, not -1"),
            (#"{"length": {"epochs": 1e300}}"#, "at most 100000000, not 1e+300"),
            (#"{"length": {"warm_up_epochs": 1e300}}"#, "0...100000000 epochs, not 1e+300"),
            (#"{"length": {"warm_up_steps": -1}}"#, "not -1"),
            (#"{"progressive": {"until": 1, "first": 1, "warm_up_epochs": 1e300}}"#, "epochs, not 1e+300"),
            (#"{"optimizer": {"weight_decay": -1}}"#, "weight decay must be at least 0, not -1"),
            (#"{"optimizer": {"final_weight_decay": -0.5}}"#, "weight decay must be at least 0, not -0.5"),
            (#"{"optimizer": {"beta1": 1}}"#, "beta1 must be in 0..<1, not 1"),
            (#"{"optimizer": {"beta2": -0.1}}"#, "beta2 must be in 0..<1, not -0.1"),
            (#"{"optimizer": {"epsilon": 0}}"#, "epsilon must be above 0, not 0"),
            (#"{"batch": 9223372036854775807}"#, "1 to 1048576 pictures, not 9223372036854775807"),
            (#"{"groups": "cycle:9223372036854775807"}"#, "not 9223372036854775807"),
            (#"{"clip": -1}"#, "gradient norm must be above 0, or 0 for none"),
            (#"{"initial": {"deviation": 0}}"#, "deviation of fresh weights must be above 0, not 0"),
            (#"{"initial": {"gain": -1}}"#, "AdaLN's gains must be at least 0, not -1"),
            (#"{"initial": {"head": -2}}"#, "head must be at least 0, not -2"),
        ])
    func senseless(text: String, expected: String) throws {
        var base = base
        base.length.steps = 1
        let settings = try overlay(text).applied(to: base)
        let said = message { try settings.check() }
        #expect(said.contains(expected) && !said.contains("\n"), "\(said)")
    }

    @Test("The largest and the smallest numbers that a run can have are taken") func boundaries() throws {
        let extremes = [
            #"{"model": {"depth": 1024, "embed_dim": 65536, "num_heads": 65536, "mlp_ratio": 64, "refine_step": 10}}"#,
            #"{"model": {"depth": 1, "embed_dim": 1, "num_heads": 1, "refine_step": 0}, "clip": 0}"#,
            #"{"length": {"epochs": 1e8, "warm_up_epochs": 1e8}}"#,
        ]
        for text in extremes {
            var base = base
            base.length.steps = 1
            let settings = try overlay(text).applied(to: base)
            #expect(message { try settings.check() } == "")
            #expect(settings.length.resolved(samples: 1 << 32, batch: 1).warmUpSteps > 0)
        }
    }

    @Test("The numbers of a discriminator's optimizer are checked as those of the tokenizer's") func discriminator() {
        var settings = TokenizerTrainingSettings(
            tokenizer: TokenizerConfiguration(), discriminator: DiscriminatorSettings(),
            length: TrainingLength(steps: 1))
        settings.discriminator?.optimizer.beta1 = 1.5
        #expect(message { try settings.check() }.contains("beta1 must be in 0..<1, not 1.5"))
    }

    @Test("A depth without end is refused before a width is made of it") func endlessDepth() throws {
        let said = message {
            _ = try ModelTrainingSettings(
                overlay(#"{"training": {"model": {"depth": 9223372036854775807}}}"#).section("training"),
                tokenizer: TokenizerConfiguration(), classes: 5, from: nil)
        }
        #expect(said.contains("not 9223372036854775807"), "\(said)")
    }

    @Test("A depth brings its width and heads; a number of classes other than the pictures' is refused")
    func shapes() throws {
        let tokenizer = TokenizerConfiguration()
        let settings = try ModelTrainingSettings(
            overlay(#"{"training": {"model": {"depth": 16}}}"#).section("training"), tokenizer: tokenizer, classes: 5,
            from: nil)
        var expected = TransformerConfiguration.published(depth: 16)
        expected.classes = 5
        #expect(settings.model == expected)
        let said = message {
            _ = try ModelTrainingSettings(
                overlay(#"{"training": {"model": {"num_classes": 7}}}"#).section("training"), tokenizer: tokenizer,
                classes: 5, from: nil)
        }
        #expect(
            said.contains("a run of 7 classes") || said.contains("one of 7 classes, the pictures have 5"), "\(said)")
    }
}
