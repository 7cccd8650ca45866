import Foundation
import ImageTokenizer
import Images
import NeuralNetworks
import ScaleTransformer
import Testing
import TokenPyramid
import Torch

@testable import Training

@Suite("Runs whose pictures are decoded while they go on")
struct FedRunTests {
    private let data: DrawnData
    private let schedule: ScaleSchedule
    private let configuration: TokenizerConfiguration

    init() throws {
        data = try DrawnData()
        schedule = try ScaleSchedule([1, 2, 4, 8])
        configuration = TokenizerConfiguration(
            channels: 32, multipliers: [1, 1], latentChannels: 4, vocabularySize: 16, schedule: schedule)
    }

    private let length = TrainingLength(steps: 6, warmUpSteps: 2)
    private let rhythm = TrainingRhythm(checkpoint: 1000, validation: 1000, report: 1)

    private func held() throws -> PictureSet {
        try PictureSet([data.archive("val.tar", count: 2, side: 16)], side: 16)
    }

    private func tokenizerRun(_ name: String, batch: Int = 2) throws -> TokenizerTraining {
        try TokenizerTraining(
            TokenizerTrainingSettings(
                tokenizer: configuration, batch: batch, crop: .random, seed: 5, length: length, rhythm: rhythm),
            folder: data.folder + "/" + name)
    }

    private func modelRun(_ name: String, batch: Int = 3, crop: PictureCrop = .random) throws -> ModelTraining {
        let fresh = FreshParameters(seed: 2)
        let tokenizer = try VisualTokenizer(configuration, at: ParameterPath(fresh))
        return try ModelTraining(
            ModelTrainingSettings(
                model: TransformerConfiguration(
                    depth: 1, width: 32, heads: 2, classes: 2, vocabularySize: 16, latentChannels: 4,
                    schedule: schedule, pattern: .spatial(kernel: 3), firstSpatialScale: 2),
                batch: batch, crop: crop, labelDrop: 0.3, seed: 5, length: length, rhythm: rhythm),
            folder: data.folder + "/" + name, tokenizer: tokenizer, tokenizerTensors: fresh.parameters)
    }

    private func pictures(_ path: String, workers: Int, crop: PictureCrop = .random) throws -> PictureSet {
        try PictureSet([path], side: 16, crop: crop, workers: workers, keeping: 0)
    }

    @Test(
        "Stopped in an epoch with a damaged picture and resumed with other threads, the losses are bit for bit the same"
    )
    func resumesExactly() throws {
        // In six steps of 17 every picture is due.
        let archive = try data.archive(count: 100, side: 20, extra: [("disc/broken.png", [1, 2])])
        let (whole, parts) = (try tokenizerRun("whole", batch: 17), try tokenizerRun("parts", batch: 17))
        let held = try held()
        var expected: [[TrainingMetric]] = []
        var skipped: [TrainingNotice] = []
        _ = try whole.run(
            pictures: pictures(archive, workers: 1), validation: held, report: { expected.append($0.metrics) },
            notice: { skipped.append($0) })
        #expect(skipped.count == 1)
        #expect(skipped.first.map { "\($0)" }?.hasPrefix("skipped \(archive):disc/broken.png: ") == true)
        var metrics: [[TrainingMetric]] = []
        let outcome = try parts.run(
            pictures: pictures(archive, workers: 4), validation: held, report: { metrics.append($0.metrics) },
            isInterrupted: { metrics.count == 3 })
        #expect(outcome == .interrupted)
        _ = try parts.run(
            pictures: pictures(archive, workers: 2), validation: held, resuming: true,
            report: { metrics.append($0.metrics) })
        #expect(metrics == expected && metrics.count == 7)
    }

    @Test("Every line of a step says how long it waited for pictures; the metrics that are compared do not")
    func waits() throws {
        let run = try tokenizerRun("run")
        _ = try run.run(pictures: pictures(data.archive(count: 8, side: 20), workers: 1), validation: held())
        let lines = try String(contentsOfFile: run.folder + "/metrics.jsonl", encoding: .utf8).split(separator: "\n")
        let waits = lines.compactMap { $0.firstMatch(of: #/"wait":([0-9.e-]+),/#).flatMap { Double($0.1) } }
        #expect(lines.count == 7 && waits.count == 6)
        // The first pictures cannot have been there before they were asked for.
        #expect(waits[0] > 0)
    }

    @Test("A transformer learns from random crops, whose tokens are computed as they come, and resumes exactly")
    func randomCropsOfModels() throws {
        let archive = try data.archive(count: 8, side: 20)
        let held = try TokenSet(held(), by: modelRun("x").tokenizer)
        var expected: [[TrainingMetric]] = []
        _ = try modelRun("whole").run(on: .pictures(pictures(archive, workers: 1)), validation: held) {
            expected.append($0.metrics)
        }
        var metrics: [[TrainingMetric]] = []
        _ = try modelRun("parts").run(
            on: .pictures(pictures(archive, workers: 3)), validation: held, report: { metrics.append($0.metrics) },
            isInterrupted: { metrics.count == 2 })
        _ = try modelRun("parts").run(
            on: .pictures(pictures(archive, workers: 3)), validation: held, resuming: true,
            report: { metrics.append($0.metrics) })
        #expect(metrics == expected && metrics.count == 7)
        let tokens = try TokenSet(pictures(archive, workers: 1, crop: .center), by: modelRun("x").tokenizer)
        #expect(throws: TrainingError.self) { try modelRun("y").run(on: .tokens(tokens), validation: held) }
    }

    @Test("Middles whose tokens are computed as they come give the losses of tokens that were computed before")
    func sameTokens() throws {
        let archive = try data.archive(count: 8, side: 20)
        let held = try TokenSet(held(), by: modelRun("x").tokenizer)
        var losses: [[[TrainingMetric]]] = [[], []]
        let middles = try pictures(archive, workers: 2, crop: .center)
        let tokens = try TokenSet(middles, by: modelRun("x").tokenizer)
        for (index, source) in [TokenSource.pictures(middles), .tokens(tokens)].enumerated() {
            _ = try modelRun("\(index)", crop: .center).run(on: source, validation: held) {
                losses[index].append($0.metrics)
            }
        }
        #expect(losses[0] == losses[1] && losses[0].count == 7)
    }

    @Test("Exchanged, renamed or reordered pictures are noticed at the same number; a folder that moved is none")
    func exchanged() throws {
        func entries(_ numbers: [Int], swapped: Bool = false) throws -> [(name: String, bytes: [UInt8])] {
            try numbers.map { number in
                let shown = swapped && number < 2 ? 1 - number : number
                return (
                    "\(["disc", "square"][number % 2])/\(number).png",
                    try DrawnData.picture(of: shown % 2, number: shown, side: 16).encoded(as: .png)
                )
            }
        }
        func fingerprint(_ name: String, _ entries: [(name: String, bytes: [UInt8])]) throws -> String {
            let path = data.folder + "/" + name
            try Data(tarArchive(of: entries)).write(to: URL(fileURLWithPath: path))
            return try PictureSet([path], side: 16).fingerprint
        }
        let first = try fingerprint("a.tar", entries([0, 1, 2, 3]))
        #expect(try fingerprint("b.tar", entries([0, 1, 2, 3])) == first)
        #expect(try fingerprint("c.tar", entries([0, 1, 3, 2])) != first)
        #expect(try fingerprint("d.tar", entries([0, 1, 2, 5])) != first)
        // Bytes of other sizes under the same names.
        #expect(try fingerprint("e.tar", entries([0, 1, 2, 3], swapped: true)) != first)
        for number in 0..<4 {
            let folder = data.folder + "/tree/\(["disc", "square"][number % 2])"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let bytes = try entries([number])[0].bytes
            try Data(bytes).write(to: URL(fileURLWithPath: "\(folder)/\(number).png"))
        }
        let tree = try PictureSet([data.folder + "/tree"], side: 16).fingerprint
        try FileManager.default.moveItem(atPath: data.folder + "/tree", toPath: data.folder + "/moved")
        #expect(try PictureSet([data.folder + "/moved"], side: 16).fingerprint == tree)
        #expect(try fingerprint("f.tar", entries([0, 2, 1, 3])) == tree)
    }

    @Test(
        "A run refuses to go on with exchanged pictures, learned from or measured on, before their tokens are computed")
    func refusesExchanged() throws {
        let first = try pictures(data.archive(count: 8, side: 20), workers: 1)
        let second = try pictures(data.archive("other.tar", count: 8, side: 24), workers: 1)
        let (held, others) = (try held(), try PictureSet([data.archive("w.tar", count: 2, side: 17)], side: 16))
        let run = try tokenizerRun("run")
        _ = try run.run(pictures: first, validation: held)
        func message(_ body: () throws -> Void) -> String {
            do {
                try body()
                return "no error"
            } catch { return "\(error)" }
        }
        let learned = message { _ = try run.run(pictures: second, validation: held, resuming: true) }
        #expect(learned.hasPrefix("The run in '\(run.folder)' learned from other pictures than these: "), "\(learned)")
        let measured = message { _ = try run.run(pictures: first, validation: others, resuming: true) }
        #expect(measured.contains("was measured on other pictures than these"), "\(measured)")
        #expect(message { _ = try run.run(pictures: first, validation: held, resuming: true) } == "no error")

        let model = try modelRun("model")
        let tokens = try TokenSet(held, by: model.tokenizer)
        _ = try model.run(on: .pictures(first), validation: tokens)
        #expect(message { try model.check(.pictures(second), heldOut: held) }.contains("learned from other pictures"))
        #expect(message { try model.check(.pictures(first), heldOut: others) }.contains("was measured on other"))
        #expect(message { try model.check(.pictures(first), heldOut: held) } == "no error")
    }

    @Test("A batch larger than the data set is refused before a folder is made")
    func largeBatch() throws {
        let pictures = try pictures(data.archive(count: 8, side: 20), workers: 1)
        let held = try held()
        #expect(
            throws: TrainingError.invalidSetting(
                "A step takes 9 pictures, and there are 8: give a smaller --batch, or more pictures.")
        ) { try tokenizerRun("run", batch: 9).run(pictures: pictures, validation: held) }
        let model = try modelRun("run", batch: 9)
        #expect(throws: TrainingError.self) { try model.check(.pictures(pictures), heldOut: held) }
        let tokens = try TokenSet(held, by: model.tokenizer)
        #expect(throws: TrainingError.self) { try model.run(on: .pictures(pictures), validation: tokens) }
        #expect(!FileManager.default.fileExists(atPath: data.folder + "/run"))
        _ = try tokenizerRun("run", batch: 8).run(pictures: pictures, validation: held)
    }
}
