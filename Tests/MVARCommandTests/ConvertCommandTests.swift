import Foundation
import MVAR
import Testing

@testable import MVARCommand

@Suite("mvar convert and mvar inspect") struct ConvertCommandTests {
    @Test(
        "From every form to every other, tensors stay what they are", arguments: ["a.pth", "a.safetensors", "a"],
        ["var", "mvar"])
    func roundTrips(first: String, last: String) async throws {
        let folder = try TemporaryFolder()
        let (middle, back) = (folder.file(first), folder.file("back.pth"))
        try await succeed("convert", Mini64.model, middle, "-q", "--json")
        try await succeed("convert", middle, back, "--to", last, "-q")
        let (original, converted) = (try Checkpoint(path: Mini64.model), try Checkpoint(path: back))
        #expect(converted.form == (last == "var" ? .varModel : .mvarModel))
        try expectEqual(try converted.requireModel(), try original.requireModel())
        // What PyTorch's strict loading asks for beside the parameters.
        #expect(converted.model?["attn_bias_for_masking"]?.shape == [1, 1, 680, 680])
        #expect(converted.model?["lvl_1L"]?.dtype == .int64)
        #expect(converted.model?["blocks.1.attn.zero_k_bias"]?.shape == [64])
    }

    @Test("A tokenizer goes through a folder and back") func tokenizer() async throws {
        let folder = try TemporaryFolder()
        try await succeed("convert", Mini64.model, folder.file("both"), "-q")
        try await succeed("convert", folder.file("both"), folder.file("vae.pth"), "--part", "tokenizer", "-q")
        let converted = try Checkpoint(path: folder.file("vae.pth"))
        #expect(converted.form == .tokenizer)
        try expectEqual(try converted.requireTokenizer(), try Checkpoint(path: Mini64.tokenizer).requireTokenizer())
        #expect(converted.tokenizer?["quantize.ema_vocab_hit_SV"]?.shape == [10, 64])
    }

    @Test("A folder samples as the files that it was made of") func sampling() async throws {
        let folder = try TemporaryFolder()
        try await succeed("convert", Mini64.model, folder.file("both"), "-q")
        for (model, name) in [(Mini64.model, "a.png"), (folder.file("both"), "b.png")] {
            try await succeed("sample", "--model", model, "--class", "1", "--seed", "3", "-q", "-o", folder.file(name))
        }
        #expect(try bytes(of: folder.file("a.png")) == bytes(of: folder.file("b.png")))
    }

    @Test("--precision changes the stored type and nothing else") func precision() async throws {
        let folder = try TemporaryFolder()
        try await succeed("convert", Mini64.model, folder.file("wide.safetensors"), "--precision", "float32", "-q")
        try await succeed(
            "convert", folder.file("wide.safetensors"), folder.file("half.safetensors"), "--precision", "float16", "-q")
        let wide = try ModelSummary(ModelSource(model: folder.file("wide.safetensors")))
        #expect(wide.model?.tensors.types == ["float32"])
        // The fixture is in float16, so the way there and back loses nothing.
        try expectEqual(
            try Checkpoint(path: folder.file("half.safetensors")).requireModel(),
            try Checkpoint(path: Mini64.model).requireModel())
    }

    @Test("VAR's mask is causal by scales, MVAR's is block-diagonal", arguments: ["var", "mvar"])
    func masks(form: String) async throws {
        let folder = try TemporaryFolder()
        try await succeed("convert", Mini64.model, folder.file("a.pth"), "--to", form, "-q")
        let checkpoint = try Checkpoint(path: folder.file("a.pth"))
        let mask = try #require(checkpoint.model?["attn_bias_for_masking"]).tensor().array(of: Float.self)
        // Token 0 is scale 0; tokens 1 to 4 are scale 1; token 5 begins scale 2.
        #expect(mask[0 * 680 + 1] == -.infinity)
        #expect(mask[1 * 680 + 4] == 0)
        #expect(mask[1 * 680 + 5] == -.infinity)
        #expect(mask[5 * 680 + 4] == (form == "var" ? 0 : -.infinity))
    }

    @Test("Inspecting counts the parameters and reads the shape") func summary() throws {
        let summary = try ModelSummary(ModelSource(model: Mini64.model))
        #expect(summary.form == .mvarModel)
        #expect(summary.model?.tensors.parameters == 206_850)
        #expect(summary.model?.configuration.pattern == .spatial(kernel: 7))
        #expect(summary.tokenizer?.imageSide == 64)
        #expect(summary.text.contains("206,850 parameters"))
    }

    @Test("What cannot be converted is status 1 and leaves nothing behind")
    func failures() async throws {
        let folder = try TemporaryFolder()
        let cases: [[String]] = [
            [Mini64.model, folder.file("absent/a.pth")], [Mini64.model, folder.file("a.zip")],
            [folder.file("absent.pth"), folder.file("a.safetensors")], [Mini64.golden, folder.file("a.pth")],
            [Mini64.tokenizer, folder.file("a.pth"), "--part", "model"],
            [Mini64.model, folder.file("a.pth"), "--schedule", "1,2,3"],
        ]
        for arguments in cases {
            let failed = await failure(of: ["convert", "-q"] + arguments)
            #expect(failed?.status == 1, "\(arguments)")
            #expect(failed?.message?.contains("\n") == false)
            #expect(folder.names.isEmpty)
        }
    }

    @Test("A picture without tokens cannot be made again") func rebuildingNothing() async throws {
        let folder = try TemporaryFolder()
        try PixelImage(width: 8, height: 8, filledWith: .black).write(to: folder.file("a.png"))
        try await succeed("inspect", folder.file("a.png"), "--json")
        let failed = await mvar("inspect", folder.file("a.png"), "--rebuild", folder.file("b.png"))
        #expect(failed?.status == 1)
        #expect(failed?.message?.contains("no tokens") == true)
        #expect(folder.names == ["a.png"])
    }

    private func expectEqual(_ found: TensorTable, _ expected: TensorTable) throws {
        for record in expected.records where !DerivedBuffers.contains(record.name) {
            let other = try #require(found[record.name], "\(record.name)")
            #expect(other.dtype == record.dtype && other.shape == record.shape, "\(record.name)")
            #expect(
                try other.tensor().array(of: Float.self) == record.tensor().array(of: Float.self), "\(record.name)")
        }
    }
}
