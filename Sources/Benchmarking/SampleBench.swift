package import MVAR

/// How long a picture takes.
package struct SampleTimings: Codable, Hashable, Sendable {
    package let preset: String
    package let schedule: ScaleSchedule
    package let attention: String
    /// Pictures that are computed together.
    package let batch: Int
    /// The median; all seconds are for one picture, guided.
    package let secondsPerImage: Double
    package let secondsPerImageMinimum: Double
    package let secondsPerImageMaximum: Double
    /// From the classes to f̂, with the choice of tokens.
    package let transformerSeconds: Double
    /// From f̂ to pixels.
    package let decoderSeconds: Double
    /// ``transformerSeconds`` scale by scale; what the classes change in the blocks is in the first. Empty where a GPU makes
    /// all scales at once.
    package let secondsByScale: [Double]
    /// The process's largest memory; nil where the system does not tell. On a GPU its tensors' there.
    package let peakMemoryInMebibytes: Double?
    /// The most that LibTorch held on a GPU; nil on the CPU.
    package let peakReservedMebibytes: Double?
    /// The most that keys and values for later scales took at once.
    package let keyValueMebibytes: Double
    /// ``ImageWork`` over ``secondsPerImage``, in 10⁹ operations a second.
    package let gigaflopsPerSecond: Double
    /// The share of a large matrix product's rate, measured between the runs: in bfloat16 for bfloat16, else
    /// float32; on a GPU in what the model computes in.
    package let ceilingShare: Double
    /// The same of the transformer alone.
    package let transformerCeilingShare: Double

    enum CodingKeys: String, CodingKey {
        case preset, schedule, attention, batch
        case secondsPerImage = "seconds_per_image"
        case secondsPerImageMinimum = "min"
        case secondsPerImageMaximum = "max"
        case transformerSeconds = "transformer_seconds"
        case decoderSeconds = "decoder_seconds"
        case secondsByScale = "seconds_by_scale"
        case peakMemoryInMebibytes = "peak_memory_mib"
        case peakReservedMebibytes = "peak_reserved_memory_mib"
        case keyValueMebibytes = "kv_cache_allocated_mib"
        case gigaflopsPerSecond = "gflop_per_second"
        case ceilingShare = "ceiling_share"
        case transformerCeilingShare = "transformer_ceiling_share"
    }
}

/// Measures ``MVAR/ImageGenerator`` on random weights.
package struct SampleBench {
    /// What the report calls the shape.
    package var preset: String
    package var transformer: TransformerConfiguration
    package var tokenizer: TokenizerConfiguration
    /// Pictures that are computed together, 1 or more.
    package var batch = 1
    package var precision = Precision.float32
    package var device = Device.cpu
    /// How often, after those that warm up; 1 or more.
    package var runs = 3

    package init(preset: String, transformer: TransformerConfiguration, tokenizer: TokenizerConfiguration) {
        self.preset = preset
        self.transformer = transformer
        self.tokenizer = tokenizer
    }

    /// Measures.
    package func run(progress: BenchProgress = { _, _ in }) throws -> BenchReport<SampleTimings> {
        // A GPU's second batch is recorded, and only the third is what all others are.
        let warmUps = device == .cpu ? 1 : 2
        progress(0, warmUps + runs)
        let session = try Session(self)
        var measured: [Session.Run] = []
        for index in 0..<warmUps + runs {
            let run = try session.run()
            if index >= warmUps { measured.append(run) }
            progress(index + 1, warmUps + runs)
        }
        return session.report(of: measured)
    }

    /// Measures one batch whenever `isWanted` returns true, beginning at once, and hands the figures over.
    ///
    /// For comparisons with other programs, round by round: nothing is run to warm up.
    package func run(
        while isWanted: () -> Bool, report: (BenchReport<SampleTimings>) throws -> Void
    ) throws {
        let session = try Session(self)
        while isWanted() { try report(session.report(of: [session.run()])) }
    }
}

/// A model in memory, which makes one batch after another.
private struct Session {
    private let bench: SampleBench
    private let generator: ImageGenerator
    private let request: GenerationRequest

    init(_ bench: SampleBench) throws {
        self.bench = bench
        let files = try RandomModel(bench.transformer, bench.tokenizer)
        generator = ImageGenerator(try files.load(precision: bench.precision, device: bench.device))
        request = GenerationRequest(
            classes: (0..<bench.batch).map { $0 % bench.transformer.classes }, seed: 1,
            parameters: generator.defaultParameters)
    }

    /// One batch, measured: seconds for all of its pictures, and what the machine could do at that moment.
    struct Run {
        var scales: [Double] = []
        var decoder = 0.0
        var keyValueBytes = 0
        var ceiling = 0.0
        var transformer: Double { scales.reduce(0, +) }
        var total: Double { transformer + decoder }
    }

    /// A scale ends by reading its tokens, and a picture by reading its pixels: no GPU is still at work then.
    func run() throws -> Run {
        var run = Run()
        let scales = bench.transformer.schedule.count
        var isSampled = false
        let clock = ContinuousClock()
        var last = clock.now
        func lap() -> Double {
            let before = last
            last = clock.now
            return (last - before) / .seconds(1)
        }
        try generator.generate(
            request, batch: bench.batch,
            progress: { progress in
                guard !isSampled else {
                    run.decoder += lap()
                    return
                }
                run.scales.append(lap())
                run.keyValueBytes = max(run.keyValueBytes, progress.keyValueBytes)
                isSampled = progress.finishedScales == scales
            }, receive: { _ in })
        run.ceiling = try Machine.productRate(bench.precision, on: bench.device)
        return run
    }

    func report(of runs: [Run]) -> BenchReport<SampleTimings> {
        func perImage(_ seconds: (Run) -> Double) -> Spread { Spread(runs.map { seconds($0) / Double(bench.batch) }) }
        let total = perImage(\.total)
        let transformer = bench.transformer
        let isByScale = runs.allSatisfy { $0.scales.count == transformer.schedule.count }
        let work = ImageWork(transformer, bench.tokenizer, isGuided: request.parameters.guidance > 0)
        let ceiling = Spread(runs.map(\.ceiling)).median
        let rate = work.floatingPointOperations / total.median
        let timings = SampleTimings(
            preset: bench.preset, schedule: transformer.schedule, attention: transformer.pattern.description,
            batch: bench.batch,
            secondsPerImage: total.median, secondsPerImageMinimum: total.minimum,
            secondsPerImageMaximum: total.maximum, transformerSeconds: perImage(\.transformer).median,
            decoderSeconds: perImage(\.decoder).median,
            secondsByScale: isByScale
                ? transformer.schedule.sides.indices.map { scale in perImage { $0.scales[scale] }.median } : [],
            peakMemoryInMebibytes: Machine.peakMemoryInMebibytes(on: bench.device),
            peakReservedMebibytes: Machine.peakReservedMebibytes(on: bench.device),
            keyValueMebibytes: Double(runs.reduce(0) { max($0, $1.keyValueBytes) }) / 1_048_576,
            gigaflopsPerSecond: rate / 1e9, ceilingShare: rate / ceiling,
            transformerCeilingShare: 2 * Double(work.transformer) / perImage(\.transformer).median / ceiling)
        return BenchReport(
            conditions: BenchConditions(precision: bench.precision, device: bench.device, runs: runs.count),
            result: timings)
    }
}
