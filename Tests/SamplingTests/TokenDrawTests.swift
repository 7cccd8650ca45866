import Sampling
import Testing
import Torch

@Suite("Drawing tokens") struct TokenDrawTests {
    @Test("A number chooses the code in whose share of the probability it lies")
    func inverseTransform() throws {
        let probabilities = try Tensor([0, 0.25, 0, 0.5, 0.25, 0] as [Float], shape: [1, 1, 6])
        // At a border the next share begins.
        for (uniform, code) in [(0.0, 1), (0.2, 1), (0.25, 3), (0.7, 3), (0.75, 4), (1 - 0x1p-53, 4)] {
            let drawn = try TokenDraw.tokens(from: probabilities, uniform: Tensor([uniform], shape: [1, 1, 1]))
            #expect(try drawn.array(of: Int.self) == [code], "u = \(uniform)")
        }
    }

    @Test("A code that was dropped is never drawn, whatever the number", arguments: [0, 0x1p-53, 0.5, 1 - 0x1p-53])
    func dropped(uniform: Double) throws {
        // Random rows in which most codes are dropped, the first and the last among them.
        let (rows, size) = (200, 64)
        let logits = try Tensor.keyedUniform(seed: 1, images: [0], scale: 0, tokens: rows, draws: size) * 20
        let filtered = try TokenFilter(topK: 5, topP: 0.9).filtered(logits.converted(to: .float32))
        let drawn = try TokenDraw.tokens(
            from: filtered.softmax(axis: -1),
            uniform: Tensor([Double](repeating: uniform, count: rows), shape: [1, rows, 1]))
        let kept = try filtered.array(of: Float.self).map { $0 > -.infinity }
        #expect(try drawn.array(of: Int.self).enumerated().allSatisfy { row, code in kept[row * size + code] })
    }

    @Test("Codes come out as often as their probabilities say")
    func distribution() throws {
        let probabilities: [Float] = [0.5, 0.3, 0.15, 0.05]
        let count = 40_000
        let rows = try Tensor(probabilities, shape: [1, 1, 4]).expanded([1, count, 4])
        let drawn = try TokenDraw.tokens(from: rows, seed: 3, images: [5], scale: 2).array(of: Int.self)
        var squares = 0.0
        for (code, probability) in probabilities.enumerated() {
            let expected = Double(probability) * Double(count)
            let difference = Double(drawn.count { $0 == code }) - expected
            squares += difference * difference / expected
        }
        // χ² with 3 degrees of freedom is beyond 16.3 once in a thousand seeds; this seed is fixed.
        #expect(squares < 16.3)
    }

    @Test("A draw depends on seed, image, scale and place")
    func keys() throws {
        let rows = try Tensor.full([1, 50, 1000], 0.001)
        func drawn(seed: UInt64 = 1, image: Int = 0, scale: Int = 0) throws -> [Int] {
            try TokenDraw.tokens(from: rows, seed: seed, images: [image], scale: scale).array(of: Int.self)
        }
        let first = try drawn()
        #expect(try drawn() == first)
        #expect(try drawn(seed: 2) != first)
        #expect(try drawn(image: 1) != first)
        #expect(try drawn(scale: 1) != first)
        #expect(Set(first).count > 40)
    }

    @Test("Classes that nobody chose are spread over all, and depend on the seed and the image")
    func classes() throws {
        let classes = try (0..<400).map { try GenerationRequest.drawnClass(seed: 9, image: $0, classes: 4) }
        for label in 0..<4 { #expect((60...140).contains(classes.count { $0 == label })) }
        #expect(try GenerationRequest.drawnClass(seed: 9, image: 17, classes: 4) == classes[17])
        #expect(try (0..<400).map { try GenerationRequest.drawnClass(seed: 10, image: $0, classes: 4) } != classes)
    }
}
