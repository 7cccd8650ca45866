import NeuralNetworks
import Testing
import TokenPyramid
import Torch

@testable import ImageTokenizer

@Suite("Residual convolutions") struct ResidualConvolutionTests {
    @Test("Ten scales share four convolutions as the published weights were trained: two ties are decided by rounding")
    func publishedChoice() {
        #expect(ResidualConvolutions.choice(scales: 10, shared: 4) == [0, 0, 1, 1, 1, 2, 2, 3, 3, 3])
    }

    @Test("One convolution serves all, and without sharing each scale has its own")
    func extremes() {
        #expect(ResidualConvolutions.choice(scales: 5, shared: 1) == [0, 0, 0, 0, 0])
        #expect(ResidualConvolutions.choice(scales: 5, shared: 0) == [0, 1, 2, 3, 4])
        #expect(ResidualConvolutions.choice(scales: 1, shared: 4) == [0])
    }
}

@Suite("Quantizer") struct QuantizerTests {
    private func tokenizer(cosine: Bool = false) throws -> VisualTokenizer {
        let configuration = TokenizerConfiguration(
            channels: 32, multipliers: [1, 1], latentChannels: 8, vocabularySize: 32,
            schedule: try ScaleSchedule([1, 2, 4]), comparesByCosine: cosine)
        return try VisualTokenizer(configuration, at: ParameterPath(FreshParameters(seed: 1)))
    }

    private func noise(_ shape: [Int]) throws -> Tensor {
        try Tensor.keyedUniform(seed: 3, images: [0], scale: 0, tokens: shape.reduce(1, *), draws: 1)
            .reshaped(shape).converted(to: .float32) - 0.5
    }

    @Test("The tokens of a latent decode to the sum that encoding built", arguments: [false, true])
    func roundTrip(cosine: Bool) throws {
        let quantizer = try tokenizer(cosine: cosine).quantizer
        let (tokens, latent) = try quantizer.encode(noise([2, 8, 4, 4]))
        #expect(tokens.shape == [2, 21])
        let decoded = try quantizer.latent(of: tokens)
        #expect(try (decoded - latent).magnitude().maximum().item() < 1e-6)
    }

    @Test("The nearest code of a code is itself, and of two equal codes the first")
    func nearest() throws {
        let quantizer = try tokenizer().quantizer
        #expect(try quantizer.nearestCodes(quantizer.codebook).array(of: Int.self) == Array(0..<32))
        try withoutGradients {
            try quantizer.codebook.narrowed(axis: 0, 9..<10).assign(quantizer.codebook.narrowed(axis: 0, 4..<5))
        }
        #expect(try quantizer.nearestCodes(quantizer.codebook.narrowed(axis: 0, 9..<10)).array(of: Int.self) == [4])
    }

    @Test("The teacher's input of each scale is f̂ after the scales before it, area-averaged")
    func teacherInputs() throws {
        let quantizer = try tokenizer().quantizer
        let (tokens, _) = try quantizer.encode(noise([1, 8, 4, 4]))
        let inputs = try quantizer.teacherInputs(tokens)
        #expect(inputs.shape == [1, 20, 8])
        let afterTwo = try quantizer.latent(of: tokens.narrowed(axis: 1, 0..<5))
        let expected = try afterTwo.permuted(0, 2, 3, 1).reshaped(1, 16, 8)  // side 4 is the latent's own
        #expect(try (inputs.narrowed(axis: 1, 4..<20) - expected).magnitude().maximum().item() == 0)
    }

    @Test("A code outside the vocabulary is an error")
    func unknownCode() throws {
        let quantizer = try tokenizer().quantizer
        #expect(throws: TorchError.self) { try quantizer.latent(of: Tensor.full([1, 21], 32, dtype: .int64)) }
    }

    @Test("Pictures come out in 0...1 and do not depend on their batch")
    func pictures() throws {
        let tokenizer = try tokenizer()
        let latent = try noise([3, 8, 4, 4]) * 20
        let pictures = try tokenizer.pictures(of: latent)
        #expect(pictures.shape == [3, 3, 8, 8])
        let values = try pictures.array(of: Float.self)
        #expect(values.allSatisfy { (0...1).contains($0) })
        let alone = try tokenizer.pictures(of: latent.narrowed(axis: 0, 1..<2)).array(of: Float.self)
        #expect(Array(values[192..<384]) == alone)
    }

    @Test("A batch whose pictures do not fit into memory fails before one is decoded")
    func tooManyPictures() throws {
        let latent = try noise([1, 8, 4, 4]).expanded([1 << 45, 8, 4, 4])
        let failure = #expect(throws: TorchError.self) { try tokenizer().pictures(of: latent) }
        #expect(failure?.isOutOfMemory == true)
    }
}
