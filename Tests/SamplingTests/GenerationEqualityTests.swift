import ImageTokenizer
import NeuralNetworks
import Sampling
import ScaleTransformer
import Testing
import TokenPyramid
import Torch

@Suite("A picture is the same however it is computed") struct GenerationEqualityTests {
    private static let classes = [0, 3, 1, 2, 4, 0, 1, 3]
    private static let images = [0, 1, 2, 3, 4, 5, 6, 1 << 33]

    private static func request(_ pictures: [Int], smooth: Bool = false) -> GenerationRequest {
        var parameters = Mini64.lively
        parameters.isSmooth = smooth
        return GenerationRequest(
            classes: pictures.map { classes[$0] }, images: pictures.map { images[$0] }, seed: 42, parameters: parameters
        )
    }

    /// Says how far pictures are apart, instead of printing all pixels.
    private func expectEqual(_ found: GeneratedPicture, _ expected: GeneratedPicture, _ name: String) {
        let difference = zip(found.pixels, expected.pixels).reduce(0) { max($0, abs($1.0 - $1.1)) }
        #expect(difference == 0, "\(name)")
        #expect(found.tokens == expected.tokens, "\(name)")
    }

    @Test(
        "Batches of 1, 3 and 8 give the same pixels", arguments: [AttentionPattern.full, .spatial(kernel: 7)],
        [false, true])
    func batches(pattern: AttentionPattern, smooth: Bool) throws {
        let model = try Mini64(pattern)
        let together = try model.result(Self.request(Array(0..<8), smooth: smooth))
        let inThrees = try [[0, 1, 2], [3, 4, 5], [6, 7]].flatMap { try model.result(Self.request($0, smooth: smooth)) }
        let alone = try (0..<8).flatMap { try model.result(Self.request([$0], smooth: smooth)) }
        for picture in 0..<8 {
            expectEqual(inThrees[picture], together[picture], "picture \(picture) in a batch of 3")
            expectEqual(alone[picture], together[picture], "picture \(picture) alone")
        }
        #expect(together[0] != together[5])
    }

    @Test("The order of a batch changes no picture")
    func permutation() throws {
        let model = try Mini64(.window(2))
        let order = [5, 2, 7, 0, 6]
        let permuted = try model.result(Self.request(order))
        let sorted = try model.result(Self.request(order.sorted()))
        for (place, picture) in order.enumerated() {
            expectEqual(permuted[place], sorted[try #require(order.sorted().firstIndex(of: picture))], "\(picture)")
        }
    }

    @Test("One thread and two give the same pixels", arguments: [AttentionPattern.full, .spatial(kernel: 7)])
    func threads(pattern: AttentionPattern) throws {
        let model = try Mini64(pattern)
        let before = LibTorch.threadCount
        defer { try? LibTorch.setThreadCount(before) }
        let results = try [1, 2].map { threads in
            try LibTorch.setThreadCount(threads)
            return try model.result(Self.request([0, 1, 2]))
        }
        for picture in 0..<3 { expectEqual(results[0][picture], results[1][picture], "picture \(picture)") }
    }

    @Test("A model of other proportions: 32 latent channels, a tokenizer whose levels change their width")
    func otherProportions() throws {
        let source = FreshParameters(seed: 4)
        let schedule = try ScaleSchedule([1, 2, 3, 5, 9])
        let transformer = try NextScaleTransformer(
            TransformerConfiguration(
                depth: 2, width: 128, heads: 2, classes: 3, vocabularySize: 256, schedule: schedule, pattern: .full),
            at: ParameterPath(source) / "model")
        let tokenizer = try VisualTokenizer(
            TokenizerConfiguration(channels: 32, multipliers: [1, 2], vocabularySize: 256, schedule: schedule),
            at: ParameterPath(source) / "tokenizer")
        func picture(_ pictures: Range<Int>, threads: Int) throws -> [Float] {
            try LibTorch.setThreadCount(threads)
            let generation = try ImageGeneration(
                GenerationRequest(
                    classes: pictures.map { $0 % 3 }, images: Array(pictures), seed: 1,
                    parameters: SamplingParameters(guidance: 2, topP: 0.9, isSmooth: true)),
                transformer: transformer, quantizer: tokenizer.quantizer)
            while try generation.advance() != nil {}
            // The last picture of the batch is number 7.
            return try tokenizer.pictures(of: generation.latent).selected(axis: 0, pictures.count - 1)
                .array(of: Float.self)
        }
        let before = LibTorch.threadCount
        defer { try? LibTorch.setThreadCount(before) }
        let alone = try picture(7..<8, threads: 1)
        for (first, threads) in [(7, 2), (5, 1), (5, 2), (0, 2), (0, 1)] {
            let found = try picture(first..<8, threads: threads)
            let difference = zip(found, alone).reduce(0) { max($0, abs($1.0 - $1.1)) }
            #expect(difference == 0, "\(8 - first) pictures on \(threads) threads")
        }
    }
}
