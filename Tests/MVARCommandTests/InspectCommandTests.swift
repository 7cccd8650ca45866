import Foundation
import MVAR
import Testing

@testable import MVARCommand

@Suite("mvar inspect of tokens") struct InspectCommandTests {
    private func object(_ text: String) throws -> [String: Any] {
        try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    /// A file of two pictures: 0, 1, 2, … and only zeros.
    private func tokenFile(in folder: TemporaryFolder) throws -> String {
        let path = folder.file("t.safetensors")
        let schedule = try ScaleSchedule([1, 2, 4])
        try TokenFile(
            pictures: [(0..<21).map { Int32($0) }, Array(repeating: 0, count: 21)], schedule: schedule,
            vocabularySize: 64
        ).write(to: path)
        return path
    }

    @Test("A file of tokens is described: pictures, codes, and the first tokens of each scale") func tokens()
        async throws
    {
        let folder = try TemporaryFolder()
        let text = try await succeed("inspect", tokenFile(in: folder))
        #expect(text.contains("2 pictures of 21 tokens, 21 of 64 codes used"))
        #expect(text.contains("1,2,4"))
        #expect(text.contains(" 1 2 3 4\n"))
        #expect(text.contains(" 5 6 7 8 9 10 11 12 … 16 in all\n"))
        #expect(!text.contains("picture 1"))
    }

    @Test("--tokens shows every token of every picture") func allTokens() async throws {
        let folder = try TemporaryFolder()
        let text = try await succeed("inspect", "--tokens", tokenFile(in: folder))
        #expect(text.contains((5..<21).map(String.init).joined(separator: " ") + "\n"))
        #expect(text.contains("picture 1") && !text.contains("…"))
    }

    @Test("--json has every token of a file") func json() async throws {
        let folder = try TemporaryFolder()
        let object = try object(await succeed("inspect", "--json", tokenFile(in: folder)))
        #expect(object["form"] as? String == "tokens")
        #expect(object["schedule"] as? [Int] == [1, 2, 4])
        #expect(object["vocab_size"] as? Int == 64)
        let pictures = try #require(object["pictures"] as? [[String: Any]])
        #expect(pictures.map { $0["image"] as? Int } == [0, 1])
        #expect(pictures[0]["tokens"] as? [Int] == Array(0..<21))
    }

    @Test("A file of tokens that does not say its maps is described all the same") func unknownMaps() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("t.safetensors")
        try TokenFile(pictures: [Array(repeating: 3, count: 9)], schedule: nil, vocabularySize: nil).write(to: path)
        let text = try await succeed("inspect", path)
        #expect(text.contains("1 picture of 9 tokens, 1 code used"))
        #expect(text.contains("3 3 3 3 3 3 3 3 … 9 in all"))
    }

    @Test("Tokens in a wrong form, and files without any, are declined", arguments: ["shape", "golden"])
    func declined(kind: String) async throws {
        let folder = try TemporaryFolder()
        var path = Mini64.golden
        if kind == "shape" {
            path = folder.file("t.safetensors")
            try Safetensors.write([("tokens", try Tensor([Float(1)], shape: [1]))], to: path)
        }
        let failed = await mvar("inspect", path)
        #expect(failed?.status == 1)
        #expect(failed?.message?.contains(path) == true)
    }

    @Test("Of a picture the first tokens of each scale are shown, and all with --tokens and --json")
    func picture() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("a.png")
        try await succeed("sample", "--model", Mini64.model, "--class", "2", "--seed", "4", "-q", "-o", path)
        let short = try await succeed("inspect", path)
        #expect(short.contains("1 picture of 680 tokens"))
        #expect(short.contains("mvar:seed"))
        #expect(short.split(separator: "\n").filter { $0.hasSuffix(" … 256 in all") }.count == 1)
        let pictures = try object(await succeed("inspect", path, "--json"))["pictures"] as? [[String: Any]]
        let tokens = try #require(pictures?.first?["tokens"] as? [Int])
        #expect(tokens.count == 680)
        let all = try await succeed("inspect", path, "--tokens")
        #expect(all.contains(tokens[424...].map(String.init).joined(separator: " ") + "\n"))
    }

    @Test("A picture of an older mvar, with fewer texts, is read and made again") func olderPicture() async throws {
        let folder = try TemporaryFolder()
        let (path, again) = (folder.file("a.png"), folder.file("b.png"))
        try await succeed("sample", "--model", Mini64.model, "--seed", "4", "-q", "-o", path)
        let metadata = try PNGMetadata(contentsOf: path)
        let older = metadata.texts.filter {
            !["mvar:precision", "mvar:device", "mvar:first-spatial-scale"].contains($0.key)
        }
        #expect(older.count + 3 == metadata.texts.count)
        let picture = try PixelImage(contentsOf: path)
        try picture.write(to: path, metadata: PNGMetadata(texts: older, tokens: metadata.tokens))
        #expect(try await succeed("inspect", path).contains("mvar:cfg"))
        try await succeed("inspect", path, "--model", Mini64.model, "--rebuild", again)
        #expect(try PixelImage(contentsOf: again) == picture)
    }
}
