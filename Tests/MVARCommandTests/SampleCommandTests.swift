import Foundation
import MVAR
import Testing

@testable import MVARCommand

@Suite("mvar sample") struct SampleCommandTests {
    @Test("The same seed makes the same files in batches of 1, 3, 8 and what suits the machine, on 1 thread and on 2")
    func batches() async throws {
        let folder = try TemporaryFolder()
        for (batch, threads) in [("8", 2), ("1", 2), ("3", 1), ("auto", 2)] {
            try await succeed(
                "sample", "--model", Mini64.model, "--count", "5", "--seed", "11", "--top-p", "0", "-q", "--batch",
                batch, "--threads", "\(threads)", "-o", folder.file("\(batch)-%d.png"))
        }
        for image in 0..<5 {
            let expected = try bytes(of: folder.file("8-\(image).png"))
            for batch in ["1", "3", "auto"] {
                #expect(try bytes(of: folder.file("\(batch)-\(image).png")) == expected)
            }
        }
        #expect(folder.names.count == 20)
    }

    @Test(
        "A batch that is no number, and --tf32 on the CPU, are refused",
        arguments: [
            (["--batch", "many"], "--batch"), (["--batch", "0"], "--batch 0"), (["--tf32"], "--device cuda"),
        ])
    func refused(options: [String], part: String) async throws {
        let folder = try TemporaryFolder()
        let failed = await failure(
            of: ["sample", "--model", Mini64.model, "--seed", "1", "-o", folder.file("a.png")] + options)
        #expect(failed?.message?.contains(part) == true, "\(failed?.message ?? "nothing")")
        #expect(folder.names.isEmpty)
    }

    @Test("--json tells path, class, name, seed and number of every picture") func json() async throws {
        let folder = try TemporaryFolder()
        let text = try await succeed(
            "sample", "--model", Mini64.model, "--class", "3,none", "--seed", "5", "-q", "--json", "-o",
            folder.file("%d.png"))
        let objects = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String: Any]])
        #expect(objects.count == 2)
        for (number, object) in objects.enumerated() {
            #expect(Set(object.keys) == ["path", "class", "class_name", "seed", "image"])
            #expect(object["path"] as? String == folder.file("\(number).png"))
            #expect(object["seed"] as? Int == 5 && object["image"] as? Int == number)
        }
        #expect(objects[0]["class"] as? Int == 3)
        #expect(objects[1]["class"] is NSNull)
    }

    @Test("Without --seed the seed is printed, and makes the picture again") func randomSeed() async throws {
        let folder = try TemporaryFolder()
        let line = try await succeed("sample", "--model", Mini64.model, "-q", "-o", folder.file("a.png"))
        let seed = try #require(line.firstMatch(of: #/\tseed ([0-9]+)\t/#)?.1)
        try await succeed("sample", "--model", Mini64.model, "-q", "--seed", String(seed), "-o", folder.file("b.png"))
        #expect(try bytes(of: folder.file("a.png")) == bytes(of: folder.file("b.png")))
    }

    @Test("Another seed makes another picture") func seeds() async throws {
        let folder = try TemporaryFolder()
        for seed in ["1", "2"] {
            try await succeed(
                "sample", "--model", Mini64.model, "--class", "1", "--seed", seed, "-q", "-o",
                folder.file("\(seed).png"))
        }
        let first = try PixelImage(contentsOf: folder.file("1.png"))
        #expect(try PixelImage(contentsOf: folder.file("2.png")) != first)
        #expect((first.width, first.height) == (64, 64))
    }

    @Test(
        "A PNG tells how it was made, and can be made again of its tokens",
        arguments: [
            [], ["--grid"], ["--progressive"], ["--precision", "int16"], ["--precision", "int8"], ["--exact"],
        ])
    func rebuilding(options: [String]) async throws {
        let folder = try TemporaryFolder()
        let (path, again) = (folder.file("picture.png"), folder.file("again.png"))
        let count = options == ["--grid"] ? "5" : "1"
        let arguments = ["sample", "--model", Mini64.model, "--class", "3,none", "--count", count, "--seed", "9", "-q"]
        #expect(await failure(of: arguments + ["--cfg", "0.5", "-o", path] + options) == nil)
        let metadata = try PNGMetadata(contentsOf: path)
        #expect(metadata["mvar:seed"] == "9")
        #expect(metadata["mvar:cfg"] == "0.5")
        #expect(metadata["mvar:model"] == "mini64")
        #expect(metadata["mvar:class"]?.hasPrefix("3") == true)
        try await succeed("inspect", path, "--model", Mini64.model, "--rebuild", again, "--json", "-q")
        #expect(try PixelImage(contentsOf: again) == PixelImage(contentsOf: path))
    }

    @Test("The line of a grid tells of the one file that was written", arguments: [([], 2), (["--class", "1"], 1)])
    func gridLine(options: [String], classes: Int) async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("grid.png")
        let arguments = ["--model", Mini64.model, "--count", "5", "--seed", "9", "--grid", "-q", "-o", path]
        let text = try await printed(by: ["sample"] + arguments + (options.isEmpty ? ["--class", "0,3"] : options))
        #expect(
            text == "\(path)\t5 pictures of \(classes == 1 ? "class 1" : "2 classes")\tseed 9\timages 0 to 4\n")
    }

    @Test("A PNG tells what changes its pixels: precision, kind of device, first spatial scale") func texts()
        async throws
    {
        let folder = try TemporaryFolder()
        let path = folder.file("a.png")
        for (pattern, first) in [("spatial-3", "8"), ("scale", nil)] {
            try await succeed("sample", "--model", Mini64.model, "--attention", pattern, "-q", "-o", path)
            let metadata = try PNGMetadata(contentsOf: path)
            #expect(metadata["mvar:precision"] == "float32")
            #expect(metadata["mvar:device"] == "cpu")
            #expect(metadata["mvar:attention"] == pattern)
            #expect(metadata["mvar:first-spatial-scale"] == first)
        }
        try await succeed(
            "sample", "--model", Mini64.model, "--precision", "bfloat16", "--force-precision", "-q", "-o", path)
        #expect(try PNGMetadata(contentsOf: path)["mvar:precision"] == "bfloat16")
    }

    @Test("--progressive shows every scale and ends in the finished picture") func progressive() async throws {
        let folder = try TemporaryFolder()
        let arguments = ["sample", "--model", Mini64.model, "--class", "2", "--seed", "5", "-q", "-o"]
        #expect(await failure(of: arguments + [folder.file("one.png")]) == nil)
        #expect(await failure(of: arguments + [folder.file("strip.png"), "--progressive"]) == nil)
        let strip = try PixelImage(contentsOf: folder.file("strip.png"))
        #expect((strip.width, strip.height) == (10 * 66 - 2, 64))
        #expect(
            try strip.cropped(x: 9 * 66, y: 0, width: 64, height: 64) == PixelImage(contentsOf: folder.file("one.png")))
    }

    @Test("JPEG and WebP are written by extension", arguments: ["jpg", "jpeg", "webp", "PNG"])
    func formats(ending: String) async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("a.\(ending)")
        try await succeed("sample", "--model", Mini64.model, "--class", "0", "--smooth", "-q", "-o", path)
        let format = try ImageFormat(extensionOf: path)
        #expect(ImageFormat(signatureOf: try bytes(of: path)) == format)
    }

    @Test("An existing file is replaced") func overwriting() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("a.png")
        try Data("old".utf8).write(to: URL(fileURLWithPath: path))
        try await succeed("sample", "--model", Mini64.model, "--seed", "1", "-q", "-o", path)
        #expect(try PixelImage(contentsOf: path).width == 64)
        #expect(folder.names == ["a.png"])
    }

    @Test(
        "What cannot be done is status 1, one line, and nothing written",
        arguments: [
            (["--class", "4"], "outside 0...3"), (["--class", "goldfish"], "no class names"),
            (["--count", "2"], "--grid"), (["--class", "0,1"], "--grid"), (["--schedule", "1,2,3"], "--schedule"),
            (["--device", "cuda:63"], "cuda:63"),
            (["--tokenizer", "absent.pth"], "does not exist"), (["--model", Mini64.tokenizer], "no transformer"),
            (["--model", Mini64.folder + "/config.json"], "config.json"),
        ])
    func failures(options: [String], part: String) async throws {
        let folder = try TemporaryFolder()
        let failed = await failure(
            of: ["sample", "--model", Mini64.model, "-q", "-o", folder.file("a.png")] + options)
        #expect(failed?.status == 1)
        #expect(failed?.message?.contains(part) == true, "\(failed?.message ?? "nothing")")
        #expect(failed?.message?.contains("\n") == false)
        #expect(folder.names.isEmpty)
    }

    @Test("Outputs that cannot be written are found before anything is loaded") func unwritableOutputs() async throws {
        let folder = try TemporaryFolder()
        // The model is absent too: its absence must not be what is found first.
        for path in [
            folder.file("absent/a.png"), folder.path + "/", "/proc/a.png", folder.file("a.gif"), folder.file("a"),
        ] {
            let failed = await mvar("sample", "--model", "absent.pth", "-q", "-o", path)
            #expect(failed?.status == 1)
            #expect(failed?.message?.contains("absent.pth") == false, "\(failed?.message ?? "nothing")")
        }
        #expect(folder.names.isEmpty)
    }

    @Test("A grid that no file can hold is refused before it is computed") func hugeGrid() async throws {
        let folder = try TemporaryFolder()
        let failed = await mvar(
            "sample", "--model", Mini64.model, "--count", "200000", "--grid", "-q", "-o", folder.file("a.png"))
        #expect(failed?.status == 1)
        #expect(failed?.message?.contains("pixels") == true)
    }

    @Test(
        "Damaged and absent models are refused", arguments: ["truncated.pth", "flipped.pth", "empty.pth", "absent.pth"])
    func damagedModels(name: String) async throws {
        let folder = try TemporaryFolder()
        let model = folder.file(name)
        var content = try bytes(of: Mini64.model)
        switch name {
        case "truncated.pth": content.removeLast(1000)
        // The end of the zip's directory: without it nothing in the file can be found.
        case "flipped.pth": for place in content.count - 22..<content.count { content[place] ^= 0xFF }
        case "empty.pth": content = []
        default: break
        }
        if name != "absent.pth" { try Data(content).write(to: URL(fileURLWithPath: model)) }
        let before = folder.names
        let failed = await mvar(
            "sample", "--model", model, "--tokenizer", Mini64.tokenizer, "-q", "-o", folder.file("a.png"))
        #expect(failed?.status == 1)
        #expect(failed?.message?.contains(name) == true)
        #expect(failed?.message?.contains("\n") == false)
        #expect(folder.names == before)
    }
}
