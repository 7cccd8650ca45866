import Foundation
import MVAR
import Testing

@testable import MVARCommand

/// What only a real process shows: it is killed at moments that nobody chose, and its signals and limits are the system's.
@Suite(
    "mvar train survives", .serialized, .enabled(if: Program.path != nil, "the program was not built beside the tests"))
struct TrainSurvivalTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try folder.drawPictures(7)
    }

    /// Seven pictures in batches of three: checkpoints come in the middle of an epoch.
    private func command(_ kind: String, _ run: String) -> [String] {
        ["train", kind, "--data", folder.file("data"), "--validation", folder.file("data")]
            + ["--run", folder.file(run), "--batch", "3", "--warm-up", "5", "--checkpoint-every", "4"]
            + ["--validate-every", "6", "--log-every", "1"]
            + (kind == "tokenizer"
                ? ["--multipliers", "1,1", "--latent-channels", "4", "--vocabulary", "16", "--schedule", "1,2,4,8"]
                : ["--tokenizer", folder.file("tokenizer/model"), "--depth", "2", "--width", "32", "--heads", "2"]
                    + ["--attention", "spatial-3", "--label-drop", "0.3"])
    }

    /// Runs a command to its end; returns what it said.
    @discardableResult
    private func finish(_ arguments: [String], status: Int32 = 0, shell: String? = nil) throws -> String {
        let program = try Program(arguments, shell: shell)
        let errors = program.errors()
        program.process.waitUntilExit()
        #expect(program.process.terminationStatus == status, "\(errors)")
        return errors
    }

    private func metrics(_ run: String) -> String {
        (try? String(contentsOfFile: folder.file(run + "/metrics.jsonl"), encoding: .utf8)) ?? ""
    }

    /// The log without the times, which no two runs share.
    private func losses(_ run: String) -> [String] {
        metrics(run).split(separator: "\n", omittingEmptySubsequences: false)
            .map { String($0.replacing(#/"(seconds|wait)":[^,]*,/#, with: "")) }
    }

    private func checkpoints(_ run: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.file(run + "/checkpoints")).sorted()
    }

    /// Waits until the log has grown by some lines, and a little longer; or until the program ends.
    private func wait(
        _ lines: Int, _ run: String, _ program: Program, using chance: inout SystemRandomNumberGenerator
    ) {
        let log = folder.file(run + "/metrics.jsonl")
        let goal = metrics(run).count(where: \.isNewline) + lines
        // Not a task's sleep: where other tests hold all of its threads it would sleep until the program has ended.
        while program.process.isRunning,
            !FileManager.default.fileExists(atPath: log) || metrics(run).count(where: \.isNewline) < goal
        { usleep(2_000) }
        usleep(UInt32.random(in: 0...8_000, using: &chance))
    }

    @Test(
        "Killed at any moment, four times over, it gives bit for bit the losses and weights of a run that never stopped",
        .timeLimit(.minutes(5)), arguments: ["tokenizer", "model"])
    func killed(kind: String) throws {
        if kind == "model" { try finish(command("tokenizer", "tokenizer") + ["--steps", "2", "-q"]) }
        let steps = ["--steps", "50", "-q"]
        try finish(command(kind, "whole") + steps)
        var chance = SystemRandomNumberGenerator()
        var moments: [Int] = []
        var kills = 0
        for sitting in 0..<4 {
            let program = try Program(command(kind, "killed") + steps + (sitting > 0 ? ["--resume"] : []))
            // A resumed run takes back lines first: what it adds need not be more than it had.
            wait(Int.random(in: 0...6, using: &chance), "killed", program, using: &chance)
            kill(program.process.processIdentifier, SIGKILL)
            program.process.waitUntilExit()
            if program.process.terminationReason == .uncaughtSignal { kills += 1 }
            moments.append(metrics("killed").count(where: \.isNewline))
        }
        #expect(kills > 0, "it was over before it could be killed")
        try finish(command(kind, "killed") + steps + ["--resume"])
        #expect(losses("killed") == losses("whole"), "killed after lines \(moments)")
        #expect(losses("killed").count == 50 + 9 + 1)
        let name = kind == "model" ? "model" : "tokenizer"
        func result(_ run: String) throws -> [UInt8] { try bytes(of: folder.file("\(run)/model/\(name).safetensors")) }
        #expect(try result("killed") == result("whole"), "killed after lines \(moments)")
        #expect(try checkpoints("killed") == ["step-00000048.safetensors", "step-00000050.safetensors"])
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.file("killed/model"))
        #expect(names.allSatisfy { !$0.hasPrefix(".") }, "\(names)")
    }

    @Test(
        "The first Ctrl-C, SIGTERM or SIGHUP writes a checkpoint of that step and has its status; resumed, losses are the same",
        .timeLimit(.minutes(5)), arguments: [(Int(SIGINT), 130), (Int(SIGTERM), 143), (Int(SIGHUP), 129)])
    func asked(signal: Int, status: Int) throws {
        let steps = ["--steps", "60", "-q"]
        try finish(command("tokenizer", "whole") + steps)
        var chance = SystemRandomNumberGenerator()
        let program = try Program(command("tokenizer", "asked") + steps)
        wait(Int.random(in: 1...9, using: &chance), "asked", program, using: &chance)
        kill(program.process.processIdentifier, Int32(signal))
        program.process.waitUntilExit()
        #expect(program.process.terminationReason == .exit)
        #expect(Int(program.process.terminationStatus) == status)
        let step = try #require(metrics("asked").matches(of: #/"step":([0-9]+)/#).last.flatMap { Int($0.1) })
        #expect(step < 60)
        #expect(try checkpoints("asked").last == "step-" + String(format: "%08d", step) + ".safetensors")
        try finish(command("tokenizer", "asked") + steps + ["--resume"])
        #expect(losses("asked") == losses("whole"), "asked after step \(step)")
    }

    @Test("Under nohup a closed terminal ends nothing") func ignoredHangUp() throws {
        let program = try Program(
            command("tokenizer", "run") + ["--steps", "12", "-q"], shell: "trap '' HUP; exec \"$0\" \"$@\"")
        var chance = SystemRandomNumberGenerator()
        wait(1, "run", program, using: &chance)
        kill(program.process.processIdentifier, SIGHUP)
        program.process.waitUntilExit()
        #expect(program.process.terminationReason == .exit && program.process.terminationStatus == 0)
        #expect(try checkpoints("run").last == "step-00000012.safetensors")
    }

    @Test("A limit of file sizes is one line with what is left, nothing half-written; without it the run goes on")
    func limitedSize() throws {
        // 32 kB: enough for the log, too little for a checkpoint.
        let arguments = command("tokenizer", "run") + ["--steps", "8"]
        let said = try finish(arguments + ["-q"], status: 1, shell: "ulimit -f 64; exec \"$0\" \"$@\"")
        #expect(said.split(separator: "\n").count == 1 && said.contains("file-size limit"), "\(said)")
        #expect(said.contains("step-00000004.safetensors") && said.contains("No checkpoint is written yet"), "\(said)")
        #expect(try checkpoints("run") == [])
        #expect(try finish(arguments + ["--resume"]).contains("it begins anew"))
        #expect(try checkpoints("run") == ["step-00000004.safetensors", "step-00000008.safetensors"])
    }

    @Test("A damaged newest checkpoint is remarked on, and the one before is taken") func damaged() throws {
        let arguments = command("tokenizer", "run") + ["--steps", "10"]
        try finish(arguments)
        let newest = folder.file("run/checkpoints/step-00000010.safetensors")
        let log = losses("run")
        #expect(truncate(newest, 1000) == 0)
        let said = try finish(arguments + ["--resume"])
        #expect(said.contains("mvar: passed over '\(newest)', which is damaged: "), "\(said)")
        #expect(said.contains("mvar: going on after step 8\n"))
        #expect(losses("run") == log)
    }

    @Test("A loss that is no number is one line and status 1, and the checkpoints stay") func notANumber() throws {
        let said = try finish(
            command("tokenizer", "run") + ["--steps", "50", "--learning-rate", "1e30", "-q"], status: 1)
        #expect(said.split(separator: "\n").count == 1, "\(said)")
        #expect(said.firstMatch(of: #/ (is nan|is inf|is -nan) at step [0-9]+\. /#) != nil, "\(said)")
        #expect(said.contains("smaller learning rate"))
    }
}
