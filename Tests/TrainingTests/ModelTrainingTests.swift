import Checkpoints
import Foundation
import ImageTokenizer
import NeuralNetworks
import ScaleTransformer
import Testing
import TokenPyramid
import Torch

@testable import Training

@Suite("Training a transformer")
struct ModelTrainingTests {
    private let data: DrawnData
    private let tokenizer: VisualTokenizer
    private let tensors: [(name: String, tensor: Tensor)]
    private let tokens: TokenSet
    private let schedule: ScaleSchedule

    init() throws {
        data = try DrawnData()
        schedule = try ScaleSchedule([1, 2, 4, 8])
        let fresh = FreshParameters(seed: 2)
        tokenizer = try VisualTokenizer(
            TokenizerConfiguration(
                channels: 32, multipliers: [1, 1], latentChannels: 4, vocabularySize: 16, schedule: schedule),
            at: ParameterPath(fresh))
        tensors = fresh.parameters
        tokens = try TokenSet(PictureSet([data.archive(count: 8, side: 16)], side: 16), by: tokenizer)
    }

    private func configuration(_ pattern: AttentionPattern = .spatial(kernel: 3)) -> TransformerConfiguration {
        TransformerConfiguration(
            depth: 2, width: 32, heads: 2, classes: 2, vocabularySize: 16, latentChannels: 4, schedule: schedule,
            pattern: pattern, firstSpatialScale: 2)
    }

    private func training(
        _ name: String, steps: Int, precision: Precision = .float32, samples: Int = 0
    ) throws -> ModelTraining {
        let settings = ModelTrainingSettings(
            model: configuration(), batch: 4, learningRate: 3e-3, averageDecay: 0.8, precision: precision, seed: 5,
            length: TrainingLength(steps: steps, warmUpSteps: 2),
            rhythm: TrainingRhythm(checkpoint: 1000, validation: 1000, report: 1, samples: samples))
        return try ModelTraining(
            settings, folder: data.folder + "/" + name, tokenizer: tokenizer, tokenizerTensors: tensors)
    }

    @Test(
        "The loss falls from that of guessing, and the result is a whole model folder",
        arguments: [Precision.float32, .bfloat16, .float16])
    func lossFalls(precision: Precision) throws {
        let training = try training("run", steps: 30, precision: precision)
        var losses: [Double] = []
        _ = try training.run(on: .tokens(tokens), validation: tokens) { report in
            if !report.isValidation { losses.append(report.metrics[0].value) }
        }
        #expect(abs(losses[0] - 2.7726) < 0.1, "ln 16 at first, not \(losses[0])")
        let last = try #require(losses.last)
        #expect(last < 0.85 * losses[0], "\(last)")
        let checkpoint = try Checkpoint(path: training.resultPath)
        #expect(checkpoint.model != nil && checkpoint.tokenizer != nil)
        #expect(checkpoint.description?.attention == "spatial-3")
        #expect(checkpoint.description?.refineStep == 2)
    }

    @Test("A run that is stopped and resumed gives bit for bit the losses and weights of one that is not")
    func resumesExactly() throws {
        var whole: [[TrainingMetric]] = []
        _ = try training("whole", steps: 8).run(on: .tokens(tokens), validation: tokens) { whole.append($0.metrics) }
        var parts: [[TrainingMetric]] = []
        let interrupted = try training("parts", steps: 8).run(
            on: .tokens(tokens), validation: tokens, report: { parts.append($0.metrics) },
            isInterrupted: { parts.count == 3 })
        #expect(interrupted == .interrupted)
        _ = try training("parts", steps: 8).run(
            on: .tokens(tokens), validation: tokens, resuming: true, report: { parts.append($0.metrics) })
        #expect(parts == whole)
        func result(_ name: String) throws -> Data {
            try Data(contentsOf: URL(fileURLWithPath: data.folder + "/\(name)/model/model.safetensors"))
        }
        #expect(try result("parts") == result("whole"))
    }

    @Test("A run that ended between the making of its folder and its first step can be resumed")
    func openedEarly() throws {
        let training = try training("run", steps: 2)
        do {
            let folder = try training.open(resuming: false)
            #expect(throws: TrainingError.self) { try training.open(resuming: true) }
            #expect(folder.checkpoints.steps.isEmpty)
        }
        var notices: [TrainingNotice] = []
        let outcome = try training.run(
            on: .tokens(tokens), validation: tokens, in: training.open(resuming: true), resuming: true,
            notice: { notices.append($0) })
        #expect(outcome == .finished && notices == [.beginsAnew])
    }

    @Test("Before its pictures are known a run is compared with its folder but for the number of classes")
    func earlyCheck() throws {
        let training = try training("run", steps: 2)
        _ = try training.open(resuming: false)
        var settings = training.settings
        settings.model.classes = 7
        try ModelTraining.check(settings, in: training.folder, resuming: true)
        settings.clip = 3
        let difference = #expect(throws: TrainingError.self) {
            try ModelTraining.check(settings, in: training.folder, resuming: true)
        }
        #expect(difference?.description.contains("clip is 2 there, 3 here") == true)
        settings.batch = 0
        #expect(throws: TrainingError.self) { try ModelTraining.check(settings, in: "/nowhere", resuming: false) }
    }

    @Test("Sheets of samples that cannot be written are remarked on, and the run goes on")
    func unwritableSamples() throws {
        let training = try training("run", steps: 2, samples: 1)
        _ = try training.open(resuming: false)
        try Data().write(to: URL(fileURLWithPath: training.folder + "/samples"))
        var notices: [String] = []
        let outcome = try training.run(
            on: .tokens(tokens), validation: tokens, notice: { notices.append("\($0)") })
        #expect(outcome == .finished && notices.count == 2)
        #expect(
            notices.allSatisfy {
                $0.hasPrefix("the run goes on without a picture: ") && $0.contains("'\(training.folder)/samples/step-")
            }, "\(notices)")
    }

    @Test("The cycle spends eight steps on the coarse scales and one on each fine one")
    func cycles() {
        func passes(_ pattern: AttentionPattern, step: Int) -> [Range<Int>] {
            ScaleGroups.cycle(coarseSteps: 8).passes(step: step, of: ScalePass.all(configuration(pattern))).map(
                \.scales)
        }
        let steps = (0..<11).map { passes(.spatial(kernel: 3), step: $0) }
        #expect(steps == Array(repeating: [0..<2], count: 8) + [[2..<3], [3..<4], [0..<2]])
        #expect(passes(.full, step: 9) == [0..<4])
    }

    @Test("Groups are written and read as on the command line; a cycle needs a pattern within scales")
    func groups() throws {
        for groups in [ScaleGroups.all, .cycle(coarseSteps: 8)] { #expect(ScaleGroups(groups.description) == groups) }
        for text in ["", "All", "cycle", "cycle:", "cycle:0", "cycle:-1", "cycle:x", "8"] {
            #expect(ScaleGroups(text) == nil, "\(text)")
        }
        var settings = ModelTrainingSettings(
            model: configuration(.full), groups: .cycle(coarseSteps: 8), length: TrainingLength(steps: 1))
        #expect(throws: TrainingError.self) { try settings.check() }
        settings.model.pattern = .scale
        try settings.check()
    }

    @Test("Mirrored tokens are those of the mirrored picture")
    func tokensOfMirrored() throws {
        let pictures = try PictureSet([data.archive(count: 2, side: 16)], side: 16)
        let direct = try tokenizer.tokens(of: pictures.shown([1], flipped: [true])).array(of: Int.self)
        #expect(try tokens.batch([1], flipped: [true]).array(of: Int.self) == direct)
        #expect(try tokens.batch([1], flipped: [false]).array(of: Int.self) != direct)
    }

    @Test("Networks that do not belong together are refused")
    func refusesMismatch() throws {
        var settings = ModelTrainingSettings(model: configuration(), length: TrainingLength(steps: 1))
        settings.model.vocabularySize = 17
        #expect(throws: TrainingError.self) {
            try ModelTraining(settings, folder: "/nowhere", tokenizer: tokenizer, tokenizerTensors: tensors)
        }
        settings.model.vocabularySize = 16
        settings.model.schedule = try ScaleSchedule([1, 2, 8])
        #expect(throws: TrainingError.self) {
            try ModelTraining(settings, folder: "/nowhere", tokenizer: tokenizer, tokenizerTensors: tensors)
        }
    }
}
