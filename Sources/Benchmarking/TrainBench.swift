package import MVAR
package import Training

/// How long a step of training takes.
package struct TrainTimings: Codable, Hashable, Sendable {
    package let preset: String
    package let schedule: ScaleSchedule
    package let attention: String
    package let groups: ScaleGroups
    /// Pictures of a step.
    package let batch: Int
    /// The median.
    package let secondsPerStep: Double
    package let secondsPerStepMinimum: Double
    package let secondsPerStepMaximum: Double
    /// The process's largest memory; nil where the system does not tell. On a GPU its tensors' there.
    package let peakMemoryInMebibytes: Double?
    /// The most that LibTorch held on a GPU; nil on the CPU.
    package let peakReservedMebibytes: Double?

    enum CodingKeys: String, CodingKey {
        case preset, schedule, attention, groups, batch
        case secondsPerStep = "seconds_per_step"
        case secondsPerStepMinimum = "min"
        case secondsPerStepMaximum = "max"
        case peakMemoryInMebibytes = "peak_memory_mib"
        case peakReservedMebibytes = "peak_reserved_memory_mib"
    }
}

/// Measures ``Training/ModelOptimization`` on random weights and random tokens: teacher inputs, loss, gradients, AdamW.
package struct TrainBench {
    /// What the report calls the shape.
    package var preset: String
    package var transformer: TransformerConfiguration
    package var tokenizer: TokenizerConfiguration
    package var groups = ScaleGroups.all
    /// Pictures of a step, 1 or more.
    package var batch = 1
    package var recomputesActivations = false
    /// What the blocks compute in: float32, bfloat16 or, on a GPU, float16.
    package var precision = Precision.float32
    package var device = Device.cpu
    /// How often, after one step to warm up; 1 or more.
    package var runs = 3

    package init(preset: String, transformer: TransformerConfiguration, tokenizer: TokenizerConfiguration) {
        self.preset = preset
        self.transformer = transformer
        self.tokenizer = tokenizer
    }

    /// Measures.
    package func run(progress: BenchProgress = { _, _ in }) throws -> BenchReport<TrainTimings> {
        let session = try Session(self)
        var step = 0
        let stopwatch = Stopwatch(on: device)
        let spread = try stopwatch.interleaved(
            runs: runs,
            [
                {
                    defer { step += 1 }
                    return try stopwatch.seconds { try session.step(step) }
                }
            ], progress: progress)[0]
        return session.report(spread)
    }

    /// Measures one step whenever `isWanted` returns true, beginning at once, and hands the figures over.
    ///
    /// For comparisons with other programs, round by round: nothing is run to warm up.
    package func run(
        while isWanted: () -> Bool, report: (BenchReport<TrainTimings>) throws -> Void
    ) throws {
        let session = try Session(self)
        let stopwatch = Stopwatch(on: device)
        var step = 0
        while isWanted() {
            try report(session.report(Spread([stopwatch.seconds { try session.step(step) }])))
            step += 1
        }
    }
}

/// A model that learns, and random tokens to learn from.
private final class Session {
    private let bench: TrainBench
    private let optimization: ModelOptimization
    private let quantizer: MultiScaleQuantizer
    private var numbers = SystemRandomNumberGenerator()

    init(_ bench: TrainBench) throws {
        self.bench = bench
        func fresh(_ seed: UInt64) -> PlacedParameters {
            PlacedParameters(FreshParameters(seed: seed), on: bench.device)
        }
        quantizer = try MultiScaleQuantizer(bench.tokenizer, at: ParameterPath(fresh(2)) / "quantize")
        optimization = try ModelOptimization(
            bench.transformer, from: fresh(1), precision: bench.precision.dtype)
    }

    func step(_ step: Int) throws {
        let count = bench.transformer.schedule.tokenCount
        let values = (0..<bench.batch * count).map { _ in
            Int.random(in: 0..<bench.transformer.vocabularySize, using: &numbers)
        }
        let labels = (0..<bench.batch).map { $0 % bench.transformer.classes }
        let tokens = try Tensor(values, shape: [bench.batch, count]).moved(to: bench.device)
        var work = ModelStep(bench.groups.passes(step: step, of: ScalePass.all(bench.transformer)))
        work.recomputesActivations = bench.recomputesActivations
        if bench.precision == .float16 { work.lossScale = LossScale.first }
        _ = try optimization.step(
            step, work, tokens: tokens, inputs: withoutGradients { try quantizer.teacherInputs(tokens) },
            labels: Tensor(labels, shape: [bench.batch]), learningRate: 1e-4)
    }

    func report(_ spread: Spread) -> BenchReport<TrainTimings> {
        BenchReport(
            conditions: BenchConditions(precision: bench.precision, device: bench.device, runs: bench.runs),
            result: TrainTimings(
                preset: bench.preset, schedule: bench.transformer.schedule,
                attention: bench.transformer.pattern.description, groups: bench.groups, batch: bench.batch,
                secondsPerStep: spread.median, secondsPerStepMinimum: spread.minimum,
                secondsPerStepMaximum: spread.maximum,
                peakMemoryInMebibytes: Machine.peakMemoryInMebibytes(on: bench.device),
                peakReservedMebibytes: Machine.peakReservedMebibytes(on: bench.device)))
    }
}
