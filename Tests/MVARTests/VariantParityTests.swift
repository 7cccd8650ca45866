import Foundation
import MVAR
import TestSupport
import Testing

/// Small models in the shapes that mini64 does not have, made by the public code (`scripts/fixtures/make_golden.py`).
@Suite("Parity with PyTorch in other shapes", .tags(.parity)) struct VariantParityTests {
    static let folder = "variants"

    /// What each folder is there for: the checks that have to be among those made.
    static let essentials: [String: [String]] = [
        // Shared AdaLN, one φ a scale, MLP ratio 2, bfloat16, one file of VAR's trainer with both networks.
        "shared-adaln": [
            "tokenizer.tokens", "logits.full", "logits.window-3", "logits.spatial-4", "greedy.full.cfg-4",
        ],
        // No L2-norm with 4 heads, one φ, one class, an even window and one larger than every map, float16.
        "no-l2-norm": [
            "logits.spatial-4", "logits.spatial-8", "greedy.spatial-8.cfg-1.5.f_hat", "greedy.window-1.cfg-4",
        ],
        // A first scale of four tokens, three φ, codes by cosine, temperatures above 100, window 2.
        "first-scale-2x2": ["tokenizer.tokens", "logits.uncond.spatial-2", "greedy.full.cfg-0", "guided.full.cfg-1.5"],
        // Two scales, both of them spatial, two φ, stride 4, MVAR's trainer.
        "two-scales": [
            "tokenizer.reconstruction", "logits.spatial-3", "greedy.scale.cfg-1.5", "guided.spatial-7.cfg-1.5",
        ],
    ]

    @Test("Every number and every token of a model in another shape agrees", arguments: essentials.keys.sorted())
    func variant(name: String) throws {
        let report = try GoldenVerifier(path: Fixture.path("\(Self.folder)/\(name)/golden.safetensors")).verify()
        for check in report.checks { #expect(check.pass, "\(check)") }
        #expect(report.pass)
        #expect(report.unknown == [])
        let names = Set(report.checks.map(\.name))
        #expect(Self.essentials[name, default: []].filter { !names.contains($0) } == [])
    }

    @Test("No folder of variants is left out")
    func complete() throws {
        let folders = try FileManager.default.contentsOfDirectory(atPath: Fixture.path(Self.folder))
        #expect(folders.sorted() == Self.essentials.keys.sorted())
    }

    @Test("The patterns of a variant are told apart: their logits differ", arguments: essentials.keys.sorted())
    func distinct(name: String) throws {
        let golden = try Safetensors(path: Fixture.path("\(Self.folder)/\(name)/golden.safetensors")).tensors
        func logits(_ pattern: String) throws -> Tensor { try #require(golden["logits.\(pattern)"]).tensor() }
        let difference = try (logits("full") - logits("scale")).magnitude().maximum().item()
        #expect(difference > 0.1)
    }

    @Test(
        "An input of the wrong shape, or outside its range, is declined by its name",
        arguments: [
            ("tokenizer.image_u8", [10, 10, 3], 0), ("tokenizer.image_u8", [2, 6, 6, 3], 0), ("logits.labels", [], 0),
            ("logits.labels", [2], 3), ("logits.tokens", [39], 0), ("logits.tokens", [2, 17], 16),
            ("greedy.labels", [0], 0), ("greedy.labels", [2], -1), ("greedy.full.cfg-1.5", [2, 9], 0),
            ("guided.full.cfg-1.5", [9, 17, 16], 0), ("greedy.spatial-3.cfg-1.5.image", [], 0),
            ("tokenizer.reconstruction", [0, 3, 16, 16], 0),
        ])
    func declined(name: String, shape: [Int], value: Int) throws {
        let folder = Fixture.path("\(Self.folder)/two-scales")
        let golden = try Safetensors(path: "\(folder)/golden.safetensors")
        var tensors: [(name: String, tensor: Tensor)] = []
        for record in golden.tensors.records where record.name != name {
            tensors.append((record.name, try record.tensor()))
        }
        let original = try #require(golden.tensors[name]).tensor()
        tensors.append((name, try Tensor.full(shape, Double(value), dtype: original.dtype)))
        try Fixture.withTemporaryFolder { temporary in
            let path = temporary.appendingPathComponent("golden.safetensors").path
            try Safetensors.write(tensors, metadata: golden.metadata, to: path)
            let source = ModelSource(model: "\(folder)/model.pth", tokenizer: "\(folder)/tokenizer.pth")
            let error = try #require(throws: VerificationError.self) {
                try GoldenVerifier(path: path, source: source).verify()
            }
            #expect(error.description.contains("'\(name)'"))
        }
    }
}
