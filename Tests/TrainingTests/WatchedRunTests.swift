import Foundation
import ImageTokenizer
import TestSupport
import Testing
import TokenPyramid

@testable import Training

@Suite("Runs that TensorBoard watches")
struct WatchedRunTests {
    /// What ends a run from outside.
    private struct Killed: Error {}

    private let data: DrawnData
    private let training: TokenizerTraining

    init() throws {
        data = try DrawnData()
        let settings = TokenizerTrainingSettings(
            tokenizer: TokenizerConfiguration(
                channels: 32, multipliers: [1, 1], latentChannels: 4, vocabularySize: 16,
                schedule: try ScaleSchedule([1, 2, 4, 8])),
            batch: 2, length: TrainingLength(steps: 7, warmUpSteps: 2),
            rhythm: TrainingRhythm(checkpoint: 4, validation: 3, report: 1))
        training = try TokenizerTraining(settings, folder: data.folder + "/run")
    }

    /// One sitting, which ends without another word at the measurement of a step.
    @discardableResult
    private func sit(resuming: Bool = false, killedAt step: Int? = nil) throws -> [TrainingNotice] {
        var notices: [TrainingNotice] = []
        let pictures = try PictureSet([data.archive(count: 4, side: 16)], side: 16)
        _ = try training.run(
            pictures: pictures, validation: pictures, resuming: resuming,
            report: { if $0.isValidation, $0.step == step { throw Killed() } }, notice: { notices.append($0) })
        return notices
    }

    private func eventFiles() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: training.folder)
            .filter { $0.hasPrefix("events.out.tfevents.") }.sorted()
    }

    /// The lines of `metrics.jsonl`: what is told of each step, by TensorBoard's names.
    private func metrics() throws -> [String: [Int: Float]] {
        var metrics: [String: [Int: Float]] = [:]
        let text = try Data(contentsOf: URL(fileURLWithPath: training.folder + "/metrics.jsonl"))
        for line in text.split(separator: UInt8(ascii: "\n")) {
            var fields = try JSONDecoder().decode([String: Double].self, from: line)
            let removed = fields.removeValue(forKey: "step")
            let step = Int(try #require(removed))
            fields["seconds"] = nil
            let isValidation = fields["psnr"] != nil
            if isValidation { fields["learning_rate"] = nil }
            for (name, value) in fields {
                let tag = (isValidation ? "validation/" : "train/") + name
                let before = metrics[tag, default: [:]].updateValue(Float(value), forKey: step)
                #expect(before == nil, "\(tag) twice at step \(step)")
            }
        }
        return metrics
    }

    @Test("Every sitting has an event file of its own, and a run that begins anew only that of its own")
    func files() throws {
        #expect(throws: Killed.self) { try sit(killedAt: 3) }
        let first = try eventFiles()
        try #require(first.count == 1)
        // Nothing was saved, so the run begins again.
        try sit()
        let second = try eventFiles()
        try #require(second.count == 1)
        #expect(second[0] > first[0])
        try sit(resuming: true)
        #expect(try eventFiles().count == 2)
    }

    @Test("Reconstructions that cannot be written are remarked on, and the run goes on") func unwritable() throws {
        let path = training.folder + "/reconstructions.png"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let notices = try sit()
        #expect(notices.count == 3, "a measurement each after steps 3, 6 and 7")
        #expect(
            notices.allSatisfy {
                "\($0)"
                    == "the run goes on without a picture: Cannot write '\(path)': it is a folder. Name a file in it."
            },
            "\(notices)")
    }

    @Test("A result that cannot be written names the last checkpoint, from which the run then goes on")
    func unwritableResult() throws {
        let path = training.resultPath + "/tokenizer.safetensors"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let error = #expect(throws: TrainingError.self) { try sit() }
        let said = error?.description ?? "nothing"
        #expect(said.contains(path) && said.hasSuffix("step 7 is whole: --resume goes on from it."), "\(said)")
        try FileManager.default.removeItem(atPath: path)
        try sit(resuming: true)
        #expect(FileManager.default.fileExists(atPath: path))
    }

    @Test(
        "TensorBoard shows what metrics.jsonl says, each step once, after a run was killed and resumed",
        .enabled(if: TensorBoard.isInstalled, "\(TensorBoard.absence)"))
    func shown() throws {
        #expect(throws: Killed.self) { try sit(killedAt: 6) }
        try sit(resuming: true)
        let metrics = try metrics()
        #expect(metrics["train/learning_rate"]?.count == 7)
        #expect(metrics["validation/usage_4"]?.keys.sorted() == [3, 6, 7])
        for (name, shown) in try TensorBoard.readers(of: training.folder) {
            #expect(shown.scalars.keys.sorted() == metrics.keys.sorted(), "\(name)")
            for (tag, values) in metrics {
                let steps = shown.scalars[tag]?.map(\.step)
                #expect(steps == values.keys.sorted(), "\(name), \(tag)")
                for scalar in shown.scalars[tag] ?? [] {
                    #expect(scalar.value.map { Float($0) } == values[scalar.step], "\(name), \(tag)")
                }
            }
            let images = shown.images["validation/reconstructions"] ?? []
            #expect(shown.images.count == 1 && images.map(\.step) == [3, 6, 7], "\(name)")
            let last = try Data(contentsOf: URL(fileURLWithPath: training.folder + "/reconstructions.png"))
            #expect(images.last?.png == last, "\(name)")
        }
    }
}
