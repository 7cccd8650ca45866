import Checkpoints
import Foundation
import ImageTokenizer
import NeuralNetworks
import ScaleTransformer
import Testing
import TokenPyramid
import Torch

@testable import Training

@Suite("The cache of tokens")
struct TokenCacheTests {
    private let data: DrawnData
    private let schedule: ScaleSchedule
    private let tokenizer: VisualTokenizer
    private let tensors: [(name: String, tensor: Tensor)]
    private let fingerprint: TokenizerFingerprint
    private var path: String { data.folder + "/cache.safetensors" }

    init() throws {
        data = try DrawnData()
        schedule = try ScaleSchedule([1, 2, 4, 8])
        (tokenizer, tensors) = try Self.tokenizer(schedule, seed: 2)
        fingerprint = try TokenizerFingerprint(tokenizer.configuration, tensors: tensors)
    }

    private static func tokenizer(
        _ schedule: ScaleSchedule, seed: UInt64
    ) throws -> (VisualTokenizer, [(name: String, tensor: Tensor)]) {
        let fresh = FreshParameters(seed: seed)
        let configuration = TokenizerConfiguration(
            channels: 32, multipliers: [1, 1], latentChannels: 4, vocabularySize: 16, schedule: schedule)
        return (try VisualTokenizer(configuration, at: ParameterPath(fresh)), fresh.parameters)
    }

    private func write(_ paths: String..., classes: [String]? = nil) throws -> TokenCache.Summary {
        try TokenCache.write(paths, classes: classes, by: tokenizer, fingerprint: fingerprint, to: path)
    }

    private func opened() throws -> TokenCache {
        try TokenCache(path: path, configuration: tokenizer.configuration, fingerprint: fingerprint)
    }

    private var files: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: data.folder)) ?? []).sorted()
    }

    @Test("A run from the cache has bit for bit the losses and weights of one from the pictures")
    func sameLosses() throws {
        // 11 is no multiple of the batch in which pictures are encoded.
        let archive = try data.archive(count: 11, side: 20)
        let summary = try write(archive)
        #expect(summary.pictures == 11 && summary.skipped == 0 && summary.tokenCount == schedule.tokenCount)
        let cache = try opened()
        let pictures = try PictureSet([archive], side: 16)
        #expect(cache.classes == pictures.classes && cache.tokens.labels == pictures.labels)
        let direct = try TokenSet(pictures, by: tokenizer)

        func run(_ name: String, _ tokens: TokenSet) throws -> ([[TrainingMetric]], Data) {
            let settings = ModelTrainingSettings(
                model: TransformerConfiguration(
                    depth: 1, width: 32, heads: 2, classes: 2, vocabularySize: 16, latentChannels: 4,
                    schedule: schedule, pattern: .spatial(kernel: 3), firstSpatialScale: 2),
                batch: 4, seed: 5, length: TrainingLength(steps: 6, warmUpSteps: 2),
                rhythm: TrainingRhythm(checkpoint: 1000, validation: 1000, report: 1))
            let training = try ModelTraining(
                settings, folder: data.folder + "/" + name, tokenizer: tokenizer, tokenizerTensors: tensors)
            var metrics: [[TrainingMetric]] = []
            _ = try training.run(on: .tokens(tokens), validation: direct) { metrics.append($0.metrics) }
            return (
                metrics, try Data(contentsOf: URL(fileURLWithPath: training.resultPath + "/model.safetensors"))
            )
        }
        let (fromCache, fromPictures) = (try run("cache", cache.tokens), try run("pictures", direct))
        #expect(fromCache.0 == fromPictures.0 && fromCache.0.count == 7)
        #expect(fromCache.1 == fromPictures.1)
    }

    @Test("Tokens are 16-bit numbers in a file that says what made it, 4 bytes a token and 4 a label")
    func form() throws {
        let summary = try write(data.archive(count: 10, side: 16), classes: ["square", "disc"])
        let file = try Safetensors(path: path)
        #expect(file.tensors["tokens"]?.dtype == .uint16 && file.tensors["tokens"]?.shape == [10, 2, 85])
        #expect(file.tensors["labels"]?.dtype == .int32)
        #expect(try file.tensors["labels"]?.tensor().array(of: Int.self) == (0..<10).map { 1 - $0 % 2 })
        #expect(
            file.metadata["tokenizer"] == fingerprint.description && file.metadata["schedule"] == schedule.description)
        #expect(file.metadata["classes"] == #"["square","disc"]"#)
        let size = try #require(FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
        #expect(size == summary.byteCount && (10 * (4 * 85 + 4)..<10 * (4 * 85 + 4) + 512).contains(size))
    }

    @Test("Skipped pictures are named and counted, and the file is whole without them")
    func skipped() throws {
        // From 3 digits to 2: the header, written before the pictures are decoded, gets shorter.
        let archive = try data.archive(count: 99, side: 16, extra: [("disc/broken.png", [0x89, 0x50, 1, 2])])
        var names: [String] = []
        let summary = try TokenCache.write(
            [archive], by: tokenizer, fingerprint: fingerprint, to: path,
            reportingUnreadable: { names.append($0.name) })
        #expect(names == [archive + ":disc/broken.png"])
        #expect(summary.pictures == 99 && summary.skipped == 1)
        let cache = try opened()
        let pictures = try PictureSet([archive], side: 16)
        #expect(cache.tokens.labels == pictures.labels)
        let direct = try TokenSet(pictures, by: tokenizer)
        #expect(
            try cache.tokens.batch([98, 0], flipped: [true, false]).array(of: Int.self)
                == direct.batch([98, 0], flipped: [true, false]).array(of: Int.self))
    }

    @Test("Too many damaged pictures, one class, or a cut archive leave no file behind")
    func nothingHalfWritten() throws {
        let broken = try data.archive("broken.tar", count: 50, side: 16, extra: [("disc/x.png", [1])])
        #expect(throws: DataError.self) { try write(broken) }
        #expect(throws: DataError.oneClass("disc", pictures: 2)) {
            try write(data.archive("two.tar", count: 4, side: 16), classes: ["disc"])
        }
        let cut = data.folder + "/cut.tar"
        try Data(contentsOf: URL(fileURLWithPath: broken)).dropLast(3000).write(to: URL(fileURLWithPath: cut))
        #expect(throws: DataError.self) { try write(cut) }
        #expect(files == ["broken.tar", "cut.tar", "two.tar"])
        let pipe = data.folder + "/pipe"
        #expect(mkfifo(pipe, 0o600) == 0)
        #expect(throws: TokenCacheError.readOnce(path: pipe)) { try write(pipe) }
        #expect(throws: TokenCacheError.noPlace(path: "/dev/null")) {
            try TokenCache.write([broken], by: tokenizer, fingerprint: fingerprint, to: "/dev/null")
        }
    }

    @Test("A cache of another tokenizer or schedule is refused; a change of the decoder makes no other")
    func refusesOthers() throws {
        _ = try write(data.archive(count: 4, side: 16))
        func failure(_ network: VisualTokenizer, _ tensors: [(name: String, tensor: Tensor)]) throws -> TokenCacheError?
        {
            do {
                let fingerprint = try TokenizerFingerprint(network.configuration, tensors: tensors)
                _ = try TokenCache(path: path, configuration: network.configuration, fingerprint: fingerprint)
                return nil
            } catch let error as TokenCacheError {
                return error
            }
        }
        let (other, otherTensors) = try Self.tokenizer(schedule, seed: 3)
        guard case .otherTokenizer = try failure(other, otherTensors) else {
            Issue.record("another tokenizer's cache is taken")
            return
        }
        let (longer, longerTensors) = try Self.tokenizer(ScaleSchedule([1, 2, 3, 8]), seed: 2)
        #expect(
            try failure(longer, longerTensors)
                == .otherSchedule(path: path, found: "1,2,4,8", expected: "1,2,3,8"))
        let halves = try tensors.map { name, tensor in
            (name: name, tensor: name.hasPrefix("decoder.") ? try tensor * 2 : tensor)
        }
        #expect(try failure(tokenizer, halves) == nil)
        // The same names in another order, and float16 that was widened.
        let narrow = try tensors.map { (name: $0.name, tensor: try $0.tensor.converted(to: .float16)) }
        let widened = try narrow.reversed().map { (name: $0.name, tensor: try $0.tensor.converted(to: .float32)) }
        #expect(
            try TokenizerFingerprint(tokenizer.configuration, tensors: narrow)
                == TokenizerFingerprint(tokenizer.configuration, tensors: widened))
        #expect(try TokenizerFingerprint(tokenizer.configuration, tensors: narrow) != fingerprint)
    }

    @Test("A file with labels or tokens outside their range, or of other shapes, is refused")
    func refusesDamage() throws {
        func failure(tokens: [UInt16], shape: [Int], labels: [Int32], classes: String = #"["a","b"]"#) throws -> Bool {
            try Safetensors.write(
                [
                    ("tokens", Tensor(tokens, shape: shape)),
                    ("labels", Tensor(labels, shape: [labels.count])),
                ],
                metadata: [
                    "format": TokenCache.form, "schedule": schedule.description, "vocab_size": "16",
                    "tokenizer": fingerprint.description, "classes": classes,
                ], to: path)
            do {
                _ = try opened()
                return false
            } catch is TokenCacheError {
                return true
            }
        }
        let good = [UInt16](repeating: 15, count: 340)
        #expect(try !failure(tokens: good, shape: [2, 2, 85], labels: [0, 1]))
        #expect(try failure(tokens: good.dropLast() + [16], shape: [2, 2, 85], labels: [0, 1]))
        #expect(try failure(tokens: good, shape: [2, 2, 85], labels: [0, 2]))
        #expect(try failure(tokens: good, shape: [2, 2, 85], labels: [0, -1]))
        #expect(try failure(tokens: good, shape: [4, 1, 85], labels: [0, 1]))
        #expect(try failure(tokens: good, shape: [2, 2, 85], labels: [0, 1, 1]))
        #expect(try failure(tokens: good, shape: [2, 2, 85], labels: [0, 1], classes: "a,b"))
        try Safetensors.write([("tokens", Tensor(good, shape: [340]))], to: path)
        #expect(throws: TokenCacheError.noCache(path: path)) { try opened() }
    }
}
