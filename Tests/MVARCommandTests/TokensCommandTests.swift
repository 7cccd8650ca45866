import ArgumentParser
import Foundation
import MVAR
import Testing

@testable import MVARCommand

@Suite("mvar tokens and mvar reconstruct") struct TokensCommandTests {
    /// A picture that is not as the tokenizer's: wider, and larger.
    private func photograph() -> PixelImage {
        let pixels = (0..<150 * 97).flatMap { (place: Int) -> [UInt8] in
            [UInt8(place % 251), UInt8(place / 150 * 2), UInt8(place * 7 % 256)]
        }
        return PixelImage(width: 150, height: 97, pixels: pixels)
    }

    @Test("Encoding and decoding gives what reconstruct gives") func roundTrip() async throws {
        let folder = try TemporaryFolder()
        try photograph().write(to: folder.file("a.png"))
        try PixelImage(width: 64, height: 64, filledWith: .white).write(to: folder.file("b.jpg"))
        let pictures = [folder.file("a.png"), folder.file("b.jpg")]
        let (tokens, again, direct) = (folder.file("t.safetensors"), folder.file("t%d.png"), folder.file("r%d.png"))
        let model = ["--model", Mini64.model, "-q"]
        #expect(await failure(of: ["tokens", "encode"] + pictures + model + ["-o", tokens]) == nil)
        #expect(await failure(of: ["tokens", "decode", tokens] + model + ["-o", again]) == nil)
        #expect(await failure(of: ["reconstruct"] + pictures + model + ["-o", direct, "--json"]) == nil)
        for number in 0..<2 {
            #expect(
                try PixelImage(contentsOf: folder.file("t\(number).png"))
                    == PixelImage(contentsOf: folder.file("r\(number).png")))
        }
        let file = try Safetensors(path: tokens)
        #expect(file.tensors["tokens"]?.shape == [2, 680])
        #expect(file.tensors["tokens"]?.dtype == .int32)
    }

    @Test("With --grid one file is written and one line printed") func gridLines() async throws {
        let folder = try TemporaryFolder()
        let (first, second, tokens) = (folder.file("a.png"), folder.file("b.png"), folder.file("t.safetensors"))
        try photograph().write(to: first)
        try PixelImage(width: 64, height: 64, filledWith: .black).write(to: second)
        let grid = folder.file("grid.png")
        let line = try await succeed(
            "reconstruct", first, second, "--model", Mini64.model, "--grid", "-q", "-o", grid)
        #expect(line.hasPrefix("\(grid)\t2 pictures\tPSNR ") && line.split(separator: "\n").count == 1)
        let one = try await succeed("tokens", "encode", first, "--model", Mini64.model, "-q", "-o", tokens)
        #expect(one == "\(tokens)\t1 picture of 680 tokens\n")
        let two = try await succeed("tokens", "encode", first, second, "--model", Mini64.model, "-q", "-o", tokens)
        #expect(two == "\(tokens)\t2 pictures of 680 tokens\n")
        let decoded = try await succeed("tokens", "decode", tokens, "--model", Mini64.model, "--grid", "-q", "-o", grid)
        #expect(decoded == "\(grid)\t2 pictures of 680 tokens\n")
        #expect(folder.names == ["a.png", "b.png", "grid.png", "t.safetensors"])
    }

    @Test("The mean of several reconstructions, infinite where one is perfect") func means() {
        func result(_ psnr: Double?, _ ssim: Double?) -> ReconstructCommand.Result {
            .init(source: "s.png", path: "a.png", psnr: psnr, ssim: ssim)
        }
        func line(_ results: [ReconstructCommand.Result]) -> String { ReconstructCommand.line(of: results[...]) }
        #expect(line([result(20, 0.5)]) == "a.png\tPSNR 20.00 dB\tSSIM 0.5000")
        #expect(line([result(20, 0.5), result(30, 0.7)]) == "a.png\t2 pictures\tPSNR 25.00 dB\tSSIM 0.6000")
        #expect(line([result(20, nil), result(nil, nil)]) == "a.png\t2 pictures\tPSNR infinite")
    }

    @Test("--exact computes by the plain algorithm, and hardly a pixel or a token changes") func exact() async throws {
        let folder = try TemporaryFolder()
        try photograph().write(to: folder.file("a.png"))
        for (name, flags) in [("fast", []), ("exact", ["--exact"])] {
            let arguments = ["reconstruct", folder.file("a.png"), "--model", Mini64.model, "-q"] + flags
            #expect(await failure(of: arguments + ["-o", folder.file("\(name).png")]) == nil)
            let encoding = ["tokens", "encode", folder.file("a.png"), "--model", Mini64.model, "-q"] + flags
            #expect(await failure(of: encoding + ["-o", folder.file("\(name).safetensors")]) == nil)
        }
        let files = try ["fast", "exact"].map { try Data(contentsOf: URL(filePath: folder.file("\($0).safetensors"))) }
        #expect(files[0] == files[1])
        let pictures = try ["fast", "exact"].map { try PixelImage(contentsOf: folder.file("\($0).png")).pixels }
        let differences = zip(pictures[0], pictures[1]).map { abs(Int($0) - Int($1)) }
        #expect(differences.allSatisfy { $0 <= 1 })

        let source = ModelSource(tokenizer: Mini64.tokenizer)
        #expect(try ConvolutionOptions.parse([]).applied(to: source) == source)
        let exact = try ConvolutionOptions.parse(["--exact"]).applied(to: source)
        #expect(exact.convolutions == .direct)
        let latent = try LoadedModel.tokenizer(source).quantizer.latent(
            of: Tensor((0..<680).map { Int64($0 % 64) }, shape: [1, 680]))
        let (fastest, plain) = (try LoadedModel.tokenizer(source), try LoadedModel.tokenizer(exact))
        let pixels: [Float] = (0..<3 * 64 * 64).map { Float($0 % 97) / 48 - 1 }
        let image = try Tensor(pixels, shape: [1, 3, 64, 64])
        try withoutGradients {
            for (found, expected) in [
                (try fastest.decode(latent), try plain.decode(latent)),
                (try fastest.features(of: image), try plain.features(of: image)),
            ] {
                let largest = try (found - expected).magnitude().maximum().item()
                #expect(largest > 0 && largest < 1e-4)
            }
        }
    }

    @Test("The tokens are those that PyTorch computed") func goldenTokens() throws {
        let golden = try Safetensors(path: Mini64.golden)
        let record = try #require(golden.tensors["tokenizer.image_u8"])  // [B, H, W, 3]
        let pixels = try record.tensor().array(of: UInt8.self)
        let size = record.shape[1] * record.shape[2] * 3
        let expected = try #require(golden.tensors["tokenizer.tokens"]).tensor().array(of: Int32.self)
        let tokenizer = try LoadedModel.tokenizer(ModelSource(tokenizer: Mini64.tokenizer))
        for index in 0..<record.shape[0] {
            let picture = PixelImage(
                width: record.shape[2], height: record.shape[1],
                pixels: Array(pixels[index * size..<(index + 1) * size]))
            #expect(try tokenizer.tokens(of: picture) == Array(expected[index * 680..<(index + 1) * 680]))
        }
    }

    @Test("A file that is no picture is named, and nothing written") func noPicture() async throws {
        let folder = try TemporaryFolder()
        try photograph().write(to: folder.file("a.png"))
        for stranger in [Mini64.folder + "/config.json", folder.file("absent.png"), Mini64.model] {
            for command in [["reconstruct"], ["tokens", "encode"]] {
                let failed = await failure(
                    of: command + [folder.file("a.png"), stranger, "--model", Mini64.model, "-q", "--output"]
                        + [folder.file(command.count == 1 ? "out.webp" : "out.safetensors")]
                        + (command.count == 1 ? ["--grid"] : []))
                #expect(failed?.status == 1)
                #expect(failed?.message?.contains(stranger) == true)
                #expect(folder.names == ["a.png"])
            }
        }
    }

    @Test("Tokens that are none are refused") func impossibleTokens() async throws {
        let folder = try TemporaryFolder()
        let tokens = folder.file("t.safetensors")
        let cases: [(row: [Int32], part: String)] = [
            (Array(repeating: 64, count: 680), "outside 0 to 63"),
            (Array(repeating: -1, count: 680), "outside 0 to 63"),
            (Array(repeating: 0, count: 679), "679 tokens"), ([], "0 tokens"),
        ]
        for (row, part) in cases {
            try TokenFile(pictures: [row], schedule: nil, vocabularySize: nil).write(to: tokens)
            let failed = await mvar(
                "tokens", "decode", tokens, "--model", Mini64.model, "-q", "-o", folder.file("a.png"))
            #expect(failed?.status == 1)
            #expect(failed?.message?.contains(part) == true, "\(failed?.message ?? "nothing")")
        }
        let failed = await mvar(
            "tokens", "decode", Mini64.golden, "--model", Mini64.model, "-q", "-o", folder.file("a.png"))
        #expect(failed?.message?.contains("no tensor 'tokens'") == true)
        #expect(folder.names == ["t.safetensors"])
    }
}
