import MVAR
import Testing

@testable import Benchmarking

@Suite("Bench of training") struct TrainBenchTests {
    @Test("All keys are there, in one flat object", arguments: [ScaleGroups.all, .cycle(coarseSteps: 2)])
    func keys(groups: ScaleGroups) throws {
        let shape = try SmallShape.sample(.spatial(kernel: 3))
        var bench = TrainBench(preset: "small", transformer: shape.transformer, tokenizer: shape.tokenizer)
        bench.groups = groups
        bench.batch = 2
        bench.runs = 2
        let report = try bench.run()
        #expect(
            Set(try object(report).keys)
                == conditionKeys.union([
                    "preset", "schedule", "attention", "groups", "batch", "seconds_per_step", "min", "max",
                    "peak_memory_mib",
                ]))
        #expect(report.result.groups == groups)
        #expect(report.result.secondsPerStepMinimum > 0)
        #expect(report.result.secondsPerStepMinimum <= report.result.secondsPerStep)
        #expect(report.result.secondsPerStep <= report.result.secondsPerStepMaximum)
    }

    @Test("Line by line every step is measured alone") func lines() throws {
        let shape = try SmallShape.sample(.full)
        let bench = TrainBench(preset: "small", transformer: shape.transformer, tokenizer: shape.tokenizer)
        var (wanted, found) = (2, 0)
        try bench.run(
            while: {
                wanted -= 1
                return wanted >= 0
            }, report: { _ in found += 1 })
        #expect(found == 2)
    }
}
