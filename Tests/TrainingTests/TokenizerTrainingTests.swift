import Foundation
import ImageTokenizer
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

    private func settings(steps: Int, average: Double = 0.9) throws -> TokenizerTrainingSettings {
        TokenizerTrainingSettings(
            tokenizer: TokenizerConfiguration(
                channels: 32, multipliers: [1, 1], latentChannels: 4, vocabularySize: 16,
                schedule: try ScaleSchedule([1, 2, 4, 8])),
            batch: 2, learningRate: 2e-3, averageDecay: average, revivalInterval: 2, seed: 5,
            length: TrainingLength(steps: steps, warmUpSteps: 2),
            rhythm: TrainingRhythm(checkpoint: 1000, validation: 1000, report: 1))
    }

    private func training(_ name: String, steps: Int) throws -> TokenizerTraining {
        try TokenizerTraining(settings(steps: steps), folder: data.folder + "/" + name)
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

    @Test("A run that is stopped and resumed gives bit for bit the losses and weights of one that is not")
    func resumesExactly() throws {
        var whole: [[TrainingMetric]] = []
        _ = try training("whole", steps: 8).run(pictures: pictures, validation: held) { whole.append($0.metrics) }

        var parts: [[TrainingMetric]] = []
        let interrupted = try training("parts", steps: 8).run(
            pictures: pictures, validation: held, report: { parts.append($0.metrics) },
            isInterrupted: { parts.count == 3 })
        #expect(interrupted == .interrupted)
        let resumed = try training("parts", steps: 8).run(
            pictures: pictures, validation: held, resuming: true, report: { parts.append($0.metrics) })
        #expect(resumed == .finished)
        #expect(parts == whole)
        func result(_ name: String) throws -> Data {
            try Data(contentsOf: URL(fileURLWithPath: data.folder + "/\(name)/model/tokenizer.safetensors"))
        }
        #expect(try result("parts") == result("whole"))
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
        var other = try settings(steps: 1)
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
        ] {
            var settings = try settings(steps: 1)
            change(&settings)
            #expect(throws: TrainingError.self) { try TokenizerTraining(settings, folder: "/nowhere") }
        }
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
