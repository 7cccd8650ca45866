import Foundation
import Sampling
import Testing

@Suite("Sampling parameters") struct SamplingParametersTests {
    @Test(
        "A number that makes no sense is refused by the name of its option",
        arguments: [
            (SamplingParameters(guidance: .nan), "--cfg"), (SamplingParameters(guidance: -1), "--cfg"),
            (SamplingParameters(guidance: .infinity), "--cfg"), (SamplingParameters(topK: -1), "--top-k"),
            (SamplingParameters(topP: 1.01), "--top-p"), (SamplingParameters(topP: -0.1), "--top-p"),
            (SamplingParameters(topP: .nan), "--top-p"), (SamplingParameters(temperature: .nan), "--temperature"),
            (SamplingParameters(temperature: -0.5), "--temperature"),
            (SamplingParameters(temperature: .infinity), "--temperature"),
        ])
    func refused(parameters: SamplingParameters, option: String) throws {
        let error = try #require(throws: SamplingError.self) { try parameters.check() }
        #expect(error.description.hasPrefix(option + " "))
        #expect(!error.description.contains("\n"))
    }

    @Test("The ends of every range are accepted")
    func accepted() throws {
        try SamplingParameters(guidance: 0, topK: 0, topP: 0, temperature: 0).check()
        try SamplingParameters(guidance: 100, topK: .max, topP: 1, temperature: 1000).check()
    }

    @Test("Published models get the settings of their authors")
    func published() {
        #expect(
            SamplingParameters.published(depth: 16, isMVAR: true)
                == SamplingParameters(guidance: 2.7, topK: 1200, topP: 0.99))
        #expect(
            SamplingParameters.published(depth: 20, isMVAR: true)
                == SamplingParameters(guidance: 1.5, topK: 900, topP: 0.96))
        #expect(
            SamplingParameters.published(depth: 24, isMVAR: true)
                == SamplingParameters(guidance: 1.4, topK: 900, topP: 0.96))
        #expect(
            SamplingParameters.published(depth: 16, isMVAR: false)
                == SamplingParameters(guidance: 1.5, topK: 900, topP: 0.96))
    }

    @Test("Parameters come back from JSON, a seed of 64 bits included")
    func coding() throws {
        let request = GenerationRequest(
            classes: [1, 4], images: [7, 1 << 33], seed: .max,
            parameters: SamplingParameters(guidance: 1.5, topK: 3, topP: 0.1, temperature: 0.7, isSmooth: true))
        let decoded = try JSONDecoder().decode(GenerationRequest.self, from: JSONEncoder().encode(request))
        #expect(decoded == request)
    }
}
