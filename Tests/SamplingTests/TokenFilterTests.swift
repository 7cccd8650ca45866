import Sampling
import Testing
import Torch

@Suite("Top-k and top-p") struct TokenFilterTests {
    private static let file = "sampling.safetensors"

    @Test(
        "Keeps the codes that the public filter keeps, with its probabilities",
        arguments: [
            ("0", "0"), ("0", "0.9"), ("1", "0"), ("10", "0"), ("12", "0.96"), ("20", "0.95"), ("64", "0.5"),
        ])
    func golden(topK: String, topP: String) throws {
        let filter = TokenFilter(topK: try #require(Int(topK)), topP: try #require(Double(topP)))
        let logits = try Mini64.golden("sampling.logits", file: Self.file)
        let name = "sampling.top-k-\(topK).top-p-\(topP)"
        let expected = try Mini64.golden(name + ".probabilities", file: Self.file).array(of: Float.self)
        let expectedKept = try Mini64.golden(name + ".kept", file: Self.file).array(of: UInt8.self)

        let filtered = try filter.filtered(logits)
        let kept = try filtered.array(of: Float.self).map { $0 > -.infinity ? UInt8(1) : 0 }
        let found = try filter.probabilities(of: logits).array(of: Float.self)

        let size = logits.shape[2]
        var worst: Float = 0
        for row in 0..<logits.count / size {
            let range = row * size..<(row + 1) * size
            // Rows [0, 1] and [0, 2] hold ties, among which top-p may choose.
            if [1, 2].contains(row), filter.topP > 0 {
                #expect(kept[range].reduce(0) { $0 + Int($1) } == expectedKept[range].reduce(0) { $0 + Int($1) })
                for (a, b) in zip(found[range].sorted(), expected[range].sorted()) { worst = max(worst, abs(a - b)) }
            } else {
                #expect(kept[range] == expectedKept[range], "row \(row)")
                for (a, b) in zip(found[range], expected[range]) { worst = max(worst, abs(a - b)) }
            }
        }
        // The same operations in float32; another instruction set may sum in another order.
        #expect(worst <= 1e-6)
    }

    @Test("Top-k keeps every code as likely as the k-th")
    func ties() throws {
        let logits = try Tensor([1, 3, 2, 2, 2, 0] as [Float], shape: [1, 1, 6])
        let kept = try TokenFilter(topK: 2).filtered(logits).array(of: Float.self)
        #expect(kept == [-.infinity, 3, 2, 2, 2, -.infinity])
    }

    @Test("The likeliest code stays, however small top-p is")
    func smallestTopP() throws {
        let logits = try Tensor([0, 5, 1] as [Float], shape: [1, 1, 3])
        #expect(try TokenFilter(topP: 1e-30).filtered(logits).array(of: Float.self) == [-.infinity, 5, -.infinity])
        #expect(try TokenFilter(topP: 1).filtered(logits).array(of: Float.self) == [0, 5, 1])
    }

    @Test("A top-k beyond the vocabulary keeps all")
    func largeTopK() throws {
        let logits = try Tensor([0, 5, 1] as [Float], shape: [1, 1, 3])
        #expect(try TokenFilter(topK: .max).filtered(logits).array(of: Float.self) == [0, 5, 1])
    }

    @Test("A vocabulary of one code is left alone")
    func oneCode() throws {
        let logits = try Tensor([3] as [Float], shape: [1, 1, 1])
        #expect(try TokenFilter(topK: 1, topP: 0.5).probabilities(of: logits).array(of: Float.self) == [1])
    }
}
