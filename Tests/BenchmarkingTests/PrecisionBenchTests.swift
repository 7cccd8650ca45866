import Foundation
import MVAR
import TestSupport
import Testing

@testable import Benchmarking

@Suite("What precisions lose") struct PrecisionBenchTests {
    private func bench(_ model: String, _ precisions: [Precision]) -> PrecisionBench {
        var bench = PrecisionBench(model) { precision in
            var source = ModelSource(model: model)
            source.precision = precision
            return try LoadedModel(source)
        }
        bench.precisions = precisions
        return bench
    }

    private static let mini64 = Fixture.path("mini64/model.pth")
    /// The one that comes with the package, a trained one.
    private static let trained = Fixture.folder.deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("models/default").path

    @Test("float32 loses nothing, fewer bits lose more") func order() throws {
        var bench = bench(Self.mini64, [.float32, .int16, .int8])
        bench.pictures = 2
        let rows = try bench.run().result.rows
        #expect(rows[0].tokenAgreement == 1 && rows[0].logitError == 0)
        #expect(rows[0].pictureDecibels == nil && rows[0].decoderDecibels == nil)
        #expect(0 < rows[1].logitError && 4 * rows[1].logitError < rows[2].logitError)
        #expect(rows[2].tokenAgreement < rows[1].tokenAgreement)
        let decibels = try #require(rows[2].pictureDecibels)
        #expect(0 < decibels && decibels < 60)
    }

    @Test("The share is that of places whose likeliest token is the same") func agreement() throws {
        var bench = bench(Self.mini64, [.int8])
        (bench.pictures, bench.guidance) = (1, 0)
        let found = try bench.run().result.rows[0].tokenAgreement
        func likeliest(_ precision: Precision) throws -> [Int32] {
            var source = ModelSource(model: Self.mini64)
            let model = try LoadedModel(source)
            let generator = ImageGenerator(model)
            var parameters = generator.defaultParameters
            parameters.guidance = 0
            var tokens: [Int32] = []
            try generator.generate(GenerationRequest(classes: [0], seed: 1, parameters: parameters)) {
                tokens = $0.tokens
            }
            source.precision = precision
            let other = try LoadedModel(source)
            let condition = try other.transformer.condition(on: [0])
            let codes = try Tensor(tokens, shape: [1, 680]).converted(to: .int64)
            let logits = try withoutGradients {
                try other.transformer.logits(
                    ofScales: 0..<10, inputs: other.tokenizer.quantizer.teacherInputs(codes), condition: condition)
            }
            return try logits.indexOfMaximum(axis: -1).array(of: Int32.self)
        }
        let same = try zip(likeliest(.float32), likeliest(.int8)).count { $0 == $1 }
        #expect(same < 680)
        #expect(found == Double(same) / 680)
    }

    @Test(
        "What auto takes keeps 99 of 100 likeliest tokens of a trained model in every instruction set, guided or not",
        arguments: [nil, 0])
    func automatic(guidance: Double?) throws {
        var bench = bench(Self.trained, [])
        (bench.pictures, bench.guidance) = (8, guidance)
        try LibTorch.withEachInstructionSet { set in
            let precision = Precision.automatic(on: .cpu)
            guard precision != .float32 else { return }
            bench.precisions = [precision]
            let row = try bench.run().result.rows[0]
            #expect(row.tokenAgreement >= 0.99, "\(precision) in \(set): \(row)")
        }
    }

    @Test("int16 is off by at most 2e-3 of the largest logit") func int16() throws {
        var bench = bench(Self.trained, [.int16])
        bench.pictures = 8
        #expect(try bench.run().result.rows[0].logitError <= 2e-3)
    }

    @Test("Random weights that are to act let a precision's loss be seen, a fresh model's hide it") func acting() throws
    {
        func loss(_ weights: RandomModel.Weights) throws -> Double {
            let model = try RandomModel(SmallShape.transformer(.scale), SmallShape.tokenizer(), weights: weights)
            var bench = PrecisionBench("small") { try model.load(precision: $0, device: .cpu) }
            (bench.pictures, bench.precisions) = (1, [.int8])
            return try bench.run().result.rows[0].logitError
        }
        #expect(try loss(.acting) > 1e-3)
        let fresh = try loss(.fresh)
        #expect(fresh < 1e-4)
    }

    @Test("All keys are there, in one flat object, and progress goes from nothing to all") func keys() throws {
        var bench = bench(Self.mini64, [.float32, .float16])
        bench.pictures = 1
        var calls: [[Int]] = []
        let report = try bench.run { calls.append([$0, $1]) }
        #expect(calls == [[0, 3], [1, 3], [2, 3], [3, 3]])
        #expect(
            try Set(object(report).keys)
                == conditionKeys.subtracting(["precision", "runs"])
                .union(["model", "attention", "pictures", "tokens", "rows"]))
        let rows = try #require(try object(report)["rows"] as? [[String: any Sendable]])
        #expect(
            Set(rows[0].keys) == ["precision", "token_agreement", "logit_error", "picture_psnr", "decoder_psnr"])
        #expect(rows.map { $0["precision"] as? String } == ["float32", "float16"])
        #expect((report.result.tokens, report.result.pictures) == (680, 1))
    }
}
