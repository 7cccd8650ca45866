import Foundation
import MVAR
import TestSupport
import Testing

@Suite("Parity with PyTorch", .tags(.parity)) struct VerificationTests {
    @Test("mini64 agrees: tokenizer, logits of every pattern, greedy and guided runs, training steps")
    func mini64() throws {
        let report = try GoldenVerifier(path: Fixture.path("mini64/golden.safetensors")).verify()
        for check in report.checks { #expect(check.pass, "\(check)") }
        #expect(report.pass)
        #expect(report.unknown == [])
        let names = Set(report.checks.map(\.name))
        for name in [
            "tokenizer.tokens", "logits.window-2", "greedy.full.cfg-4", "guided.spatial-7.cfg-1.5", "train.cycle.loss",
        ] {
            #expect(names.contains(name))
        }
    }

    @Test("The filters and the smooth mixture agree with the public ones")
    func sampling() throws {
        let report = try GoldenVerifier(path: Fixture.path("sampling.safetensors")).verify()
        for check in report.checks { #expect(check.pass, "\(check)") }
        #expect(report.pass && report.checks.count == 15)
        #expect(report.unknown == [])
    }

    @Test("A single changed token or number is found out", arguments: ["tokenizer.tokens", "logits.full"])
    func changed(name: String) throws {
        try Fixture.withTemporaryFolder { folder in
            try Fixture.copy(["mini64/model.pth": "model.pth", "mini64/tokenizer.pth": "tokenizer.pth"], to: folder)
            let golden = try Safetensors(path: Fixture.path("mini64/golden.safetensors"))
            let kept = ["tokenizer.image_u8", "tokenizer.tokens", "logits.full", "logits.labels", "logits.tokens"]
            var tensors: [(name: String, tensor: Tensor)] = []
            for key in kept {
                var tensor = try #require(golden.tensors[key]).tensor()
                if key == name {
                    tensor = try tensor.cloned()
                    try tensor.reshaped(-1).narrowed(axis: 0, 7..<8).add(Tensor.full([1], 1, dtype: tensor.dtype))
                }
                tensors.append((key, tensor))
            }
            let path = folder.appendingPathComponent("golden.safetensors").path
            try Safetensors.write(tensors, metadata: golden.metadata, to: path)
            let report = try GoldenVerifier(path: path).verify()
            #expect(!report.pass)
            #expect(report.checks.filter { !$0.pass }.map(\.name) == [name])
        }
    }

    @Test("A file without anything to check does not pass")
    func nothing() throws {
        try Fixture.withTemporaryFolder { folder in
            let path = folder.appendingPathComponent("golden.safetensors").path
            try Safetensors.write([("mystery", Tensor.zeros([1]))], to: path)
            let report = try GoldenVerifier(path: path).verify()
            #expect(!report.pass)
            #expect(report.unknown == ["mystery"])
        }
    }

    @Test("A golden file without its model says where it was looked for")
    func missingModel() throws {
        try Fixture.withTemporaryFolder { folder in
            try Fixture.copy(["mini64/golden.safetensors": "golden.safetensors"], to: folder)
            let path = folder.appendingPathComponent("golden.safetensors").path
            let error = try #require(throws: VerificationError.self) { try GoldenVerifier(path: path).verify() }
            #expect(error.description.contains("tokenizer.pth"))
        }
    }
}

extension Tag {
    /// Against values recorded from PyTorch.
    @Tag static var parity: Self
}
