import Foundation
import MVAR
import Testing

@testable import MVARCommand

@Suite("Models of whole numbers in files") struct WholeNumberTests {
    private static let precisions = [Precision.int16, .int8]
    /// One of the matrices.
    private static let matrix = "blocks.1.ffn.fc1.weight"

    /// The logits for tokens that mean nothing.
    private func logits(_ path: String, _ precision: Precision) throws -> [Float] {
        var source = ModelSource(model: path, tokenizer: Mini64.tokenizer)
        source.precision = precision
        let model = try LoadedModel(source)
        let tokens = (0..<680).map { Int32($0 * 37 % 64) }
        let forcing = try Sampling.TeacherForcing(transformer: model.transformer, quantizer: model.tokenizer.quantizer)
        return try forcing.logits(of: [tokens, tokens.reversed()], classes: [1, 4], guidance: 1.5)
            .array(of: Float.self)
    }

    @Test(
        "Weights rounded by a conversion and weights rounded when they are read give the same logits",
        arguments: precisions, ["small", "small.safetensors"])
    func sameLogits(precision: Precision, name: String) async throws {
        let folder = try TemporaryFolder()
        let path = folder.file(name)
        try await succeed("convert", Mini64.model, path, "--precision", precision.rawValue, "-q")
        let expected = try logits(Mini64.model, precision)
        #expect(try logits(path, precision) == expected)
        // Nothing else was asked for, so they stay what they are.
        #expect(try logits(path, .float32) == expected)
        #expect(try logits(Mini64.model, .float32) != expected)
    }

    @Test("PyTorch has no such models: nothing is written, and the line says what to do", arguments: precisions)
    func pyTorch(precision: Precision) async throws {
        let folder = try TemporaryFolder()
        let whole = folder.file("whole.safetensors")
        try await succeed("convert", Mini64.model, whole, "--precision", precision.rawValue, "-q")
        for arguments in [
            [Mini64.model, folder.file("a.pth"), "--precision", precision.rawValue], [whole, folder.file("a.pth")],
            [whole, folder.file("a"), "--to", "var"],
        ] {
            let failed = await failure(of: ["convert", "-q"] + arguments)
            #expect(failed?.status == 1)
            let message = failed?.message ?? ""
            #expect(message.contains(precision.rawValue) && message.contains("--precision float32"), "\(message)")
            #expect(folder.names == ["whole.safetensors"])
        }
        try await succeed("convert", whole, folder.file("a.pth"), "--precision", "float32", "-q")
        let table = try Checkpoint(path: folder.file("a.pth")).requireModel()
        #expect(table[Self.matrix]?.dtype == .float32 && table[Self.matrix + "_scale"] == nil)
    }

    @Test("Converted again, whole numbers stay to the byte, or become what they stand for", arguments: precisions)
    func again(precision: Precision) async throws {
        let folder = try TemporaryFolder()
        let (whole, again) = (folder.file("whole.safetensors"), folder.file("again.safetensors"))
        try await succeed("convert", Mini64.model, whole, "--precision", precision.rawValue, "-q")
        for options in [[], ["--precision", precision.rawValue]] {
            _ = try await printed(by: ["convert", whole, again, "-q"] + options)
            #expect(try bytes(of: again) == bytes(of: whole), "\(options)")
        }
        try await succeed("convert", whole, again, "--precision", "float32", "-q")
        let (table, wide) = try (Safetensors(path: whole).tensors, Safetensors(path: again).tensors)
        #expect(wide.records.allSatisfy { $0.dtype == .float32 && !$0.name.hasSuffix("_scale") })
        let numbers = try #require(table[Self.matrix]).tensor()
        let scales = try #require(table[Self.matrix + "_scale"]).tensor()
        #expect(numbers.dtype == precision.dtype)
        #expect(
            try #require(wide[Self.matrix]).tensor().array(of: Float.self)
                == (numbers.converted(to: .float32) * scales.unsqueezed(1)).array(of: Float.self))
        let other = precision == .int16 ? Precision.int8 : .int16
        try await succeed("convert", whole, again, "--precision", other.rawValue, "-q")
        #expect(try logits(again, .float32) == logits(whole, other))
    }

    @Test("Their description has the types and the model's own number of parameters", arguments: precisions)
    func inspecting(precision: Precision) async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("whole.safetensors")
        try await succeed("convert", Mini64.model, path, "--precision", precision.rawValue, "-q")
        let text = try await succeed("inspect", path)
        #expect(text.contains("206,850 parameters, "))
        #expect(text.contains(" of float16, float32, \(precision.rawValue), "), "\(text)")
    }

    @Test("A picture tells what it was computed in, where the file decides that", arguments: precisions)
    func texts(precision: Precision) async throws {
        let folder = try TemporaryFolder()
        let (whole, first, second) = (folder.file("whole"), folder.file("1.png"), folder.file("2.png"))
        try await succeed("convert", Mini64.model, whole, "--precision", precision.rawValue, "-q")
        try await succeed("sample", "--model", whole, "--seed", "2", "-q", "-o", first)
        #expect(try PNGMetadata(contentsOf: first)["mvar:precision"] == precision.rawValue)
        try await succeed(
            "sample", "--model", Mini64.model, "--precision", precision.rawValue, "--seed", "2", "-q", "-o", second)
        #expect(try PixelImage(contentsOf: first) == PixelImage(contentsOf: second))
    }

    @Test(
        "The decoder's weights are rounded alike too, where they have more digits than float16", arguments: precisions)
    func decoder(precision: Precision) async throws {
        let folder = try TemporaryFolder()
        let (whole, tokenizer) = (folder.file("whole.safetensors"), folder.file("tokenizer.safetensors"))
        try await succeed("convert", Mini64.model, whole, "--precision", precision.rawValue, "-q")
        let tensors = try Checkpoint(path: Mini64.tokenizer).requireTokenizer().records.map { record in
            (record.name, try record.tensor().converted(to: .float32) * 1.001)
        }
        try Safetensors.write(tensors, metadata: [:], to: tokenizer)
        func picture(_ path: String, _ precision: Precision) throws -> [Float] {
            var source = ModelSource(model: path, tokenizer: tokenizer)
            source.precision = precision
            let tokenizer = try LoadedModel(source).tokenizer
            let tokens = try Tensor((0..<680).map { $0 * 37 % 64 }, shape: [1, 680])
            return try withoutGradients { try tokenizer.pictures(of: tokenizer.quantizer.latent(of: tokens)) }
                .array(of: Float.self)
        }
        let expected = try picture(Mini64.model, precision)
        #expect(try picture(whole, .float32) == expected)
        #expect(try picture(Mini64.model, .float32) != expected)
    }

    /// What may be wrong with a file, and what the message says.
    enum Damage: String, CaseIterable {
        case missingScales, shortScales, wholeScales, notANumber, infinite, tooLarge, wholeBias, otherWholeNumbers

        /// What is in the place of a tensor; nil for none.
        func applied(_ name: String, _ tensor: Tensor) throws -> Tensor? {
            let scales = WholeNumberTests.matrix + "_scale"
            switch self {
            case .missingScales: return name == scales ? nil : tensor
            case .shortScales: return name == scales ? try tensor.narrowed(axis: 0, 0..<255) : tensor
            case .wholeScales: return name == scales ? try Tensor.full([256], 1, dtype: .int64) : tensor
            case .notANumber: return name == scales ? try tensor / Tensor.zeros([256]) * 0 : tensor
            case .infinite: return name == scales ? try tensor / Tensor.zeros([256]) : tensor
            case .tooLarge: return name == WholeNumberTests.matrix ? try (tensor * 2).converted(to: .int16) : tensor
            case .wholeBias: return name == "head.bias" ? try tensor.converted(to: .int16) : tensor
            case .otherWholeNumbers:
                return name == WholeNumberTests.matrix ? try tensor.converted(to: .int32) : tensor
            }
        }

        var words: [String] {
            switch self {
            case .missingScales: ["missing: \(WholeNumberTests.matrix)_scale"]
            case .shortScales: ["\(WholeNumberTests.matrix)_scale is [255], needs [256]"]
            case .wholeScales: ["\(WholeNumberTests.matrix)_scale holds int64 instead of floating-point numbers"]
            case .notANumber, .infinite: ["\(WholeNumberTests.matrix)_scale holds values that are no finite numbers"]
            case .tooLarge: ["\(WholeNumberTests.matrix) holds whole numbers from -409", "outside -2047 to 2047"]
            case .wholeBias: ["head.bias holds int16 instead of floating-point numbers"]
            case .otherWholeNumbers: ["\(WholeNumberTests.matrix) holds int32 instead of floating-point numbers"]
            }
        }
    }

    @Test("Damaged scales and numbers are one line that names the tensor", arguments: Damage.allCases)
    func damaged(damage: Damage) async throws {
        let folder = try TemporaryFolder()
        let (whole, path) = (folder.file("whole.safetensors"), folder.file("damaged.safetensors"))
        try await succeed("convert", Mini64.model, whole, "--precision", "int16", "-q")
        let file = try Safetensors(path: whole)
        let tensors = try file.tensors.records.compactMap { record in
            try damage.applied(record.name, record.tensor()).map { (record.name, $0) }
        }
        try Safetensors.write(tensors, metadata: file.metadata, to: path)
        let before = folder.names
        for arguments in [
            ["inspect", path], ["convert", path, folder.file("c.safetensors"), "-q"],
            ["sample", "--model", path, "--tokenizer", Mini64.tokenizer, "-q", "-o", folder.file("a.png")],
            [
                "sample", "--model", path, "--tokenizer", Mini64.tokenizer, "--precision", "int8", "-q", "-o",
                folder.file("a.png"),
            ],
        ] {
            let failed = await failure(of: arguments)
            #expect(failed?.status == 1, "\(arguments)")
            let message = failed?.message ?? ""
            #expect(message.contains(path) && !message.contains("\n"))
            for words in damage.words { #expect(message.contains(words), "\(message)") }
            #expect(folder.names == before)
        }
    }

    @Test("Weights that are no numbers are not made whole ones", arguments: precisions)
    func notFinite(precision: Precision) async throws {
        let folder = try TemporaryFolder()
        let (path, result) = (folder.file("a.safetensors"), folder.file("b.safetensors"))
        try await succeed("convert", Mini64.model, path, "--precision", "float32", "-q")
        let file = try Safetensors(path: path)
        let tensors = try file.tensors.records.map { record in
            let tensor = try record.tensor()
            return (record.name, record.name == Self.matrix ? try tensor / Tensor.zeros(tensor.shape) : tensor)
        }
        try Safetensors.write(tensors, metadata: file.metadata, to: path)
        let failed = await mvar("convert", path, result, "--precision", precision.rawValue, "-q")
        #expect(failed?.status == 1)
        #expect(failed?.message?.contains("'\(Self.matrix)' holds values that are no finite numbers") == true)
        #expect(folder.names == ["a.safetensors"])
    }
}
