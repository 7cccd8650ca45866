import MVAR
import Testing

@testable import Benchmarking

@Suite("Random weights") struct RandomModelTests {
    @Test(
        "A model is loaded in the shape that it was made of",
        arguments: [
            (AttentionPattern.full, false, true), (.spatial(kernel: 5), true, true), (.window(1), false, false),
        ])
    func loading(pattern: AttentionPattern, sharesAdaLN: Bool, normalizes: Bool) throws {
        let shape = try SmallShape.transformer(pattern, sharesAdaLN: sharesAdaLN, normalizes: normalizes)
        let tokenizer = try SmallShape.tokenizer()
        let model = try RandomModel(shape, tokenizer).load(precision: .float32, device: .cpu)
        #expect(model.transformer.configuration == shape)
        #expect(model.tokenizer.configuration.schedule == tokenizer.schedule)
        #expect(model.tokenizer.configuration.channels == 32)
    }

    @Test("Weights are spread as fresh ones are, and rows differ") func distribution() throws {
        var numbers = RandomNumbers()
        let values = try numbers.tensor([1200, 1024], .normal(standardDeviation: 0.5))
        let deviation = try (values * values).mean().item().squareRoot()
        #expect(abs(deviation - 0.5) < 0.005)  // 1.2 M draws: one standard deviation is 0.0003
        // Row 1024 begins with the last three numbers of the sequence, and then repeats row 0.
        let (first, again) = (try values.narrowed(axis: 0, 0..<1), try values.narrowed(axis: 0, 1024..<1025))
        #expect(try (first - again).magnitude().maximum().item() > 0.1)
        let repeated = try again.narrowed(axis: 1, 0..<1021) - first.narrowed(axis: 1, 3..<1024)
        #expect(try repeated.magnitude().maximum().item() == 0)
    }

    @Test("The middle of an even number of values is between two") func spread() {
        #expect(Spread([3, 1, 2]).median == 2)
        #expect(Spread([4, 1, 2, 9]).median == 3)
        #expect(Spread([4, 1, 2, 9]).minimum == 1)
        #expect(Spread([4, 1, 2, 9]).maximum == 9)
        #expect(Spread([5]).median == 5)
    }

    @Test("What is compared is measured in turn, after each was warmed up once") func interleaving() throws {
        var order = ""
        let spreads = try Stopwatch(on: .cpu).interleaved(
            runs: 2,
            [
                {
                    order += "a"
                    return Double(order.count)
                },
                {
                    order += "b"
                    return 7
                },
            ])
        #expect(order == "ababab")
        #expect(spreads == [Spread([3, 5]), Spread([7, 7])])
    }

    @Test("The report names the instruction set that kernels run in") func instructionSet() {
        #expect(BenchConditions.name(of: .avx512BFloat16) == "avx512+bf16")
        LibTorch.withEachInstructionSet { set in
            let conditions = BenchConditions(precision: .float32, device: .cpu, runs: 1)
            #expect(conditions.instructionSet == BenchConditions.name(of: set))
        }
    }
}
