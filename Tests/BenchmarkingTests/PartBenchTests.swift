import MVAR
import Testing

@testable import Benchmarking

@Suite("Benches of parts") struct PartBenchTests {
    @Test("Attention has a row for every map and direction") func attention() throws {
        var bench = AttentionBench()
        (bench.sides, bench.kernel, bench.heads, bench.headWidth, bench.runs) = ([3, 5], 3, 2, 16, 1)
        let report = try bench.run()
        #expect(report.result.rows.map(\.height) == [3, 3, 5, 5])
        #expect(report.result.rows.map(\.pass) == [.forward, .backward, .forward, .backward])
        for row in report.result.rows { #expect(row.seconds > 0 && row.denseSeconds > 0) }
        let rows = try #require(try object(report)["rows"] as? [[String: any Sendable]])
        #expect(
            Set(rows[0].keys) == [
                "height", "width", "kernel", "head_dim", "heads", "precision", "pass", "seconds", "dense_seconds",
            ])
        #expect(rows[1]["pass"] as? String == "backward")
        #expect(rows[0]["precision"] as? String == "float32")
        (bench.sides, bench.precision) = ([3], .bfloat16)
        #expect(try bench.run().result.rows.map(\.precision) == ["bfloat16", "bfloat16"])
    }

    @Test("Linear layers have a row for every number of rows, out and back") func linear() throws {
        var bench = LinearBench(preset: "small", transformer: try SmallShape.transformer(.scale))
        (bench.rowCounts, bench.runs) = ([1, 7], 1)
        let report = try bench.run()
        #expect(report.result.rows.map(\.rows) == [1, 7, 1, 7])
        #expect(report.result.rows.map(\.inputs) == [64, 64, 256, 256])
        #expect(report.result.rows.map(\.outputs) == [256, 256, 64, 64])
        for row in report.result.rows {
            let operations = Double(2 * row.rows * row.inputs * row.outputs)
            #expect(abs(row.gigaflopsPerSecond * 1e9 * row.seconds / operations - 1) < 1e-9)
            #expect(abs(row.libtorchGigaflopsPerSecond * 1e9 * row.libtorchSeconds / operations - 1) < 1e-9)
        }
        let rows = try #require(try object(report)["rows"] as? [[String: any Sendable]])
        #expect(
            Set(rows[0].keys) == [
                "rows", "inputs", "outputs", "seconds", "libtorch_seconds", "gflop_per_second",
                "libtorch_gflop_per_second",
            ])
    }

    @Test("The decoder is measured by both algorithms", arguments: [1, 2]) func decoder(batch: Int) throws {
        var bench = TokenizerBench(preset: "small", tokenizer: try SmallShape.tokenizer())
        (bench.batch, bench.runs) = (batch, 2)
        let report = try bench.decoder()
        let result = report.result
        #expect(0 < result.secondsPerImageMinimum && result.secondsPerImageMinimum <= result.secondsPerImage)
        #expect(result.secondsPerImage <= result.secondsPerImageMaximum)
        #expect(0 < result.directSecondsPerImageMinimum)
        #expect(result.directSecondsPerImageMinimum <= result.directSecondsPerImage)
        #expect(result.directSecondsPerImage <= result.directSecondsPerImageMaximum)
        let keys = Set(try object(report).keys)
        #expect(keys.isSuperset(of: conditionKeys))
        #expect(keys.isSuperset(of: ["preset", "batch", "seconds_per_image", "direct_seconds_per_image"]))
    }

    @Test("Every part of the tokenizer has its row") func tokenizer() throws {
        var bench = TokenizerBench(preset: "small", tokenizer: try SmallShape.tokenizer())
        bench.runs = 1
        var calls: [[Int]] = []
        let report = try bench.parts { calls.append([$0, $1]) }
        #expect(report.result.rows.map(\.part) == [.encoder, .quantizer, .lookup, .decoder])
        for row in report.result.rows {
            #expect(row.secondsPerImage > 0 && row.secondsPerImage == row.secondsPerImageMinimum)
        }
        #expect(calls.first == [0, 8] && calls.last == [8, 8])
    }
}
