import Checkpoints
import Foundation
import NeuralNetworks
import Testing
import Torch

@testable import Training

@Suite("A run survives")
struct RunSurvivalTests {
    private let data: DrawnData
    private let whole: TinyRun
    private let run: TinyRun

    init() throws {
        data = try DrawnData()
        whole = TinyRun(folder: data.folder + "/whole")
        run = TinyRun(folder: data.folder + "/run")
    }

    private func bytes(_ path: String) throws -> [UInt8] { try [UInt8](Data(contentsOf: URL(fileURLWithPath: path))) }

    private func write(_ bytes: [UInt8], to path: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }

    /// The tensors of the last checkpoint.
    private func tensors(_ run: TinyRun) throws -> [[UInt8]] {
        let file = try Safetensors(path: run.checkpoints.path(ofStep: 12))
        return try file.tensors.records.filter { $0.name != "crc32" }
            .map { try $0.tensor().withContiguousBytes { [UInt8]($0) } }
    }

    private func message(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "no error"
        } catch { return "\(error)" }
    }

    /// 12 losses, and measurements after steps 4, 8 and 12.
    private static let reports = 15

    @Test("Ended after any report and resumed, a run has the log and the state of one that never ended")
    func endsAnywhere() throws {
        try whole.sit()
        let (lines, state) = (try whole.lines(), try tensors(whole))
        #expect(lines.count == Self.reports + 1)
        for isKilled in [true, false] {
            for end in 1...Self.reports {
                let run = TinyRun(folder: data.folder + "/\(isKilled)-\(end)")
                if isKilled {
                    #expect(throws: TinyRun.Killed.self) { try run.sit(killAfter: end) }
                } else {
                    let outcome = try run.sit(stopAfter: end).outcome
                    #expect(outcome == (end == Self.reports ? .finished : .interrupted))
                    #expect(run.checkpoints.steps.count <= 2)
                }
                // Killed once more, early in the second sitting.
                if end % 2 == 0 { #expect(throws: TinyRun.Killed.self) { try run.sit(resuming: true, killAfter: 1) } }
                #expect(try run.sit(resuming: true).outcome == .finished)
                #expect(try run.lines() == lines, "ended after report \(end)")
                #expect(try tensors(run) == state, "ended after report \(end)")
            }
        }
    }

    @Test("The latest two checkpoints are kept, and what a killed one left of a third is removed")
    func keepsTwo() throws {
        #expect(throws: TinyRun.Killed.self) { try run.sit(killAfter: 13) }
        #expect(run.checkpoints.steps == [6, 9])
        try write([1, 2, 3], to: run.checkpoints.folder + "/.mvar-abc.tmp")
        try run.sit(resuming: true)
        let names = try FileManager.default.contentsOfDirectory(atPath: run.checkpoints.folder).sorted()
        #expect(names == ["step-00000009.safetensors", "step-00000012.safetensors"])
    }

    @Test("A newest checkpoint with any byte flipped, or cut off anywhere, is named, and the one before is taken")
    func findsDamage() throws {
        try run.sit()
        let path = run.checkpoints.path(ofStep: 12)
        let content = try bytes(path)
        var states: [[UInt8]] = content.indices.map { index in
            var damaged = content
            damaged[index] ^= 1 << UInt8(index % 8)
            return damaged
        }
        for count in stride(from: 0, to: content.count, by: 7) { states.append(Array(content[..<count])) }
        states.append(content + [0])
        for state in states {
            try write(state, to: path)
            var notices: [TrainingNotice] = []
            let saved = try run.checkpoints.newestWhole { notices.append($0) }
            #expect(saved?.counters.step == 9)
            #expect(notices.count == 1)
            #expect(notices.first.map { "\($0)" }?.hasPrefix("passed over '\(path)', which is damaged: ") == true)
        }
        try write(content, to: path)
        #expect(try run.checkpoints.newestWhole { _ in }?.counters.step == 12)
    }

    @Test("From the checkpoint before, the rest of the run is done again, and the damaged one goes when two are whole")
    func goesOnFromTheOneBefore() throws {
        try whole.sit()
        // 8 is saved by request, 9 by the rhythm.
        try run.sit(stopAfter: 9)
        #expect(throws: TinyRun.Killed.self) { try run.sit(resuming: true, killAfter: 3) }
        #expect(run.checkpoints.steps == [8, 9])
        try write([], to: run.checkpoints.path(ofStep: 9))
        let notices = try run.sit(resuming: true).notices
        #expect(notices.count == 2 && notices.last == .goesOn(step: 8))
        #expect(try run.lines() == whole.lines())
        #expect(try tensors(run) == tensors(whole))
        #expect(run.checkpoints.steps == [9, 12])
    }

    @Test("With all checkpoints damaged nothing is begun or removed")
    func allDamaged() throws {
        try run.sit()
        for step in [9, 12] { try write([7], to: run.checkpoints.path(ofStep: step)) }
        let said = message { try run.sit(resuming: true) }
        #expect(said.contains("step-00000012.safetensors' is damaged, and so are all 2 checkpoints"), "\(said)")
        #expect(run.checkpoints.steps == [9, 12])
        #expect(try run.lines().count == Self.reports + 1)
    }

    @Test("A line of the log that breaks off is written again, and lines that somebody took out are missed aloud")
    func brokenLine() throws {
        try whole.sit()
        #expect(throws: TinyRun.Killed.self) { try run.sit(killAfter: 10) }
        var log = try bytes(run.metricsPath)
        log.removeLast(20)
        try write(log, to: run.metricsPath)
        try run.sit(resuming: true)
        #expect(try run.lines() == whole.lines())
        try write(Array("{}\n{\"st".utf8), to: run.metricsPath)
        let notices = try run.sit(resuming: true).notices
        #expect(notices.contains(.linesMissing(file: run.metricsPath, found: 1, expected: Self.reports)))
        #expect(try run.lines() == ["{}", ""])
    }

    @Test("Killed before its first checkpoint a run begins anew; in an empty folder there is nothing to resume")
    func beginsAnew() throws {
        #expect(message { try run.sit(resuming: true) }.contains("holds no run to resume"))
        #expect(throws: TinyRun.Killed.self) { try run.sit(killAfter: 2) }
        try whole.sit()
        #expect(try run.sit(resuming: true).notices == [.beginsAnew])
        #expect(try run.lines() == whole.lines())
    }

    @Test("A finished run that is resumed is measured for who watches, and nothing is written twice")
    func finishedAgain() throws {
        try run.sit()
        let (log, checkpoint) = (try bytes(run.metricsPath), try bytes(run.checkpoints.path(ofStep: 12)))
        var steps: [Int] = []
        #expect(try run.sit(resuming: true) { steps.append($0) }.outcome == .finished)
        #expect(steps == [12])
        #expect(try bytes(run.metricsPath) == log)
        #expect(try bytes(run.checkpoints.path(ofStep: 12)) == checkpoint)
    }

    @Test("A loss that is no number names the step and the last checkpoint, which a smaller learning rate goes on from")
    func notANumber() throws {
        var run = run
        run.damage = .loss(step: 7)
        let said = message { try run.sit() }
        #expect(said.hasPrefix("The loss is nan at step 8. The checkpoint of step 6 is whole: "), "\(said)")
        #expect(try run.checkpoints.newestWhole { _ in }?.counters.step == 6)
        run.damage = nil
        run.settings.learningRate = 0.01
        let refused = message { try run.sit(resuming: true) }
        #expect(refused.contains("learningRate is 0.1 there, 0.01 here"), "\(refused)")
        let settings = String(decoding: try bytes(run.folder + "/run.json"), as: UTF8.self)
        try write(
            Array(settings.replacing("\"learningRate\" : 0.1,", with: "\"learningRate\" : 0.01,").utf8),
            to: run.folder + "/run.json")
        #expect(try run.sit(resuming: true).outcome == .finished)
        let early = message { try TinyRun(folder: data.folder + "/early", damage: .loss(step: 0)).sit() }
        #expect(early.contains("at step 1. Nothing is saved yet"), "\(early)")
    }

    @Test("Parameters that a step ruined are not saved, though its loss was a number")
    func ruinedParameters() throws {
        var run = run
        run.damage = .parameters(step: 5)
        let said = message { try run.sit() }
        #expect(
            said.hasPrefix("The largest number of parameters.weight is inf at step 6. The checkpoint of step 3 "),
            "\(said)")
        #expect(run.checkpoints.steps == [3])
    }

    @Test("A full disk is one line, the checkpoints before stay whole, and with room the run goes on as if nothing was")
    func fullDisk() throws {
        try whole.sit()
        let path = run.checkpoints.path(ofStep: 9)
        let said = message {
            // Links are followed when a file is written, and this device is always full.
            try run.sit { step in
                guard step == 7 else { return }
                try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "/dev/full")
            }
        }
        #expect(said.contains("No space left on device") && said.contains("Free some space"), "\(said)")
        #expect(said.hasSuffix("The checkpoint of step 6 is whole: --resume goes on from it."), "\(said)")
        #expect(!said.contains("\n"))
        try FileManager.default.removeItem(atPath: path)
        #expect(run.checkpoints.steps == [3, 6])
        #expect(try run.sit(resuming: true).notices == [.goesOn(step: 6)])
        #expect(try run.lines() == whole.lines())
        #expect(try tensors(run) == tensors(whole))
    }

    @Test("By the clock each measurement is saved at once, so that no worse one takes the place of the best")
    func measuredByTheClock() throws {
        var run = run
        run.settings.length = TrainingLength(minutes: 1000, warmUpSteps: 2)
        // Four steps, their measurement, and the next step: checkpoints are due every three steps.
        #expect(throws: TinyRun.Killed.self) { try run.sit(killAfter: 6) }
        #expect(run.checkpoints.steps == [3, 4])
    }

    @Test("A folder without a name, or below a file, is refused on one line before a run is made")
    func unusableFolders() throws {
        let file = data.folder + "/file"
        try write([1], to: file)
        for (folder, part) in [("", "it has no name"), (file, "is no folder"), (file + "/a/run", "is no folder")] {
            let said = message { try TinyRun(folder: folder).sit() }
            #expect(said.contains("cannot be the run's folder") && said.contains(part), "\(said)")
        }
        let settings = TinyTrainer.Settings()
        #expect(throws: TrainingError.self) { try RunFolder.check("", settings: settings, resuming: false) }
    }

    @Test("A second process is kept out of a run, also with --resume")
    func oneAtATime() throws {
        try run.sit { step in
            guard step == 5 else { return }
            #expect(message { try run.sit(resuming: true) }.contains("Another process is training in"))
        }
        #expect(message { try run.sit() }.contains("already holds a run"))
    }

    @Test("Other settings and another number of pictures are refused, and named")
    func otherRuns() throws {
        try run.sit()
        var other = run
        other.samples = 6
        #expect(message { try other.sit(resuming: true) }.contains("learned from 5 pictures, and now there are 6"))
        other = run
        other.identity = PictureIdentity(learned: "x", measured: "b")
        #expect(message { try other.sit(resuming: true) }.contains("learned from other pictures than these"))
        other.identity = PictureIdentity(learned: "a", measured: "x")
        #expect(message { try other.sit(resuming: true) }.contains("was measured on other pictures than these"))
        other = run
        other.settings.clip = 3
        #expect(message { try other.sit(resuming: true) }.contains("clip is 1 there, 3 here"))
    }

    @Test("A checkpoint that is whole but lacks a tensor, or has it in another shape, is no checkpoint of the run")
    func otherTensors() throws {
        try run.sit()
        let path = run.checkpoints.path(ofStep: 12)
        let file = try Safetensors(path: path)
        for replacement in [[], [("parameters.weight", try Tensor.zeros([1]))]] {
            let tensors = try file.tensors.records.filter { !["crc32", "parameters.weight"].contains($0.name) }
                .map { (name: $0.name, tensor: try $0.tensor().cloned()) }
            try Safetensors.write(
                tensors + replacement.map { (name: $0.0, tensor: $0.1) }, metadata: file.metadata, checksummed: true,
                to: path)
            #expect(message { try run.sit(resuming: true) }.contains("lacks 'parameters.weight' as float32 [3]"))
        }
    }

    @Test("Numbers of the log read back as exactly what they were")
    func exactNumbers() {
        let values: [Double] = [
            0.1, Double(Float(0.1)), 2.7725887298583984, 1e-7, 1 / 3, 12, -0.5, 1e20, 123_456_789.125,
        ]
        for value in values {
            #expect(Double(MetricsLog.text(of: value)) == value)
        }
        #expect(MetricsLog.text(of: 0.1) == "0.1" && MetricsLog.text(of: 12) == "12")
        #expect(MetricsLog.text(of: .nan) == "null")
    }
}
