import ImageTokenizer
import NeuralNetworks
import ScaleTransformer
import Testing
import TokenPyramid
import Torch

@testable import Training

@Suite("A step's loss and gradients")
struct StepTests {
    private let quantizer: MultiScaleQuantizer
    private let tokens: Tensor
    private let labels: Tensor

    private static let schedule = ScaleSchedule.published256

    init() throws {
        let shape = TokenizerConfiguration(
            channels: 32, multipliers: [1], latentChannels: 4, vocabularySize: 16, schedule: Self.schedule)
        quantizer = try MultiScaleQuantizer(shape, at: ParameterPath(FreshParameters(seed: 3)) / "quantize")
        let count = Self.schedule.tokenCount
        tokens = try Tensor((0..<4 * count).map { $0 * 7 % 16 }, shape: [4, count])
        labels = try Tensor([0, 1, 2, 1], shape: [4])
    }

    private func configuration(_ pattern: AttentionPattern = .spatial(kernel: 3)) -> TransformerConfiguration {
        TransformerConfiguration(
            depth: 2, width: 32, heads: 2, classes: 2, vocabularySize: 16, latentChannels: 4, schedule: Self.schedule,
            pattern: pattern)
    }

    private func settings(_ pattern: AttentionPattern = .spatial(kernel: 3)) -> ModelTrainingSettings {
        ModelTrainingSettings(model: configuration(pattern), length: TrainingLength(steps: 100, warmUpSteps: 0))
    }

    /// The losses of a step and the gradients of all parameters.
    private func gradients(
        _ passes: [ScalePass], _ pattern: AttentionPattern = .spatial(kernel: 3), precision: DType = .float32,
        _ change: (inout ModelStep) throws -> Void = { _ in }
    ) throws -> (losses: StepLosses, gradients: [(name: String, values: [Float])]) {
        var step = ModelStep(passes)
        try change(&step)
        let parameters = TrainableParameters(FreshParameters(seed: 9)) {
            NextScaleTransformer.isInHead($0) ? .float32 : precision
        }
        // Large gains: else the blocks are close to the identity, and what they do is not seen.
        let transformer = try NextScaleTransformer(
            configuration(pattern), at: ParameterPath(parameters), drawnBy: InitialFactors(head: 1, adaLN: 1, gain: 1))
        let losses = try TeacherForcing(transformer, precision: precision).accumulate(
            step, tokens: tokens, inputs: quantizer.teacherInputs(tokens).detached(), labels: labels)
        try parameters.gatherGradients()
        return (losses, try parameters.masters.map { ($0.name, try $0.tensor.gradient?.array(of: Float.self) ?? []) })
    }

    /// The largest difference of two gradients, as a share of the largest number in either.
    private func difference(
        _ first: [(name: String, values: [Float])], _ second: [(name: String, values: [Float])]
    ) -> Float {
        var largest: Float = 0
        for (left, right) in zip(first, second) {
            #expect(left.values.count == right.values.count, "\(left.name)")
            let magnitude = (left.values + right.values).map(abs).max() ?? 0
            let apart = zip(left.values, right.values).map { abs($0 - $1) }.max() ?? 0
            if magnitude > 0 { largest = max(largest, apart / magnitude) }
        }
        return largest
    }

    @Test("Groups of scales give the loss and the gradients of one masked pass")
    func groupsEqualOnePass() throws {
        let groups = ScalePass.all(configuration())
        #expect(groups.map(\.scales) == [0..<8, 8..<9, 9..<10])
        let (split, one) = (try gradients(groups), try gradients([ScalePass(0..<10)]))
        #expect(abs(split.losses.loss - one.losses.loss) < 1e-6)
        #expect(difference(split.gradients, one.gradients) < 2e-5)
        for scale in 0..<10 {
            let (left, right) = (try #require(split.losses.perScale[scale]), try #require(one.losses.perScale[scale]))
            #expect(abs(left - right) < 1e-5)
        }
    }

    @Test(
        "Activations that are computed twice give the same gradients", arguments: ["spatial-3", "full"], [false, true])
    func recomputation(pattern: String, bfloat16: Bool) throws {
        let pattern = try #require(AttentionPattern(pattern))
        let passes = ScalePass.all(configuration(pattern))
        let precision: DType = bfloat16 ? .bfloat16 : .float32
        let plain = try gradients(passes, pattern, precision: precision)
        let twice = try gradients(passes, pattern, precision: precision) { $0.recomputesActivations = true }
        #expect(plain.losses.loss == twice.losses.loss)
        #expect(difference(plain.gradients, twice.gradients) < (bfloat16 ? 0.02 : 1e-5))
        #expect(plain.gradients.allSatisfy { $0.values.contains { $0 != 0 } })
    }

    @Test("A step in parts has the loss and the gradients of the whole")
    func parts() throws {
        let passes = ScalePass.all(configuration())
        let (whole, parts) = (try gradients(passes), try gradients(passes) { $0.parts = 2 })
        #expect(abs(whole.losses.loss - parts.losses.loss) < 1e-6)
        #expect(difference(whole.gradients, parts.gradients) < 2e-5)
        #expect(whole.losses.perScale.keys.sorted() == Array(0..<10))
    }

    @Test("A loss that is multiplied has multiplied gradients and says what it was")
    func scaled() throws {
        let passes = ScalePass.all(configuration())
        let (plain, scaled) = (try gradients(passes), try gradients(passes) { $0.lossScale = 256 })
        #expect(abs(plain.losses.loss - scaled.losses.loss) < 1e-6)
        let back = scaled.gradients.map { (name: $0.name, values: $0.values.map { $0 / 256 }) }
        #expect(difference(plain.gradients, back) < 1e-6)
    }

    @Test("Smoothed labels add the mean of all codes' entropies")
    func smoothing() throws {
        let passes = [ScalePass(0..<8)]
        let plain = try gradients(passes).losses.loss
        let half = try gradients(passes) { $0.labelSmoothing = 0.5 }.losses.loss
        let most = try gradients(passes) { $0.labelSmoothing = 0.999 }.losses.loss
        // Linear in the share.
        let expected = plain + (most - plain) * 0.5 / 0.999
        #expect(abs(half - expected) < 1e-5)
        #expect(abs(half - plain) > 1e-4)
    }

    @Test("A branch that is left out has no gradient, and all others do")
    func leftOut() throws {
        let factors = try Tensor([Float]([0, 0, 0, 0, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1]), shape: [2, 2, 4])
        let found = try gradients(ScalePass.all(configuration())) { $0.branchFactors = factors }
        for (name, values) in found.gradients where name.hasPrefix("blocks.") && !name.contains("ada_lin") {
            let isLeftOut = name.hasPrefix("blocks.0.attn.")
            #expect(values.contains { $0 != 0 } != isLeftOut, "\(name)")
        }
    }

    @Test("Some scales are learned without the others, whatever the pattern")
    func someScales() throws {
        func passes(_ text: String, _ pattern: AttentionPattern) throws -> [ScalePass] {
            var settings = settings(pattern)
            settings.scales = ScaleSelection(text)
            #expect(settings.scales != nil)
            try settings.check()
            return settings.passes(step: 0, length: settings.length)
        }
        #expect(try passes("9", .scale).map(\.scales) == [8..<9])
        #expect(try passes("2-3,10", .spatial(kernel: 3)).map(\.scales) == [1..<3, 9..<10])
        let selected = try passes("3", .full)
        #expect(selected.map(\.scales) == [0..<3])
        #expect(selected.map(\.weights) == [[0, 0, 1]])
        // With the weights of the pattern that looks back, the loss is the one of that scale alone.
        let alone = try gradients(selected, .full).losses
        let whole = try gradients([ScalePass(0..<10)], .full).losses
        let expected = try #require(whole.perScale[2]) * 9 / 680
        #expect(abs(alone.loss - expected) < 1e-6)
    }

    @Test("How many tokens are likeliest is counted per scale")
    func counts() throws {
        #expect(try gradients([ScalePass(0..<8)]).losses.right.isEmpty)
        let right = try gradients([ScalePass(0..<8)]) { $0.countsRight = true }.losses.right
        #expect(right.keys.sorted() == Array(0..<8))
        #expect(right.values.allSatisfy { (0...1).contains($0) })
        #expect(right.values.contains { $0 > 0 && $0 < 1 })
    }

    @Test("A selection of scales reads what it writes, and nothing else")
    func selections() {
        for text in ["1-8,10", "3", "1-10", "1,3,5"] { #expect(ScaleSelection(text)?.description == text) }
        #expect(ScaleSelection("10,1-3,2-5")?.description == "1-5,10")
        for text in ["", "0", "3-1", "1-", "-2", "a", "1,,2", "1-2-3", "2000"] {
            #expect(ScaleSelection(text) == nil, "\(text)")
        }
    }

    @Test("A progressive run takes in scale after scale, as the public code does")
    func progressive() throws {
        var settings = settings(.full)
        settings.progressive = ProgressiveScales(until: 0.5, first: 5, warmUpEpochs: 0.04)
        try settings.check()
        let length = settings.length.resolved(samples: 1000, batch: 10)
        func stage(_ step: Int) -> (last: Int, weight: Double)? {
            settings.progressive?.stage(step: step, of: 10, length: length)
        }
        // 100 steps, all scales from step 50 on; round(4 + 5 · step / 50).
        #expect(stage(0)?.last == 4)
        #expect(stage(5)?.last == 4)
        #expect(stage(6)?.last == 5)
        #expect(stage(25)?.last == 6)
        #expect(stage(44)?.last == 8)
        #expect(stage(46) == nil)
        #expect(stage(99) == nil)
        // Each stage but the first rises over 4 steps.
        #expect((6..<11).map { stage($0)?.weight } == [0.25, 0.5, 0.75, 1, 1])
        #expect(stage(0)?.weight == 1)
        #expect(settings.passes(step: 6, length: length).map(\.scales) == [0..<6])
        #expect(settings.passes(step: 6, length: length).map(\.weights) == [[1, 1, 1, 1, 1, 0.25]])
        settings.model.pattern = .spatial(kernel: 3)
        #expect(settings.passes(step: 44, length: length).map(\.scales) == [0..<8, 8..<9])
        settings.length.minutes = 3
        #expect(throws: TrainingError.self) { try settings.check() }
    }

    @Test("The learning rate is that of VAR's trainer in every step")
    func learningRates() {
        // Computed by its formulas: 1 epoch of warm-up of 10, 100 steps, down to 0.1.
        func rates(_ fall: RateFall, _ plateau: Double) -> [Double] {
            let length = TrainingLength(
                epochs: 10, warmUpEpochs: 1, initialFactor: 0.005, fall: fall, plateau: plateau, finalFactor: 0.1
            ).resolved(samples: 80, batch: 8)
            #expect(length.steps == 100 && length.warmUpSteps == 10)
            return [0, 5, 10, 20, 60, 99].map { length.factor(step: $0, progress: Double($0) / 100) }
        }
        func expect(_ found: [Double], _ expected: [Double]) {
            for (left, right) in zip(found, expected) { #expect(abs(left - right) < 1e-9, "\(found)") }
        }
        let rise = [0.005, 0.5025, 1.0]
        expect(rates(.cosine, 0), rise + [0.9722547835854533, 0.4631832705657264, 0.1])
        expect(rates(.linear, 0.05), rise + [0.940922531046718, 0.5151389710230633, 0.1])
        expect(rates(.exponential, 0.15), rise + [1.0, 0.32774196673046646, 0.1])
        expect(rates(.bent, 0.3), rise + [0.949438202247191, 0.5788924558587479, 0.1])
    }

    @Test("A loss scale halves where gradients are no numbers, grows back, and gives up with one line")
    func lossScale() throws {
        let scale = try LossScale()
        #expect(try scale.value == 2048)
        try scale.update(wasFinite: false, step: 0)
        #expect(try scale.value == 1024)
        for step in 0..<1000 { try scale.update(wasFinite: true, step: step) }
        #expect(try scale.value == 2048)
        let error = #expect(throws: TrainingError.self) {
            for step in 0..<100 { try scale.update(wasFinite: false, step: step) }
        }
        #expect(error?.description.contains("too large for float16 at step 26") == true, "\(error?.description ?? "")")
        #expect(error?.description.contains("\n") == false)
    }

    @Test("Settings that make no sense are refused before anything is computed")
    func refused() {
        let changes: [(inout ModelTrainingSettings) -> Void] = [
            { $0.accumulation = 3 }, { $0.accumulation = 0 }, { $0.labelSmoothing = 1 }, { $0.pathDrop = -0.1 },
            { $0.precision = .int8 }, { $0.baseLearningRate = 0 }, { $0.scales = ScaleSelection("11") },
            { $0.progressive = ProgressiveScales(until: 0) },
            { $0.progressive = ProgressiveScales(until: 0.5, first: 11) },
            { $0.length.steps = nil }, { $0.length.epochs = 0 }, { $0.length.plateau = 2 },
            { $0.length.finalFactor = -1 }, { $0.length.warmUpEpochs = -1 }, { $0.rhythm.samples = -1 },
            { ($0.length.fall, $0.length.finalFactor) = (.exponential, 0) },
        ]
        for (index, change) in changes.enumerated() {
            var settings = settings()
            change(&settings)
            let error = #expect(throws: TrainingError.self, "change \(index)") { try settings.check() }
            #expect(error?.description.contains("\n") == false)
        }
    }
}
