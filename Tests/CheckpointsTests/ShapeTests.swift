import Foundation
import Testing
import Torch

@testable import Checkpoints

/// The names of a published checkpoint, as the official constructors build them.
private struct Manifest: Decodable {
    struct Entry: Decodable {
        let shape: [Int]
        let dtype: String
    }
    let checkpoint: String
    /// The manifests' keys are those of our configurations.
    let config: ModelDescription
    let buffers: [String]
    let tensors: [String: Entry]

    init(_ name: String) throws {
        self = try JSONDecoder().decode(Self.self, from: Data(try Fixture.bytes("names/\(name).json")))
    }

    /// Tensors of the published shapes over a few bytes: only `lvl_1L` has values of its own.
    func table(without: Set<String> = []) throws -> TensorTable {
        let levels = (config.schedule ?? []).enumerated().flatMap {
            [Int64](repeating: Int64($0.offset), count: $0.element * $0.element)
        }
        var content: [UInt8] = []
        for level in levels { content.append(littleEndian: level) }
        let file = try MappedFile(content: content, name: checkpoint)
        let records = try tensors.filter { !without.contains($0.key) }.sorted { $0.key < $1.key }.map { name, entry in
            let isLevels = entry.dtype == "int64"
            return try TensorRecord(
                name: name, dtype: isLevels ? .int64 : .float32, shape: entry.shape,
                strides: isLevels ? TensorLayout.rowMajorStrides(entry.shape) : entry.shape.map { _ in 0 }, file: file,
                offset: 0, limit: file.count)
        }
        return TensorTable(records)
    }
}

@Suite("Shapes read off tensors") struct ShapeTests {
    @Test(
        "Every published transformer is recognised",
        arguments: ["var_d16", "mvar_d16", "var_d20", "var_d24", "var_d30", "var_d36-s"])
    func transformers(name: String) throws {
        let manifest = try Manifest(name)
        let shape = try ModelShape(try manifest.table(), file: name)
        #expect(shape.depth == manifest.config.depth)
        #expect(shape.width == manifest.config.width)
        #expect(shape.heads == manifest.config.heads)
        #expect(shape.classes == manifest.config.classes)
        #expect(shape.sharesAdaLN == manifest.config.sharesAdaLN)
        #expect(shape.schedule == manifest.config.schedule)
        #expect(shape.tokenCount == manifest.config.schedule?.reduce(0) { $0 + $1 * $1 })
        #expect(shape.scaleCount == 10 && shape.mlpRatio == 4 && shape.normalizesQueriesAndKeys)
        #expect(shape.vocabularySize == 4096 && shape.latentChannels == 32)
        #expect(manifest.buffers.allSatisfy(DerivedBuffers.contains))
        #expect(manifest.tensors.keys.filter(DerivedBuffers.contains).count == manifest.buffers.count)

        let bare = try ModelShape(try manifest.table(without: Set(manifest.buffers)), file: name)
        #expect(bare.schedule == nil)
        let temperatures = manifest.tensors.keys.filter { $0.hasSuffix("scale_mul_1H11") }
        let plain = try ModelShape(try manifest.table(without: Set(temperatures)), file: name)
        #expect(plain.heads == nil && !plain.normalizesQueriesAndKeys)
    }

    @Test("The published tokenizer is recognised")
    func tokenizer() throws {
        let manifest = try Manifest("vae_ch160v4096z32")
        let shape = try TokenizerShape(try manifest.table(), file: "vae")
        #expect(shape.channels == 160 && shape.channelMultipliers == [1, 1, 2, 2, 4] && shape.stride == 16)
        #expect(shape.latentChannels == 32 && shape.vocabularySize == 4096 && shape.residualBlocks == 2)
        #expect(shape.phiCount == 4 && shape.phiSharing == 4 && shape.scaleCount == 10)
        #expect(shape.hasAttentionInLowestLevel && shape.hasAttentionInMiddle && shape.quantConvolutionKernel == 3)
        #expect(manifest.buffers.allSatisfy(DerivedBuffers.contains))
    }

    private func table(_ shapes: [String: [Int]]) throws -> TensorTable {
        let file = try MappedFile(content: [UInt8](repeating: 0, count: 64), name: "shapes")
        return TensorTable(
            try shapes.map { name, shape in
                try TensorRecord(
                    name: name, dtype: .float32, shape: shape, strides: shape.map { _ in 0 }, file: file, offset: 0,
                    limit: 64)
            })
    }

    @Test(
        "The number of φ is read from how they are named",
        arguments: [(["qresi"], 1, 1), (["0", "1", "2"], 0, 3), (["qresi_ls.0", "qresi_ls.1"], 2, 2)])
    func phi(names: [String], sharing: Int, count: Int) throws {
        var shapes = [
            "encoder.conv_in.weight": [8, 3, 3, 3], "quantize.embedding.weight": [16, 4],
            "quant_conv.weight": [4, 4, 3, 3],
            "encoder.down.0.block.0.conv1.weight": [8, 8, 3, 3],
        ]
        for name in names { shapes["quantize.quant_resi.\(name).weight"] = [4, 4, 3, 3] }
        let shape = try TokenizerShape(try table(shapes), file: "x")
        #expect(shape.phiSharing == sharing && shape.phiCount == count)
        #expect(shape.scaleCount == (sharing == 0 ? count : nil))
        #expect(!shape.hasAttentionInMiddle)
    }

    @Test("All missing tensors are named in one error")
    func missing() throws {
        let text = message { _ = try ModelShape(try table(["word_embed.weight": [4, 4]]), file: "x") }
        #expect(
            text
                == "'x' lacks class_emb.weight, pos_1LC, lvl_embed.weight, head.weight, blocks.0.ffn.fc1.weight, from which the network's shape is read."
        )
    }

    private static let plausible = [
        "word_embed.weight": [64, 8], "class_emb.weight": [5, 64], "pos_1LC": [1, 5, 64], "lvl_embed.weight": [2, 64],
        "head.weight": [16, 64], "blocks.0.ffn.fc1.weight": [256, 64],
    ]

    @Test(
        "Impossible shapes are told with the name",
        arguments: [
            ("word_embed.weight", [64]), ("word_embed.weight", [0, 8]), ("class_emb.weight", [1, 64]),
            ("pos_1LC", [5, 64]),
            ("blocks.0.attn.scale_mul_1H11", [2]), ("blocks.0.attn.scale_mul_1H11", [1, 0, 1, 1]),
            ("lvl_1L", [1, 5]), ("lvl_1L", [1, 6]),
        ])
    func impossible(name: String, shape: [Int]) throws {
        #expect(try ModelShape(try table(Self.plausible), file: "x").depth == 1)
        var shapes = Self.plausible
        shapes[name] = shape
        let text = message { _ = try ModelShape(try table(shapes), file: "x") }
        #expect(text.contains("has tensor '\(name)' of shape \(shape); expected"), "\(text)")
    }

    @Test("One odd name makes no network of a billion blocks")
    func oddName() throws {
        var shapes = Self.plausible
        shapes["blocks.999999999.ffn.fc1.weight"] = [256, 64]
        shapes["blocks.x.ffn.fc1.weight"] = [256, 64]
        #expect(try ModelShape(try table(shapes), file: "x").depth == 2)
    }

    @Test("A schedule of absurdly many tokens is not counted")
    func absurdSchedule() throws {
        var shapes = Self.plausible
        shapes["pos_1LC"] = [1, 1 << 28, 1]
        let file = try MappedFile(content: [UInt8](repeating: 0, count: 64), name: "levels")
        let levels = try TensorRecord(
            name: "lvl_1L", dtype: .int32, shape: [1, 1 << 28], strides: [0, 0], file: file, offset: 0, limit: 64)
        let tensors = TensorTable(try table(shapes).records + [levels])
        #expect(
            message { _ = try ModelShape(tensors, file: "x") }.contains("has tensor 'lvl_1L' of shape [1, 268435456]"))
    }

    @Test(
        "A schedule that is none is refused",
        arguments: [[0, 1, 1, 1, 2], [0, 0, 1, 1, 1], [1, 0, 1, 1, 1], [0, 1, 1, 1, -1], [0, 1, 1, 1, 1]])
    func schedules(levels: [Int64]) throws {
        var content: [UInt8] = []
        for level in levels { content.append(littleEndian: level) }
        let file = try MappedFile(content: content, name: "levels")
        let record = try TensorRecord(
            name: "lvl_1L", dtype: .int64, shape: [1, 5], strides: [5, 1], file: file, offset: 0, limit: file.count)
        let tensors = TensorTable(try table(Self.plausible).records + [record])
        if levels == [0, 1, 1, 1, 1] {
            #expect(try ModelShape(tensors, file: "x").schedule == [1, 2])
        } else {
            #expect(message { _ = try ModelShape(tensors, file: "x") }.contains("lvl_1L"))
        }
    }
}
