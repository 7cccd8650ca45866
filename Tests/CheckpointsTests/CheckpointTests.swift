import Foundation
import Testing
import Torch

@testable import Checkpoints

@Suite("Forms of checkpoints") struct CheckpointTests {
    private static func tensors(_ names: [String]) throws -> [(name: String, tensor: Tensor)] {
        try names.map { ($0, try Tensor([1, 2] as [Float], shape: [2])) }
    }
    private static let modelNames = ["pos_start", "word_embed.weight", "lvl_1L"]
    private static let tokenizerNames = ["encoder.conv_in.weight", "quantize.embedding.weight"]

    private func saved(_ root: PicklableValue) throws -> Checkpoint {
        try Fixture.withFolder { folder in
            try PyTorchArchive.write(root, to: folder + "/file.pth")
            return try Checkpoint(path: folder + "/file.pth")
        }
    }

    @Test("The copy of mini64 is read: transformer, tokenizer, configuration, golden values")
    func mini64() throws {
        let model = try Checkpoint(path: Fixture.path("mini64/model.pth"))
        #expect(model.form == .mvarModel)
        #expect(model.model?.records.count == 37)
        let shape = try model.modelShape()
        #expect(shape.depth == 2 && shape.width == 64 && shape.heads == 1 && shape.classes == 4)
        #expect(shape.vocabularySize == 64 && shape.latentChannels == 8 && shape.tokenCount == 680)
        #expect(shape.scaleCount == 10 && shape.mlpRatio == 4)
        #expect(shape.schedule == [1, 2, 3, 4, 5, 6, 8, 10, 13, 16])
        #expect(!shape.sharesAdaLN && shape.normalizesQueriesAndKeys)
        #expect(
            message { _ = try model.requireTokenizer() }.contains(
                "holds no tokenizer; it holds 37 tensors such as pos_start"))

        let tokenizer = try Checkpoint(path: Fixture.path("mini64/tokenizer.pth"))
        #expect(tokenizer.form == .tokenizer)
        let expected = try tokenizer.tokenizerShape()
        #expect(expected.channels == 32 && expected.channelMultipliers == [1, 1, 1] && expected.stride == 4)
        #expect(expected.latentChannels == 8 && expected.vocabularySize == 64)
        #expect(expected.phiSharing == 4 && expected.phiCount == 4 && expected.residualBlocks == 2)
        #expect(expected.hasAttentionInLowestLevel && expected.hasAttentionInMiddle)
        #expect(expected.quantConvolutionKernel == 3)

        let description = try #require(try ModelFolder.description(beside: Fixture.path("mini64/model.pth")))
        #expect(description.refineStep == 8 && description.kernelSize == 7 && description.checkpointForm == "mvar")
        let golden = try Safetensors(path: Fixture.path("mini64/golden.safetensors"))
        let config = try ModelDescription(json: Array(try #require(golden.metadata["config"]).utf8), file: "golden")
        #expect(config == description)
    }

    @Test("Both trainers' files give the transformer, and VAR's the tokenizer")
    func trainers() throws {
        func trainer(_ parts: [(name: String, value: PicklableValue)]) throws -> Checkpoint {
            try saved(
                .fields([
                    ("epoch", .integer(3)), ("iter", .integer(0)), ("trainer", .fields(parts)),
                    ("args", .fields([("depth", .integer(16))])),
                ]))
        }
        let optimizer = PicklableValue.fields([
            (
                "optimizer",
                .fields([
                    ("state", .dictionary([(.integer(0), .fields([("step", .float(1))]))])),
                    ("param_groups", .list([])),
                ])
            )
        ])
        let model = PicklableValue.stateDict(try Self.tensors(Self.modelNames))
        let tokenizer = PicklableValue.stateDict(try Self.tensors(Self.tokenizerNames))

        let mvar = try trainer([("config", .fields([])), ("mvar_wo_ddp", model), ("mvar_opt", optimizer)])
        #expect(mvar.form == .mvarTrainer && mvar.model?.names == Self.modelNames && mvar.tokenizer == nil)
        #expect(mvar.training?.epoch == 3)
        #expect(mvar.training?.optimizer?["state"]?.pairs?.first?.value["step"]?.number == 1)

        let both = try trainer([
            ("config", .fields([])), ("var_wo_ddp", model), ("vae_local", tokenizer), ("var_opt", optimizer),
        ])
        #expect(both.form == .varTrainer && both.model?.names == Self.modelNames)
        #expect(both.tokenizer?.names == Self.tokenizerNames)
        #expect(both.training?.optimizer != nil)

        #expect(message { _ = try trainer([("other", .none)]) }.contains("it holds trainer.other"))
    }

    @Test("State dicts, MVAR's wrapping and the names that wrappers of modules add are recognised")
    func stateDicts() throws {
        let model = try Self.tensors(Self.modelNames)
        #expect(try saved(.stateDict(model)).form == .varModel)
        let mvar = try saved(.fields([("mvar_wo_ddp", .stateDict(model)), ("epoch", .integer(1))]))
        #expect(mvar.form == .mvarModel)
        #expect(try saved(.stateDict(try Self.tensors(Self.tokenizerNames))).form == .tokenizer)
        let wrapped = try saved(.stateDict(try Self.tensors(Self.modelNames.map { "module._orig_mod." + $0 })))
        #expect(wrapped.form == .varModel && wrapped.model?.names == Self.modelNames)
        // Not when only some have it.
        let partly = try saved(.stateDict(try Self.tensors(Self.modelNames + ["module.x"])))
        #expect(partly.model?.names == Self.modelNames + ["module.x"])
    }

    @Test("What is in no known form is listed")
    func unknown() throws {
        #expect(
            message { _ = try saved(.fields([("weights", .none), ("a\nb", .none)])) }.contains("it holds weights, a?b.")
        )
        #expect(message { _ = try saved(.list([])) }.contains("it holds a list"))
        #expect(message { _ = try saved(.none) }.contains("it holds None"))
    }

    @Test("A model folder is written and read back")
    func folder() throws {
        try Fixture.withFolder { parent in
            let folder = ModelFolder(path: parent + "/model/")
            var description = ModelDescription()
            description.attention = "spatial-7"
            description.classNames = ["tench", "goldfish"]
            description.guidance = 2.5
            let model = try Self.tensors(Self.modelNames)
            try folder.write(description, model: model, tokenizer: try Self.tensors(Self.tokenizerNames))
            let read = try Checkpoint(path: parent + "/model")
            #expect(read.form == .modelFolder && read.description == description)
            #expect(read.model.map { Set($0.names) } == Set(Self.modelNames))
            #expect(read.tokenizer.map { Set($0.names) } == Set(Self.tokenizerNames))
            #expect(try Checkpoint(path: folder.modelPath).form == .safetensors)
            #expect(try ModelFolder.description(beside: folder.modelPath) == description)

            var broken = description
            broken.guidance = .nan
            let refusal = message {
                try ModelFolder(path: parent + "/broken").write(broken, model: model, tokenizer: nil)
            }
            #expect(refusal.contains("infinite or none"))

            // A model that cannot be written leaves the folder's files as they were, the tokenizer's too.
            let before = try Data(contentsOf: URL(fileURLWithPath: folder.tokenizerPath))
            #expect(throws: CheckpointError.self) {
                try folder.write(description, model: model + model, tokenizer: Array(model.prefix(1)))
            }
            #expect(try Data(contentsOf: URL(fileURLWithPath: folder.tokenizerPath)) == before)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 3)

            // Without its tokenizer it is still a model.
            try FileManager.default.removeItem(atPath: folder.tokenizerPath)
            #expect(try Checkpoint(path: parent + "/model").tokenizer == nil)
            #expect(
                message { _ = try Checkpoint(path: parent) }.contains(
                    "holds no model.safetensors or tokenizer.safetensors; it holds model"))
            #expect(
                message { try ModelFolder(path: parent + "/a/b").write(description, model: model, tokenizer: nil) }
                    .contains("cannot be made"))
        }
    }

    @Test(
        "A configuration that makes no sense is one line",
        arguments: [
            ("", "it is no JSON"), ("{", "it is no JSON"), ("[]", "it is no JSON object"),
            ("5", "it is no JSON object"),
            ("{\"depth\":\"x\"}", "the value of 'depth' is of the wrong type"),
            ("{\"schedule\":[1,\"x\"]}", "the value of 'schedule"), ("{\"depth\":1e99}", "a number in it does not fit"),
            (String(repeating: "[", count: 100_000), "nested too deeply"),
        ])
    func configurations(json: String, expected: String) {
        let text = message { _ = try ModelDescription(json: Array(json.utf8), file: "config.json") }
        #expect(text.contains(expected) && !text.contains("\n"), "\(text)")
    }

    @Test("Unknown keys of a configuration are passed by")
    func unknownKeys() throws {
        let description = try ModelDescription(json: Array("{\"depth\":3,\"other\":{\"x\":[null]}}".utf8), file: "x")
        #expect(description.depth == 3)
    }

    @Test(
        "The larger fixtures are recognised as what their configurations say",
        .enabled(if: Fixture.hasShared, "no ../shared/parity"), arguments: ["mini64", "tiny64", "tiny256", "trainer64"])
    func shared(name: String) throws {
        let folder = Fixture.shared + "/" + name
        let description = try ModelDescription(path: folder + "/config.json")
        let model = try Checkpoint(path: folder + "/model.pth")
        #expect(model.form.rawValue == description.checkpointForm)
        let shape = try model.modelShape()
        #expect(shape.depth == description.depth && shape.width == description.width)
        #expect(shape.heads == description.heads && shape.classes == description.classes)
        #expect(shape.schedule == description.schedule && shape.mlpRatio == description.mlpRatio)
        if name == "trainer64" {
            let optimizer = try #require(model.training?.optimizer)
            #expect(optimizer["param_groups"]?.elements?.count == 2)
            let moment = try #require(optimizer["state"]?.pairs?.first?.value["exp_avg"])
            #expect(try model.training?.archive.tensor(moment, name: "exp_avg")?.tensor().dtype == .float32)
        } else {
            let tokenizer = try Checkpoint(path: folder + "/tokenizer.pth").tokenizerShape()
            #expect(tokenizer.channelMultipliers == description.channelMultipliers)
            #expect(tokenizer.channels == description.channels && tokenizer.phiSharing == description.phiSharing)
            #expect(tokenizer.vocabularySize == description.vocabularySize)
        }
    }
}
