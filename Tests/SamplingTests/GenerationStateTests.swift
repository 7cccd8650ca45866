import Foundation
import Sampling
import Testing
import TokenPyramid
import Torch

@Suite("Saved generations") struct GenerationStateTests {
    /// A state in the middle, as tensors and texts.
    private static func saved(
        _ model: Mini64, smooth: Bool = false
    ) throws -> (tensors: [String: Tensor], metadata: [String: String]) {
        var parameters = Mini64.lively
        parameters.isSmooth = smooth
        let generation = try model.generation(GenerationRequest(classes: [2, 0], seed: 7, parameters: parameters))
        for _ in 0..<3 { _ = try generation.advance() }
        return (try generation.state.tensors(), try generation.state.metadata())
    }

    private static func resume(
        _ saved: (tensors: [String: Tensor], metadata: [String: String]), _ model: Mini64
    ) throws {
        let state = try GenerationState(tensors: saved.tensors, metadata: saved.metadata)
        _ = try ImageGeneration(resuming: state, transformer: model.transformer, quantizer: model.quantizer)
    }

    @Test("A state without its text, its tokens or its vectors is refused", arguments: [false, true])
    func missingParts(smooth: Bool) throws {
        let model = try Mini64()
        let whole = try Self.saved(model, smooth: smooth)
        try Self.resume(whole, model)
        #expect(
            whole.tensors.keys.sorted()
                == (smooth ? ["generation.tokens", "generation.vectors"] : ["generation.tokens"]))
        for name in whole.tensors.keys {
            var damaged = whole
            damaged.tensors[name] = nil
            #expect(throws: SamplingError.self, "\(name)") { try Self.resume(damaged, model) }
            damaged.tensors[name] = try Tensor.zeros([2, 5])
            #expect(throws: SamplingError.self, "\(name)") { try Self.resume(damaged, model) }
        }
        #expect(throws: SamplingError.self) { try Self.resume((whole.tensors, [:]), model) }
    }

    @Test(
        "A text that does not fit is refused in one line",
        arguments: [
            ("\"finishedScales\":3", "\"finishedScales\":11"), ("\"finishedScales\":3", "\"finishedScales\":-1"),
            ("\"finishedScales\":3", "\"finishedScales\":4"), ("\"classes\":[2,0]", "\"classes\":[2,9]"),
            ("\"classes\":[2,0]", "\"classes\":[2]"), ("\"images\":[0,1]", "\"images\":[0,-1]"),
            ("\"top_p\":0.95", "\"top_p\":1.95"), ("spatial-7", "spatial-5"), ("spatial-7", "none"),
            ("13,16]", "13,17]"), ("13,16]", "13,13]"), ("\"vocabularySize\":64", "\"vocabularySize\":32"), ("{", "["),
        ])
    func text(found: String, replacement: String) throws {
        let model = try Mini64()
        var saved = try Self.saved(model)
        let text = try #require(saved.metadata["generation"])
        #expect(text.contains(found))
        saved.metadata["generation"] = text.replacingOccurrences(of: found, with: replacement)
        let error = try #require(throws: SamplingError.self) { try Self.resume(saved, model) }
        #expect(!error.description.contains("\n"))
    }

    @Test("Tokens that are no codes are refused")
    func tokens() throws {
        let model = try Mini64()
        var saved = try Self.saved(model)
        saved.tensors["generation.tokens"] = try Tensor.full([2, 14], 64, dtype: .int32)
        #expect(throws: SamplingError.tokenOutOfRange(64, picture: 0, place: 0, vocabularySize: 64)) {
            try Self.resume(saved, model)
        }
    }

    @Test("A model with another pattern does not go on")
    func otherPattern() throws {
        let saved = try Self.saved(try Mini64(.full))
        #expect(
            throws: SamplingError.unlikeState(property: "attention pattern", model: "window-2", state: "full")
        ) { try Self.resume(saved, try Mini64(.window(2))) }
    }
}
