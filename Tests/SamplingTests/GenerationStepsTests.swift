import Checkpoints
import Foundation
import ImageTokenizer
import Sampling
import Testing
import TokenPyramid
import Torch

@Suite("The scales as a sequence of steps") struct GenerationStepsTests {
    private static func request(smooth: Bool = false) -> GenerationRequest {
        var parameters = Mini64.lively
        parameters.isSmooth = smooth
        return GenerationRequest(classes: [2, 0], images: [3, 8], seed: 7, parameters: parameters)
    }

    @Test("Steps come from coarse to fine, each with its map")
    func order() async throws {
        let model = try Mini64()
        let generation = try model.generation(Self.request())
        var tokens: [[Int32]] = [[], []]
        var sides: [Int] = []
        for try await step in generation {
            #expect(step.scale == sides.count)
            #expect(generation.nextScale == step.scale + 1)
            sides.append(step.side)
            for picture in 0..<2 { tokens[picture] += step.tokens[picture] }
        }
        #expect(sides == ScaleSchedule.published256.sides)
        #expect(try generation.tokens == tokens)
        #expect(try generation.advance() == nil)
        let decoded = try model.quantizer.latent(
            of: Tensor(tokens.flatMap(\.self), shape: [2, 680]).converted(to: .int64))
        #expect(try decoded.array(of: Float.self) == generation.latent.array(of: Float.self))
    }

    @Test("A loop that was left can be entered again")
    func stopAndGoOn() async throws {
        let model = try Mini64()
        let generation = try model.generation(Self.request())
        for try await step in generation where step.scale == 4 { break }
        #expect(generation.nextScale == 5)
        for try await _ in generation {}
        #expect(try generation.tokens == model.finished(Self.request()).tokens)
    }

    @Test("A cancelled task ends between two scales")
    func cancellation() async throws {
        let task = Task {
            let generation = try Mini64().generation(Self.request())
            do {
                for try await step in generation where step.scale == 2 { withUnsafeCurrentTask { $0?.cancel() } }
            } catch is CancellationError {
                return generation.nextScale
            }
            return -1
        }
        #expect(try await task.value == 3)
    }

    @Test(
        "Resuming after any scale gives what one run gives",
        arguments: [AttentionPattern.full, .window(2), .spatial(kernel: 7)], [false, true])
    func resume(pattern: AttentionPattern, smooth: Bool) throws {
        let model = try Mini64(pattern)
        let request = Self.request(smooth: smooth)
        let whole = try model.finished(request)
        let pixels = try whole.latent.array(of: Float.self)
        let interrupted = try model.generation(request)
        for scale in 0...10 {
            #expect(interrupted.nextScale == scale)
            let state = try interrupted.state
            let saved = try GenerationState(tensors: state.tensors(), metadata: state.metadata())
            let resumed = try ImageGeneration(
                resuming: saved, transformer: model.transformer, quantizer: model.quantizer)
            #expect(resumed.nextScale == scale)
            while try resumed.advance() != nil {}
            #expect(try resumed.tokens == whole.tokens, "resumed at scale \(scale)")
            #expect(try resumed.latent.array(of: Float.self) == pixels, "resumed at scale \(scale)")
            _ = try interrupted.advance()
        }
    }

    @Test("Replaced tokens are built upon", arguments: [AttentionPattern.full, .spatial(kernel: 7)], [false, true])
    func replacing(pattern: AttentionPattern, smooth: Bool) throws {
        let model = try Mini64(pattern)
        let plain = try model.finished(Self.request(smooth: smooth))
        let changed = try model.generation(Self.request(smooth: smooth))
        var latent: [Float] = []
        while let step = try changed.advance() {
            guard step.scale == 3 else { continue }
            // The same tokens change nothing.
            let unchanged = try changed.replaceTokens(step.tokens)
            #expect(try unchanged.array(of: Float.self) == step.latent.array(of: Float.self))
            var tokens = step.tokens
            tokens[1][5] = (tokens[1][5] + 1) % 64
            latent = try changed.replaceTokens(tokens).array(of: Float.self)
            #expect(try latent != step.latent.array(of: Float.self))
            #expect(try changed.latent.array(of: Float.self) == latent)
        }
        let (before, after) = (try plain.tokens, try changed.tokens)
        #expect(after[0] == before[0])
        #expect(after[1][..<14] == before[1][..<14])
        #expect(after[1][14 + 5] == (before[1][14 + 5] + 1) % 64)
        #expect(after[1][30...] != before[1][30...])
    }

    @Test("Replacing by what another run drew gives that run")
    func replaying() throws {
        let model = try Mini64(.window(1))
        let other = try model.finished(
            GenerationRequest(classes: [2, 0], seed: 1, parameters: SamplingParameters(guidance: 1)))
        let generation = try model.generation(
            GenerationRequest(classes: [2, 0], seed: 99, parameters: SamplingParameters(guidance: 1)))
        let tokens = try other.tokens
        while let step = try generation.advance() {
            let range = ScaleSchedule.published256.range(ofScale: step.scale)
            try generation.replaceTokens(tokens.map { Array($0[range]) })
        }
        #expect(try generation.latent.array(of: Float.self) == other.latent.array(of: Float.self))
    }

    @Test("Tokens that do not fit the step are refused and change nothing")
    func replacementErrors() throws {
        let model = try Mini64()
        let generation = try model.generation(Self.request())
        #expect(throws: SamplingError.nothingToReplace) { try generation.replaceTokens([[0], [0]]) }
        let step = try #require(try generation.advance())
        #expect(throws: SamplingError.pictureCount(expected: 2, found: 1)) { try generation.replaceTokens([[0]]) }
        #expect(throws: SamplingError.tokenCount(picture: 1, expected: 1, found: 2)) {
            try generation.replaceTokens([[0], [0, 1]])
        }
        #expect(throws: SamplingError.tokenOutOfRange(-1, picture: 0, place: 0, vocabularySize: 64)) {
            try generation.replaceTokens([[-1], [0]])
        }
        #expect(throws: SamplingError.tokenOutOfRange(64, picture: 1, place: 0, vocabularySize: 64)) {
            try generation.replaceTokens([[0], [64]])
        }
        #expect(try generation.tokens == step.tokens)
    }
}
