import Foundation
import MVAR
import TestSupport
import Testing

@testable import MVARCommand

@Suite("mvar sample into an .npz file") struct SampleArchiveTests {
    private let folder: TemporaryFolder
    private let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = folder.file("pictures.npz")
    }

    /// Seven pictures of all four classes, in batches of 2.
    private func command(_ path: String, count: Int = 7, seed: Int = 3, _ more: String...) -> [String] {
        ["sample", "--model", Mini64.model, "--class", "0,1,2,3", "--count", "\(count)", "--seed", "\(seed)"]
            + ["--batch", "2", "--threads", "1", "-o", path] + more
    }

    /// The file of a run that nothing disturbs.
    private func reference(count: Int = 7) async throws -> [UInt8] {
        let path = folder.file("reference-\(count).npz")
        _ = try await printed(by: command(path, count: count) + ["-q"])
        return try bytes(of: path)
    }

    private static let pictureSize = 64 * 64 * 3
    private var unfinished: String { path + ".unfinished" }

    /// Cuts a picture out of a file, finished or not.
    private func picture(_ number: Int, of content: [UInt8]) -> [UInt8] {
        let start = 4096 + number * Self.pictureSize
        return Array(content[start..<start + Self.pictureSize])
    }

    @Test("Its pictures are those of the PNG files, for each class in turn") func pictures() async throws {
        let content = try await reference()
        _ = try await printed(by: command(folder.file("%d.png")) + ["-q"])
        for number in 0..<7 {
            #expect(try picture(number, of: content) == PixelImage(contentsOf: folder.file("\(number).png")).pixels)
        }
        #expect(folder.names.count == 8 && !folder.names.contains { $0.hasSuffix(".unfinished") })
    }

    @Test(
        "NumPy reads it, with right checksums, and its comment tells how it was made",
        .enabled(if: NumPy.isInstalled, "\(NumPy.absence)"))
    func numpy() async throws {
        let line = try await printed(
            by: ["sample", "--model", Mini64.model, "--per-class", "2", "--seed", "3", "-q", "-o", path])
        #expect(line == "\(path)\t8 pictures of 4 classes\tseed 3\timages 0 to 7\n")
        let shown = try NumPy.show(path)
        #expect(shown.arrays.map(\.name) == ["arr_0", "arr_1"] && shown.damaged == nil)
        #expect(shown.arrays.map(\.type) == ["uint8", "int64"])
        #expect(shown.arrays.map(\.shape) == [[8, 64, 64, 3], [8]])
        let content = try bytes(of: path)
        #expect(shown.arrays[0].bytes == Data((0..<8).flatMap { picture($0, of: content) }))
        #expect(shown.arrays[1].bytes == Data((0..<8).flatMap { [UInt8($0 % 4), 0, 0, 0, 0, 0, 0, 0] }))
        let facts = try JSONDecoder().decode([String: String].self, from: Data(shown.comment.utf8))
        #expect(facts["seed"] == "3" && facts["pictures"] == "8" && facts["classes"] == "0 to 3")
        #expect(facts["model"] == "mini64" && facts["model-checksum"]?.count == 8)
    }

    // MARK: Broken off

    /// Runs the program until its journals have so many lines, and kills it.
    private func killed(_ arguments: [String], lines: Int, variables: [String: String] = [:]) throws {
        let program = try Program(arguments + ["-q"], variables: variables)
        let deadline = ContinuousClock.now + .seconds(120)
        while journalLines < lines, program.process.isRunning, ContinuousClock.now < deadline { usleep(2000) }
        kill(program.process.processIdentifier, SIGKILL)
        program.process.waitUntilExit()
        try #require(program.process.terminationReason == .uncaughtSignal, "it ended before it was killed")
    }

    private var journals: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: unfinished)) ?? []).filter { $0.hasPrefix("done-") }
    }

    private var journalLines: Int {
        journals.reduce(0) { sum, name in
            sum + (FileManager.default.contents(atPath: unfinished + "/" + name) ?? Data()).count { $0 == 10 }
        }
    }

    @Test(
        "After SIGKILL --resume makes what is missing, and the file is that of a run that never stopped",
        .enabled(if: Program.path != nil, "the program was not built beside the tests"))
    func kills() async throws {
        let expected = try await reference(count: 60)
        let arguments = command(path, count: 60)
        try killed(arguments, lines: 4)
        let first = journalLines
        #expect(first >= 4 && first < 60 && !FileManager.default.fileExists(atPath: path))
        try killed(arguments + ["--resume"], lines: first + 4)
        let before = journalLines
        #expect(before >= first + 4 && before < 60)
        let program = try Program(arguments + ["--resume"])
        #expect(program.errors().contains("\(before) of 60 pictures are there already"))
        program.process.waitUntilExit()
        #expect(try bytes(of: path) == expected)
        #expect(!FileManager.default.fileExists(atPath: unfinished))
    }

    @Test(
        "What a machine lost with its power is made again: a picture that is not what the journal says, half a line",
        .enabled(if: Program.path != nil, "the program was not built beside the tests"))
    func damage() async throws {
        let expected = try await reference(count: 60)
        try killed(command(path, count: 60), lines: 6)
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: unfinished + "/pictures.npz"))
        try file.seek(toOffset: UInt64(4096 + 3 * Self.pictureSize))
        try file.write(contentsOf: Data(count: Self.pictureSize))
        try file.close()
        let journal = try FileHandle(forUpdating: URL(fileURLWithPath: unfinished + "/done-0-of-1.txt"))
        try journal.seekToEnd()
        try journal.write(contentsOf: Data("59 0a1b\nsense\n58 00".utf8))
        try journal.close()
        _ = try await printed(by: command(path, count: 60, seed: 3, "--resume", "-q"))
        #expect(try bytes(of: path) == expected)
    }

    @Test("--resume finds a finished file finished, and takes the seed from it") func finished() async throws {
        let expected = try await reference()
        let done = folder.file("reference-7.npz")
        let seedless = command(done, count: 7).split(separator: "--seed").enumerated()
            .flatMap { $0 == 0 ? Array($1) : Array($1.dropFirst()) }
        #expect(!seedless.contains("--seed"))
        #expect(try await printed(by: seedless + ["--resume", "-q"]).contains("\tseed 3\t"))
        #expect(try bytes(of: done) == expected)
    }

    // MARK: Processes

    private func variables(_ rank: Int, of count: Int) -> [String: String] {
        ["RANK": "\(rank)", "WORLD_SIZE": "\(count)"]
    }

    @Test(
        "Two processes that never meet, one of them killed, and three that go on make the file of one process",
        .enabled(if: Program.path != nil, "the program was not built beside the tests"))
    func processes() async throws {
        let expected = try await reference(count: 40)
        let arguments = command(path, count: 40)
        // The second dies early, and the first ends its share without it.
        try killed(arguments, lines: 2, variables: variables(1, of: 2))
        let first = try Program(arguments, variables: variables(0, of: 2))
        let said = first.errors()
        first.process.waitUntilExit()
        #expect(first.process.terminationStatus == 0)
        #expect(said.contains("process 0 of 2 is through") && said.contains("--resume"), "\(said)")
        #expect(!FileManager.default.fileExists(atPath: path))
        // By Slurm's variables now.
        let three = try (0..<3).map { rank in
            try Program(
                arguments + ["--resume", "-q"],
                variables: ["SLURM_PROCID": "\(rank)", "SLURM_NTASKS": "3", "SLURM_LOCALID": "\(rank)"])
        }
        for program in three {
            let errors = program.errors()
            program.process.waitUntilExit()
            #expect(program.process.terminationStatus == 0 && errors.isEmpty, "\(errors)")
        }
        #expect(try bytes(of: path) == expected)
        #expect(!FileManager.default.fileExists(atPath: unfinished))
    }

    @Test(
        "Two processes at once make the file of one, and one of them tells of it",
        .enabled(if: Program.path != nil, "the program was not built beside the tests"))
    func together() async throws {
        let expected = try await reference()
        let programs = try (0..<2).map { try Program(command(path) + ["-q"], variables: variables($0, of: 2)) }
        var lines = ""
        for program in programs {
            let errors = program.errors()
            program.process.waitUntilExit()
            #expect(program.process.terminationStatus == 0 && errors.isEmpty, "\(errors)")
            lines += String(decoding: program.output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        }
        #expect(lines.contains("7 pictures of 4 classes"))
        #expect(try bytes(of: path) == expected)
    }

    @Test(
        "--devices starts a process for each device; all is the CPU where there is no GPU",
        .enabled(if: Program.path != nil, "the program was not built beside the tests"))
    func devices() async throws {
        let expected = try await reference()
        let program = try Program(command(path, count: 7, seed: 3, "--devices", "cpu,cpu", "-q"))
        let errors = program.errors()
        program.process.waitUntilExit()
        #expect(program.process.terminationStatus == 0 && errors.isEmpty, "\(errors)")
        #expect(try bytes(of: path) == expected)
        guard LibTorch.cudaDeviceCount == 0 else { return }
        let all = folder.file("all.npz")
        _ = try await printed(by: command(all, count: 7, seed: 3, "--devices", "all", "-q"))
        #expect(try bytes(of: all) == expected)
    }

    @Test(
        "The processes of --devices end with the one that started them",
        .enabled(if: Program.path != nil, "the program was not built beside the tests"))
    func lostDevices() throws {
        let arguments = command(path, count: 5000, seed: 3, "--devices", "cpu,cpu", "-q")
        let program = try Program(arguments)
        while journals.count < 2, program.process.isRunning { usleep(2000) }
        #expect(journals.count == 2)
        kill(program.process.processIdentifier, SIGTERM)
        program.process.waitUntilExit()
        // The journals are free when both are gone; a third start can have them then.
        let (deadline, size) = (ContinuousClock.now + .seconds(30), journalLines)
        var last = size
        repeat {
            last = journalLines
            sleep(2)
        } while journalLines != last && ContinuousClock.now < deadline
        #expect(journalLines == last && last < 5000)
    }

    @Test(
        "Processes that cannot share are refused: no seed, picture files, one that is there twice",
        .enabled(if: Program.path != nil, "the program was not built beside the tests"))
    func unshared() throws {
        func refusal(_ arguments: [String], _ variables: [String: String]) throws -> String {
            let program = try Program(arguments + ["-q"], variables: variables)
            let errors = program.errors()
            program.process.waitUntilExit()
            #expect(program.process.terminationStatus == 1)
            return errors
        }
        let seedless = ["sample", "--model", Mini64.model, "-o", path]
        #expect(try refusal(seedless, variables(0, of: 2)).contains("--seed"))
        #expect(try refusal(command(folder.file("%d.png")), variables(0, of: 2)).contains(".npz"))
        #expect(try refusal(command(path), ["RANK": "2", "WORLD_SIZE": "2"]).contains("0 to 1"))
        #expect(folder.names.isEmpty)

        let long = try Program(command(path, count: 5000, seed: 3, "-q"), variables: variables(0, of: 2))
        defer { long.process.terminate() }
        while journalLines == 0, long.process.isRunning { usleep(2000) }
        let same = command(path, count: 5000, seed: 3, "--resume")
        #expect(try refusal(same, variables(0, of: 2)).contains("writing"))
        #expect(try refusal(same, variables(1, of: 3)).contains("writing"))
        let other = command(path, count: 5000, seed: 4)
        #expect(try refusal(other, variables(1, of: 2)).contains("seed is 3 there and 4 here"))
    }

    // MARK: Refused

    @Test("What is there is not written over, and an unfinished file not begun again, without --resume")
    func present() async throws {
        try Data("mine".utf8).write(to: URL(fileURLWithPath: path))
        let exists = await failure(of: command(path) + ["-q"])
        #expect(exists?.status == 1 && exists?.message?.contains("is there already") == true)
        let foreign = await failure(of: command(path) + ["-q", "--resume"])
        #expect(foreign?.message?.contains("not written by") == true, "\(foreign?.message ?? "nothing")")
        #expect(try bytes(of: path) == Array("mine".utf8))
        #expect(folder.names == ["pictures.npz"])

        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.createDirectory(atPath: unfinished, withIntermediateDirectories: false)
        let unfinished = await failure(of: command(path) + ["-q"])
        #expect(unfinished?.message?.contains("--resume") == true, "\(unfinished?.message ?? "nothing")")
    }

    @Test(
        "--resume with other settings is refused, naming what differs",
        arguments: [
            (["--seed", "4"], "seed is 3 there and 4 here"), (["--cfg", "0.5"], "cfg is"),
            (["--class", "0,1"], "classes is 0 to 3 there and 0,1 here"), (["--count", "8"], "is"),
            (["--smooth"], "smooth is false there and true here"),
            (["--precision", "int16"], "batch is not set there and 2 here"),
            (["--attention", "scale"], "attention is"), (["--temperature", "0.5"], "temperature is"),
        ])
    func otherSettings(options: [String], part: String) async throws {
        let expected = try await reference()
        let done = folder.file("reference-7.npz")
        var arguments = command(done)
        for pair in stride(from: 0, to: options.count - 1, by: 2) {
            // An option that stands twice is an error of its own.
            if let place = arguments.firstIndex(of: options[pair]) { arguments.removeSubrange(place...place + 1) }
        }
        let failed = await failure(of: arguments + options + ["--resume", "-q"])
        #expect(failed?.status == 1)
        #expect(failed?.message?.contains(part) == true, "\(failed?.message ?? "nothing")")
        #expect(try bytes(of: done) == expected)
    }

    @Test(
        "What cannot be done is one line, and nothing is written",
        arguments: [
            (["--class", "4"], 1, "outside 0...3"), (["--class", "goldfish"], 1, "no class names"),
            (["--model", "absent.pth"], 1, "absent.pth"), (["--per-class", "2"], 64, "--per-class"),
            (["--grid"], 64, "--grid"), (["--progressive"], 64, "--grid"), (["-o", "/proc/a.npz"], 1, "/proc"),
            (["-o", "absent/a.npz"], 1, "absent"), (["--resume", "-o", "a.png"], 64, "--resume"),
            (["--resume", "-o", "-"], 64, "--resume"), (["--devices", "cpu", "-o", "a.png"], 64, "--devices"),
            (["--devices", "tpu"], 64, "--devices"), (["--devices", "cuda:62,cuda:63"], 1, "cuda:62"),
            (["--devices", "cpu", "--device", "cuda"], 64, "--device"),
        ])
    func failures(options: [String], status: Int, part: String) async throws {
        var arguments = command(path)
        for option in options where option.hasPrefix("-") {
            if let place = arguments.firstIndex(of: option) { arguments.removeSubrange(place...place + 1) }
        }
        let failed = await failure(of: arguments + options + ["-q"])
        #expect(failed.map { Int($0.status) } == status)
        #expect(failed?.message?.contains(part) == true, "\(failed?.message ?? "nothing")")
        #expect(failed?.message?.contains("\n") == false)
        #expect(folder.names.isEmpty)
    }

    @Test("More pictures of each class than there may be are refused") func tooMany() async {
        let failed = await failure(
            of: ["sample", "--model", Mini64.model, "--per-class", "300000", "-q", "-o", path])
        #expect(failed?.status == 1 && failed?.message?.contains("1200000") == true, "\(failed?.message ?? "nothing")")
        #expect(folder.names.isEmpty)
    }

    @Test(
        "A disk without room for all pictures is found before the first, with nothing left",
        .enabled(if: Program.path != nil, "the program was not built beside the tests"))
    func noRoom() throws {
        let program = try Program(command(path) + ["-q"], shell: "ulimit -f 64; exec \"$0\" \"$@\"")
        let errors = program.errors()
        program.process.waitUntilExit()
        #expect(errors.contains("make room for") && errors.split(separator: "\n").count == 1, "\(errors)")
        #expect(program.process.terminationStatus == 1)
        #expect(folder.names == [])
    }
}
