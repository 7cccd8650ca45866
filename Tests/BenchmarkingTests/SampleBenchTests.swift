import MVAR
import Testing

@testable import Benchmarking

@Suite("Bench of whole pictures") struct SampleBenchTests {
    @Test("All keys are there, in one flat object") func keys() throws {
        var bench = try SmallShape.sample(.spatial(kernel: 3))
        bench.runs = 2
        let report = try bench.run()
        #expect(
            Set(try object(report).keys)
                == conditionKeys.union([
                    "preset", "schedule", "attention", "batch", "seconds_per_image", "min",
                    "max", "transformer_seconds", "decoder_seconds", "seconds_by_scale",
                    "peak_memory_mib", "kv_cache_allocated_mib", "gflop_per_second", "ceiling_share",
                    "transformer_ceiling_share",
                ]))
        #expect(report.conditions.runs == 2)
        #expect(report.conditions.precision == "float32")
        #expect(report.conditions.threads == LibTorch.threadCount)
        #expect(report.result.preset == "small")
        #expect(report.result.attention == "spatial-3")
    }

    @Test("The parts of one run are its whole", arguments: [1, 3]) func sums(batch: Int) throws {
        var bench = try SmallShape.sample(.scale)
        bench.batch = batch
        bench.runs = 1
        let result = try bench.run().result
        #expect(result.secondsByScale.count == 4)
        #expect(result.secondsByScale.allSatisfy { $0 > 0 })
        #expect(result.decoderSeconds > 0)
        #expect(abs(result.secondsByScale.reduce(0, +) - result.transformerSeconds) < 1e-9)
        #expect(abs(result.transformerSeconds + result.decoderSeconds - result.secondsPerImage) < 1e-9)
        #expect(result.secondsPerImageMinimum == result.secondsPerImage)
        #expect(result.secondsPerImageMaximum == result.secondsPerImage)
        let work = ImageWork(bench.transformer, bench.tokenizer, isGuided: true).floatingPointOperations
        #expect(abs(result.gigaflopsPerSecond * 1e9 * result.secondsPerImage / work - 1) < 1e-9)
        #expect(result.ceilingShare > 0)
        let peak = try #require(result.peakMemoryInMebibytes)
        #expect(peak > 1)
    }

    @Test("Keys and values are kept only where the pattern looks back") func keyValues() throws {
        func kept(_ pattern: AttentionPattern, batch: Int = 1) throws -> Double {
            var bench = try SmallShape.sample(pattern)
            bench.batch = batch
            bench.runs = 1
            return try bench.run().result.keyValueMebibytes
        }
        #expect(try kept(.scale) == 0)
        #expect(try kept(.spatial(kernel: 3)) == 0)
        // Two halves, two blocks, keys and values of 64 float32 for each of the 14 tokens before the last scale.
        #expect(try kept(.full) == Double(2 * 2 * 2 * 64 * 4 * 14) / 1_048_576)
        #expect(try kept(.full, batch: 3) == 3 * kept(.full))
        #expect(try kept(.window(1)) < kept(.full))
    }

    @Test("Half precision is measured as such") func halfPrecision() throws {
        var bench = try SmallShape.sample(.scale)
        bench.precision = .bfloat16
        bench.runs = 1
        let report = try bench.run()
        #expect(report.conditions.precision == "bfloat16")
        #expect(report.result.secondsPerImage > 0)
    }

    @Test("Batches that are asked for are reported one by one") func onRequest() throws {
        let bench = try SmallShape.sample(.scale)
        var asked = 0
        var reports: [BenchReport<SampleTimings>] = []
        try bench.run(
            while: {
                asked += 1
                return asked <= 2
            }, report: { reports.append($0) })
        #expect(asked == 3)
        #expect(reports.map(\.conditions.runs) == [1, 1])
        #expect(reports.allSatisfy { $0.result.secondsPerImage == $0.result.secondsPerImageMaximum })
    }

    @Test("LibTorch's operators take the place of ours where savings are left out, and only there")
    func savings() throws {
        let tensor = try Tensor.zeros([1])
        func own() -> [Bool] { [tensor.hasFusedLinear, tensor.hasFusedOperators(), tensor.hasNeighborhoodAttention] }
        Saving.leavingOut([.linear]) { #expect(own() == [false, true, true]) }
        Saving.leavingOut([.convolution]) { #expect(own() == [true, false, true]) }
        Saving.leavingOut([.attention]) { #expect(own() == [true, true, false]) }
        #expect(own() == [true, true, true])
        var bench = try SmallShape.sample(.spatial(kernel: 3))
        bench.runs = 1
        var seconds = 0.0
        try Saving.leavingOut([.linear, .convolution, .attention]) { seconds = try bench.run().result.secondsPerImage }
        #expect(seconds > 0)
    }

    @Test("Progress goes from nothing to all, the warming up among it") func progress() throws {
        var bench = try SmallShape.sample(.scale)
        bench.runs = 2
        var calls: [[Int]] = []
        _ = try bench.run { calls.append([$0, $1]) }
        #expect(calls == [[0, 3], [1, 3], [2, 3], [3, 3]])
    }
}
