import Sampling
import Testing
import Torch

@Suite("Mixtures of codes") struct GumbelMixtureTests {
    @Test("Weighs codes as the public code does, given its noise")
    func golden() throws {
        let file = "sampling.safetensors"
        let logits = try TokenFilter(topK: 12, topP: 0.96).filtered(Mini64.golden("sampling.logits", file: file))
        let mixture = GumbelMixture(progress: 4.0 / 9.0)
        #expect(abs(mixture.temperature - 0.156) < 1e-15)
        let found = try mixture.weights(logits, exponential: Mini64.golden("sampling.smooth.exponential", file: file))
        let expected = try Mini64.golden("sampling.smooth.weights", file: file)
        // Logits up to 50 are divided by a temperature of 0.156: float32 leaves 5 digits.
        let size = logits.shape[2]
        let (a, b) = (try found.array(of: Float.self), try expected.array(of: Float.self))
        var worst: Float = 0
        for row in 0..<a.count / size {
            let range = row * size..<(row + 1) * size
            // Rows [0, 1] and [0, 2] hold ties, among which top-p may choose.
            if ![1, 2].contains(row) { for index in range { worst = max(worst, abs(a[index] - b[index])) } }
        }
        #expect(worst <= 2e-5)
    }

    @Test("A code that was dropped weighs nothing, and the others add up to 1")
    func weights() throws {
        let logits = try Tensor([1, -.infinity, 3, 0] as [Float], shape: [1, 1, 4])
        let noise = try GumbelMixture.exponential(seed: 1, images: [0], scale: 3, tokens: 1, vocabularySize: 4)
        for progress in [0, 0.5, 1] {
            let weights = try GumbelMixture(progress: progress).weights(logits, exponential: noise)
                .array(of: Float.self)
            #expect(weights[1] == 0)
            #expect(abs(weights.reduce(0, +) - 1) < 1e-6)
        }
    }

    @Test("The noise is exponential: its mean and its variance are 1")
    func noise() throws {
        let noise = try GumbelMixture.exponential(seed: 1, images: [0, 1], scale: 3, tokens: 100, vocabularySize: 100)
            .array(of: Float.self).map(Double.init)
        let mean = noise.reduce(0, +) / Double(noise.count)
        let variance = noise.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(noise.count)
        // Of 20,000 numbers the mean strays by 0.007, the variance by 0.02.
        #expect(abs(mean - 1) < 0.03)
        #expect(abs(variance - 1) < 0.1)
        #expect(noise.allSatisfy { $0 > 0 && $0.isFinite })
    }

    @Test("Smooth pictures differ from plain ones, and their tokens are the heaviest codes")
    func generation() throws {
        let model = try Mini64()
        var parameters = Mini64.lively
        let plain = try model.result(GenerationRequest(classes: [1], seed: 5, parameters: parameters))
        parameters.isSmooth = true
        let smooth = try model.result(GenerationRequest(classes: [1], seed: 5, parameters: parameters))
        #expect(smooth[0].pixels != plain[0].pixels)
        #expect(smooth[0].tokens.allSatisfy { (0..<64).contains($0) })
        // The limit of a cold distribution is one code, mixture or not.
        parameters.temperature = 0
        let cold = try model.result(GenerationRequest(classes: [1], seed: 5, parameters: parameters))
        let greedy = try model.result(
            GenerationRequest(classes: [1], seed: 5, parameters: .greedy(guidance: parameters.guidance)))
        #expect(cold == greedy)
    }
}
