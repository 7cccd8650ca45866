import Foundation
import MVAR
import TestSupport
import Testing

@testable import MVARCommand

/// Two processes on one machine, started as a launcher starts them.
@Suite(
    "mvar train in many processes", .serialized,
    .enabled(if: Program.path != nil, "the program was not built beside the tests"))
struct ManyProcessesTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try folder.drawPictures(7)
    }

    private func command(_ kind: String, _ run: String, steps: Int) -> [String] {
        ["train", kind, "--data", folder.file("data"), "--validation", folder.file("data"), "-q", "--threads", "1"]
            + ["--run", folder.file(run), "--batch", "4", "--warm-up", "5", "--checkpoint-every", "4"]
            + ["--validate-every", "6", "--log-every", "1", "--steps", "\(steps)"]
            // AdamW divides gradients by their size: where they are nothing but roundings, so are its steps, which then stay small.
            + ["--learning-rate", "1e-5"]
            + (kind == "tokenizer"
                ? ["--multipliers", "1,1", "--latent-channels", "4", "--vocabulary", "64", "--schedule", "1,2,4,8"]
                    + ["--discriminator", "--discriminator-start", "4", "--discriminator-channels", "32"]
                    + ["--discriminator-learning-rate", "1e-5"]
                    + ["--discriminator-layers", "2"]
                : ["--tokenizer", folder.file("tokenizer/model"), "--depth", "2", "--width", "32", "--heads", "2"]
                    + ["--attention", "spatial-3", "--label-drop", "0.3"])
    }

    private func variables(_ rank: Int, of count: Int = 2, port: Int) -> [String: String] {
        [
            "RANK": "\(rank)", "WORLD_SIZE": "\(count)", "LOCAL_RANK": "\(rank)", "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": "\(port)",
        ]
    }

    /// Starts a command as two processes.
    private func pair(_ arguments: [String]) throws -> [Program] {
        let port = freePort()
        return try (0..<2).map { try Program(arguments, variables: variables($0, port: port)) }
    }

    /// Runs processes to their end; returns what each said.
    @discardableResult
    private func finish(_ programs: [Program], status: Int32 = 0) -> [String] {
        programs.map { program in
            let errors = program.errors()
            program.process.waitUntilExit()
            #expect(program.process.terminationStatus == status, "\(errors)")
            return errors
        }
    }

    /// Every number of the log, by step and name.
    private func metrics(_ run: String) throws -> [[String: Double]] {
        try String(contentsOfFile: folder.file(run + "/metrics.jsonl"), encoding: .utf8).split(separator: "\n").map {
            try JSONDecoder().decode([String: Double].self, from: Data($0.utf8)).filter {
                $0.key != "seconds" && $0.key != "wait"
            }
        }
    }

    /// What is no loss, and jumps by a rounding: gradients where the discriminator's leaky ReLU or hinge is at its kink, and
    /// measurements by pixels of 8 bits.
    private static let jumping = [
        "gradient_norm", "discriminator_gradient_norm", "adversarial_weight", "psnr", "ssim",
    ]

    private func expectEqual(_ run: String, _ expected: String) throws {
        let (found, expected) = (try metrics(run), try metrics(expected))
        #expect(found.count == expected.count)
        for (left, right) in zip(found, expected) {
            #expect(left.keys == right.keys)
            for (name, value) in right {
                let bound = (Self.jumping.contains(name) ? 1e-3 : 1e-5) * max(1, abs(value))
                #expect(abs((left[name] ?? .nan) - value) < bound, "\(name) at \(right["step"] ?? 0)")
            }
        }
    }

    @Test(
        "Two processes give the losses of one with the same batch; one of them reports, and one can go on with their run",
        .timeLimit(.minutes(3)), arguments: ["tokenizer", "model"])
    func sameLosses(kind: String) throws {
        if kind == "model" { finish([try Program(command("tokenizer", "tokenizer", steps: 2))]) }
        finish([try Program(command(kind, "one", steps: 12))])
        let programs = try pair(command(kind, "two", steps: 12))
        #expect(finish(programs) == ["", ""])
        let printed = try programs.map { try $0.output.fileHandleForReading.readToEnd() ?? Data() }
        #expect(!printed[0].isEmpty && printed[1].isEmpty)
        try expectEqual("two", "one")
        let steps = try FileManager.default.contentsOfDirectory(atPath: folder.file("two/checkpoints")).sorted()
        #expect(steps == ["step-00000008.safetensors", "step-00000012.safetensors"])
        // The latest is lost: both take the one before, from the first's folder, and so does a single process.
        for _ in 0..<2 {
            try FileManager.default.removeItem(atPath: folder.file("two/checkpoints/step-00000012.safetensors"))
            finish(try pair(command(kind, "two", steps: 12) + ["--resume"]))
            try expectEqual("two", "one")
        }
        try FileManager.default.removeItem(atPath: folder.file("two/checkpoints/step-00000012.safetensors"))
        finish([try Program(command(kind, "two", steps: 12) + ["--resume"])])
        try expectEqual("two", "one")
    }

    @Test(
        "A killed process ends the other within a minute, which names it on one line", .timeLimit(.minutes(2)),
        arguments: [0, 1])
    func killed(rank: Int) throws {
        let programs = try pair(command("tokenizer", "run", steps: 1_000_000))
        let log = folder.file("run/metrics.jsonl")
        while programs[0].process.isRunning,
            (try? String(contentsOfFile: log, encoding: .utf8))?.contains(where: \.isNewline) != true
        { usleep(10_000) }
        kill(programs[rank].process.processIdentifier, SIGKILL)
        let clock = ContinuousClock()
        let start = clock.now
        let said = finish([programs[1 - rank]], status: 1)[0]
        #expect(start.duration(to: clock.now) < .seconds(60))
        #expect(said.split(separator: "\n").count == 1, "\(said)")
        #expect(said.hasPrefix("mvar: Process \(rank) of 2 (") && said.contains(" is gone: "), "\(said)")
        #expect(said.contains("--resume"))
    }

    @Test(
        "A process with another tokenizer than the first is named, and a cache is made by one", .timeLimit(.minutes(2)))
    func otherTokenizer() throws {
        for (run, seed) in [("tokenizer", "1"), ("other", "2")] {
            finish([try Program(command("tokenizer", run, steps: 1) + ["--seed", seed])])
        }
        let port = freePort()
        let said = finish(
            try [(0, "tokenizer"), (1, "other")].map { rank, tokenizer in
                try Program(
                    command("model", "model", steps: 2) + ["--tokenizer", folder.file(tokenizer + "/model")],
                    variables: variables(rank, port: port))
            }, status: 1)
        #expect(said.joined().contains("Process 1 has fingerprints.tokenizer"), "\(said)")
        let cache = try Program(
            ["train", "cache", "--tokenizer", folder.file("tokenizer/model"), "--data", folder.file("data")]
                + ["-o", folder.file("cache.safetensors")], variables: variables(1, port: port))
        let refused = finish([cache], status: 64)
        #expect(refused[0].contains("was started in 2 processes"), "\(refused)")
    }

    @Test("SIGTERM to either process ends both at the same step, with one checkpoint", .timeLimit(.minutes(2)))
    func terminated() throws {
        let programs = try pair(command("tokenizer", "run", steps: 1_000_000))
        let log = folder.file("run/metrics.jsonl")
        while programs[0].process.isRunning,
            (try? String(contentsOfFile: log, encoding: .utf8))?.contains(where: \.isNewline) != true
        { usleep(10_000) }
        kill(programs[1].process.processIdentifier, SIGTERM)
        #expect(finish(programs, status: 143) == ["", ""])
        let step = try #require(try metrics("run").last?["step"])
        let saved = try FileManager.default.contentsOfDirectory(atPath: folder.file("run/checkpoints")).sorted()
        #expect(saved.last == "step-" + String(format: "%08d", Int(step)) + ".safetensors")
    }

    @Test("Processes with other settings are one line, and so is a failure of one to the other")
    func disagreement() throws {
        let port = freePort()
        let steps = [10, 11]
        let programs = try (0..<2).map {
            try Program(command("tokenizer", "run", steps: steps[$0]), variables: variables($0, port: port))
        }
        let said = finish(programs, status: 1)
        #expect(
            said[0].contains("Process 1 of 2 (pid ")
                && said[0].contains(" has ended: Process 1 has training.length.steps 11, "))
        #expect(
            said[1].contains(
                "mvar: Process 1 has training.length.steps 11, and process 0 has training.length.steps 10: "), "\(said)"
        )
        #expect(said.allSatisfy { $0.split(separator: "\n").count == 1 }, "\(said)")
    }

    @Test("What makes no sense is found before the processes meet")
    func refused() throws {
        var arguments = command("tokenizer", "run", steps: 10)
        arguments[(arguments.firstIndex(of: "--batch") ?? 0) + 1] = "3"
        let indivisible = finish([try Program(arguments, variables: variables(1, port: 1))], status: 1)[0]
        #expect(indivisible == "mvar: A batch of 3 cannot be shared equally by 2 processes: choose a multiple of 2.\n")
        var halfSet = variables(0, port: 1)
        halfSet["RANK"] = ""
        let said = finish([try Program(arguments, variables: halfSet)], status: 1)[0]
        #expect(said.hasPrefix("mvar: RANK is not set") && said.split(separator: "\n").count == 1, "\(said)")
        #expect(!FileManager.default.fileExists(atPath: folder.file("run")))
    }
}
