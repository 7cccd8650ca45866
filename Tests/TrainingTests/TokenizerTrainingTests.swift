import Foundation
import ImageTokenizer
import Models
import NeuralNetworks
import TestSupport
import Testing
import TokenPyramid
import Torch

@testable import Training

@Suite("Training a tokenizer")
struct TokenizerTrainingTests {
    private let data: DrawnData
    private let pictures: PictureSet
    private let held: PictureSet

    init() throws {
        data = try DrawnData()
        pictures = try PictureSet([data.archive(count: 16, side: 16)], side: 16)
        held = try PictureSet([data.archive("val.tar", count: 4, side: 16)], side: 16)
    }

    static func settings(
        steps: Int, changing change: (inout TokenizerTrainingSettings) -> Void = { _ in }
    ) throws -> TokenizerTrainingSettings {
        var settings = TokenizerTrainingSettings(
            tokenizer: TokenizerConfiguration(
                channels: 32, multipliers: [1, 1], latentChannels: 4, vocabularySize: 16,
                schedule: try ScaleSchedule([1, 2, 4, 8])),
            batch: 2, learningRate: 2e-3, averageDecay: 0.9, revivalInterval: 2, seed: 5,
            length: TrainingLength(steps: steps, warmUpSteps: 2),
            rhythm: TrainingRhythm(checkpoint: 1000, validation: 1000, report: 1))
        change(&settings)
        return settings
    }

    private func training(
        _ name: String, steps: Int, changing change: (inout TokenizerTrainingSettings) -> Void = { _ in }
    ) throws -> TokenizerTraining {
        try TokenizerTraining(Self.settings(steps: steps, changing: change), folder: data.folder + "/" + name)
    }

    /// The bytes of a finished tokenizer.
    private func result(_ name: String) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: data.folder + "/\(name)/model/tokenizer.safetensors"))
    }

    /// Everything that a run can have, small; the discriminator comes in after 4 steps.
    private static func everything(_ settings: inout TokenizerTrainingSettings) {
        settings.precision = .bfloat16
        settings.perceptual = PerceptualSettings(file: Fixture.path("losses/perceptual.pt"), weight: 0.5)
        settings.discriminator = DiscriminatorSettings(channels: 32, layers: 2, start: 4)
    }

    @Test("The error falls, and the result loads")
    func errorFalls() throws {
        let training = try training("run", steps: 24)
        var errors: [Double] = []
        var psnr: Double?
        let outcome = try training.run(pictures: pictures, validation: held) { report in
            if report.isValidation {
                psnr = report.metrics.first { $0.name == "psnr" }?.value
            } else {
                errors += report.metrics.filter { $0.name == "squared" }.map(\.value)
            }
        }
        #expect(outcome == .finished)
        #expect(errors.count == 24)
        let (first, last) = (errors.prefix(4).reduce(0, +), errors.suffix(4).reduce(0, +))
        #expect(last < 0.5 * first)
        #expect(try #require(psnr) > 8)
        #expect(FileManager.default.fileExists(atPath: training.resultPath + "/tokenizer.safetensors"))
        #expect(FileManager.default.fileExists(atPath: training.folder + "/reconstructions.png"))
    }

    @Test(
        "A run that is stopped and resumed gives bit for bit the losses and weights of one that is not",
        arguments: [
            { _ in },
            { $0.precision = .bfloat16 },
            { $0.discriminator = DiscriminatorSettings(channels: 32, layers: 1, start: 1) },
            everything,
        ] as [@Sendable (inout TokenizerTrainingSettings) -> Void])
    func resumesExactly(change: @Sendable (inout TokenizerTrainingSettings) -> Void) throws {
        var whole: [[TrainingMetric]] = []
        _ = try training("whole", steps: 8, changing: change)
            .run(pictures: pictures, validation: held) { whole.append($0.metrics) }

        // The first sitting ends before the discriminator comes in, the second after it.
        var parts: [[TrainingMetric]] = []
        for end in [3, 6] {
            let outcome = try training("parts", steps: 8, changing: change).run(
                pictures: pictures, validation: held, resuming: end > 3, report: { parts.append($0.metrics) },
                isInterrupted: { parts.count == end })
            #expect(outcome == .interrupted)
        }
        let resumed = try training("parts", steps: 8, changing: change).run(
            pictures: pictures, validation: held, resuming: true, report: { parts.append($0.metrics) })
        #expect(resumed == .finished)
        #expect(parts == whole)
        #expect(try result("parts") == result("whole"))
    }

    @Test("A discriminator that has not come in yet changes nothing; then the tokenizer feels it")
    func discriminatorStarts() throws {
        var names: [String: [Set<String>]] = [:]
        for (name, start) in [("without", nil), ("later", 4), ("early", 2)] as [(String, Int?)] {
            _ = try training(name, steps: 4) {
                $0.discriminator = start.map { DiscriminatorSettings(channels: 32, layers: 2, start: $0) }
            }.run(pictures: pictures, validation: held) { report in
                if !report.isValidation { names[name, default: []].append(Set(report.metrics.map(\.name))) }
            }
        }
        #expect(try result("later") == result("without"))
        #expect(names["later"] == names["without"])
        #expect(try result("early") != result("without"))
        let own: Set = ["adversarial", "adversarial_weight", "discriminator_loss", "discriminator_gradient_norm"]
        let early = try #require(names["early"])
        #expect(early.map(own.isSubset) == [false, false, true, true])
    }

    @Test("A discriminator that loses its numbers ends the run with a message that names it")
    func discriminatorDiverges() throws {
        let training = try training("run", steps: 8) {
            $0.discriminator = DiscriminatorSettings(channels: 32, layers: 2, start: 1, learningRate: 1e36)
            $0.rhythm.checkpoint = 1
        }
        do {
            _ = try training.run(pictures: pictures, validation: held)
            Issue.record("it finished")
        } catch let error as TrainingError {
            #expect("\(error)".contains("discriminator"), "\(error)")
            #expect("\(error)".contains("The checkpoint of step"), "\(error)")
            #expect(!"\(error)".contains("\n"))
        }
    }

    @Test("A perceptual network and a discriminator are listened to while the error falls")
    func withEverything() throws {
        var first: [TrainingMetric] = []
        var last: [TrainingMetric] = []
        _ = try training("run", steps: 24, changing: Self.everything).run(pictures: pictures, validation: held) {
            if $0.step == 1 { first = $0.metrics }
            if !$0.isValidation { last = $0.metrics }
        }
        func value(_ name: String, of metrics: [TrainingMetric]) throws -> Double {
            try #require(metrics.first { $0.name == name }).value
        }
        #expect(try value("squared", of: last) < 0.6 * value("squared", of: first))
        #expect(try value("perceptual", of: last) < value("perceptual", of: first))
        #expect(try value("adversarial_weight", of: last) > 0)
    }

    @Test(
        "Any number of levels, channels and scales learns, measures and loads",
        arguments: [
            ([1], [1, 3], 3), ([1, 2], [4], 8), ([1, 1, 1, 1], [1, 2, 3], 24), ([1, 2, 1, 3, 1], [1, 2], 32),
        ])
    func unusualShapes(multipliers: [Int], sides: [Int], imageSide: Int) throws {
        let training = try training("run", steps: 2) {
            $0.tokenizer.multipliers = multipliers
            if let schedule = try? ScaleSchedule(sides) { $0.tokenizer.schedule = schedule }
            $0.tokenizer.latentChannels = 5
        }
        let side = training.settings.tokenizer.imageSide
        #expect(side == imageSide)
        var measured: [String] = []
        _ = try training.run(
            pictures: PictureSet([data.folder + "/train.tar"], side: side),
            validation: PictureSet([data.folder + "/val.tar"], side: side)
        ) { if $0.isValidation { measured = $0.metrics.map(\.name) } }
        #expect(measured.contains("usage_\(sides.count)") && measured.contains("perplexity_\(sides.count)"))
        // Wang's windows have 11 × 11 pixels.
        #expect(measured.contains("ssim") == (side >= 11))
        let loaded = try LoadedModel.tokenizer(ModelSource(tokenizer: training.resultPath))
        #expect(loaded.configuration == training.settings.tokenizer)
    }

    @Test("A run goes on only where it was, with the settings that it had")
    func refusesOtherRuns() throws {
        let training = try training("run", steps: 1)
        #expect(throws: TrainingError.nothingToResume(folder: training.folder)) {
            try training.run(pictures: pictures, validation: held, resuming: true)
        }
        _ = try training.run(pictures: pictures, validation: held)
        #expect(throws: TrainingError.folderInUse(folder: training.folder)) {
            try training.run(pictures: pictures, validation: held)
        }
        var other = try Self.settings(steps: 1)
        other.learningRate = 1
        #expect(throws: TrainingError.self) {
            try TokenizerTraining(other, folder: training.folder).run(
                pictures: pictures, validation: held, resuming: true)
        }
    }

    @Test("Senseless settings are refused before anything is computed")
    func refusesSettings() throws {
        for change: (inout TokenizerTrainingSettings) -> Void in [
            { $0.batch = 0 }, { $0.learningRate = .nan }, { $0.tokenizer.channels = 31 }, { $0.length.steps = nil },
            { $0.tokenizer.vocabularySize = 70_000 }, { $0.rhythm.report = 0 }, { $0.averageDecay = 1 },
            { $0.tokenizer.channels = 32 << 50 }, { $0.tokenizer.multipliers = [] },
            { $0.tokenizer.multipliers = .init(repeating: 1, count: 9) }, { $0.tokenizer.multipliers = [1, 65] },
            { $0.tokenizer.latentChannels = 0 }, { $0.deadShare = 1 }, { $0.deadShare = .nan },
            { $0.revivalInterval = 0 }, { $0.commitment = -1 }, { $0.squaredWeight = .infinity },
            { ($0.absoluteWeight, $0.squaredWeight) = (0, 0) },
            { $0.perceptual = PerceptualSettings(file: "/nowhere", weight: .nan) },
            { $0.discriminator = DiscriminatorSettings(channels: 48, layers: 1) },
            { $0.discriminator = DiscriminatorSettings(layers: 0) }, { $0.discriminator = DiscriminatorSettings() },
            { $0.discriminator = DiscriminatorSettings(layers: 1, weight: 0) },
            { $0.discriminator = DiscriminatorSettings(layers: 1, start: -1) },
            { $0.discriminator = DiscriminatorSettings(layers: 1, learningRate: .infinity) },
        ] {
            let settings = try Self.settings(steps: 1, changing: change)
            #expect(throws: TrainingError.self) { try TokenizerTraining(settings, folder: "/nowhere") }
        }
    }

    @Test("Perplexity counts the codes that would be as hard to guess; usage those that occur")
    func perplexity() {
        var counts = CodeCounts(vocabulary: 8)
        for code in [0, 1, 2, 3] { for _ in 0..<5 { counts.add(code) } }
        #expect(counts.usage == 0.5)
        #expect(abs(counts.perplexity - 4) < 1e-12)
        for _ in 0..<20 { counts.add(7) }
        // Half are one code, the other half one of four: entropy ½ ln 2 + ½ ln 8, which is ln 4.
        #expect(counts.usage == 5.0 / 8)
        #expect(abs(counts.perplexity - 4) < 1e-12)
        var others = CodeCounts(vocabulary: 8)
        for _ in 0..<40 { others.add(6) }
        #expect(abs(others.perplexity - 1) < 1e-12)
        others.add(counts)
        #expect(others.usage == 6.0 / 8)
    }

    @Test("Codes that nothing uses move to vectors that were to be quantized; used ones stay")
    func revivesDeadCodes() throws {
        let usage = try CodeUsage(vocabulary: 4, usesPerStep: 8)
        for _ in 0..<200 { try usage.record([Tensor([1, 1, 1, 1, 3, 3, 3, 3], shape: [8])]) }
        let vectors = try Tensor([Float(5), 6, 7, 8], shape: [2, 2])
        var generator = SplitMix64(seed: 1, stream: 0, purpose: 2)
        let revivals = try #require(try usage.revivals(below: 0.1, from: [vectors], using: &generator))
        #expect(try revivals.codes.array(of: Int.self) == [0, 2])
        for row in 0..<2 {
            let values = try revivals.vectors.selected(axis: 0, row).array(of: Float.self)
            #expect(values == [5, 6] || values == [7, 8])
        }
        #expect(try usage.revivals(below: 0.1, from: [vectors], using: &generator) == nil)
    }
}
