import ImageTokenizer
import Testing
import TokenPyramid
import Torch

@testable import Sampling

@Suite("All scales in one go") struct WholeGenerationTests {
    private func request(_ images: [Int], _ parameters: SamplingParameters = Mini64.lively) -> GenerationRequest {
        GenerationRequest(classes: images.map { $0 % 4 }, images: images, seed: 7, parameters: parameters)
    }

    @Test(
        "Batch after batch it makes what scale by scale makes, bit for bit on the CPU",
        arguments: [AttentionPattern.spatial(kernel: 7), .full], [0, 1.5])
    func sameAsStepwise(pattern: AttentionPattern, guidance: Double) throws {
        let model = try Mini64(pattern)
        var parameters = Mini64.lively
        parameters.guidance = guidance
        let batches = [[0, 1, 2], [3, 4, 5], [9, 1, 7]]
        let whole = try WholeGeneration(
            like: request(batches[0], parameters), transformer: model.transformer, quantizer: model.quantizer)
        var seen: Set<[Int32]> = []
        for images in batches {
            let part = request(images, parameters)
            #expect(whole.serves(part))
            let (tokens, latent) = try whole(part)
            let stepwise = try model.finished(part)
            #expect(try tokens == stepwise.tokens)
            #expect(try latent.array(of: Float.self) == stepwise.latent.array(of: Float.self))
            seen.formUnion(tokens)
        }
        // Picture 1 comes twice, with the same tokens.
        #expect(seen.count == 8)
        #expect((whole.keyValueBytes > 0) == !pattern.isWithinScale)
    }

    @Test("Logits of one picture at a time, or of two, choose the same tokens") func parts() throws {
        let model = try Mini64()
        let part = request([0, 1, 2, 3, 4])
        let expected = try model.finished(part).tokens
        // The last scale's logits, with those of guidance.
        let picture = 2 * 256 * 64 * 4
        for bytes in [1, 2 * picture, 100 * picture] {
            let whole = try WholeGeneration(
                like: part, transformer: model.transformer, quantizer: model.quantizer, logitBytesAtOnce: bytes)
            #expect(try whole(part).tokens == expected, "\(bytes) bytes")
        }
    }

    @Test("Parts have one picture at least, and no more than their memory has room for") func sizes() throws {
        let model = try Mini64()
        let sampler = ScaleSampler(
            transformer: model.transformer, quantizer: model.quantizer, parameters: Mini64.lively, seed: 1)
        let prediction = try sampler.prediction(
            ofScale: 9, after: model.quantizer.emptyLatent(batch: 5),
            conditions: sampler.conditions(on: [0, 1, 2, 3, 0]),
            cache: nil)
        let picture = 2 * 256 * 64 * 4
        #expect(prediction.parts(ofBytes: 1) == [0..<1, 1..<2, 2..<3, 3..<4, 4..<5])
        #expect(prediction.parts(ofBytes: 2 * picture) == [0..<2, 2..<4, 4..<5])
        #expect(prediction.parts(ofBytes: 3 * picture - 1) == [0..<2, 2..<4, 4..<5])
        #expect(prediction.parts(ofBytes: 5 * picture) == [0..<5])
    }

    @Test("It serves batches of one size, one seed and one way to choose") func serves() throws {
        let model = try Mini64()
        let whole = try WholeGeneration(
            like: request([0, 1]), transformer: model.transformer, quantizer: model.quantizer)
        #expect(whole.serves(request([5, 6])))
        #expect(!whole.serves(request([5])))
        #expect(!whole.serves(request([5, 6], SamplingParameters())))
        #expect(!whole.serves(GenerationRequest(classes: [0, 1], seed: 8, parameters: Mini64.lively)))
    }

    @Test("On the CPU pictures are made scale by scale") func onlyGPUs() throws {
        #expect(!WholeGeneration.suits(Mini64.lively, of: try Mini64().transformer))
    }
}
