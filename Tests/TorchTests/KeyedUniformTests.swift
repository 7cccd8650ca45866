import Testing
import Torch

@Suite("Keyed random numbers") struct KeyedUniformTests {
    private func draw(seed: UInt64 = 7, images: [Int] = [0], scale: Int = 0, tokens: Int = 4, draws: Int = 3) throws
        -> [Double]
    {
        try Tensor.keyedUniform(seed: seed, images: images, scale: scale, tokens: tokens, draws: draws)
            .array(of: Double.self)
    }

    @Test("The numbers are Philox4x32-10's: its published answer for a counter and key of zero")
    func knownAnswer() throws {
        // Random123's kat_vectors: philox 4x32 10 of zeros is 6627e8d5 e169c58d bc57ac4c 9b00dbd8.
        let values = try draw(seed: 0, tokens: 1, draws: 2)
        let first = Double((0x6627_e8d5_e169_c58d as UInt64) >> 11) * 0x1p-53
        let second = Double((0xbc57_ac4c_9b00_dbd8 as UInt64) >> 11) * 0x1p-53
        #expect(values == [first, second])
    }

    @Test("A number depends on its image, not on the batch that it is drawn in")
    func batches() throws {
        let together = try draw(images: [5, 9, 2])
        #expect(try Array(together[12..<24]) == draw(images: [9]))
        #expect(try Array(together[24..<36]) == draw(images: [2]))
    }

    @Test("More tokens and more draws do not change the first ones")
    func prefixes() throws {
        let few = try draw(tokens: 2, draws: 3)
        let many = try draw(tokens: 5, draws: 8)
        #expect(Array(few[0..<3]) == Array(many[0..<3]))
        #expect(Array(few[3..<6]) == Array(many[8..<11]))
    }

    @Test("Seed, image, scale and token each change every number")
    func keys() throws {
        let base = try draw()
        for other in try [
            draw(seed: 8), draw(seed: 7 + 1 << 32), draw(images: [1]), draw(images: [1 << 33]), draw(scale: 1),
        ] {
            #expect(zip(base, other).allSatisfy { $0 != $1 })
        }
        #expect(Set(base).count == base.count)
    }

    @Test("The numbers are spread evenly over 0 ..< 1")
    func distribution() throws {
        let values = try draw(tokens: 1000, draws: 20)
        #expect(values.allSatisfy { (0..<1).contains($0) })
        var bins = [Int](repeating: 0, count: 10)
        for value in values { bins[Int(value * 10)] += 1 }
        // 20,000 numbers in 10 bins: standard deviation 42 around 2,000.
        #expect(bins.allSatisfy { abs($0 - 2000) < 200 })
    }

    @Test("Threads do not change the numbers")
    func threads() throws {
        let before = LibTorch.threadCount
        defer { try? LibTorch.setThreadCount(before) }
        try LibTorch.setThreadCount(1)
        let alone = try draw(images: Array(0..<40), tokens: 50)
        try LibTorch.setThreadCount(2)
        #expect(try draw(images: Array(0..<40), tokens: 50) == alone)
    }
}
