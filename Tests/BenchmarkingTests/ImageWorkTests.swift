import MVAR
import Testing

@testable import Benchmarking

@Suite("Work of a picture") struct ImageWorkTests {
    /// Billions of multiply-accumulates, counted by hand for a guided d16 with AdaLN once a picture: qkv, attention,
    /// projection, feed-forward, AdaLN of blocks and head, head, word embedding, φ, bicubic.
    @Test(
        "A guided d16 has the multiply-accumulates that its formulas say",
        arguments: [
            (AttentionPattern.full, 18.7717), (.window(2), 14.6349), (.scale, 7.2396), (.spatial(kernel: 7), 2.4377),
        ])
    func transformer(pattern: AttentionPattern, attention: Double) {
        let work = ImageWork(.published(depth: 16, pattern: pattern), .published, isGuided: true)
        let rest = 68.4510 + 22.8170 + 182.5361 + 0.2013 + 0.0042 + 5.7043 + 0.0222 + 0.0236 + 0.0012
        #expect(abs(Double(work.transformer) / 1e9 - rest - attention) < 0.0005)
    }

    /// 196 518 871 040 were counted in the convolutions of the public module by hooks; four attentions and the
    /// quantizer's last convolution come on top.
    @Test("The published decoder has the multiply-accumulates of the public module") func decoder() {
        let work = ImageWork(.published(depth: 16), .published, isGuided: true)
        #expect(work.decoder == 196_518_871_040 + 335_544_320 + 16 * 16 * 9 * 32 * 32)
    }

    @Test("Without guidance there is half of the blocks' work, and as much of everything else") func unguided() {
        let shape = TransformerConfiguration.published(depth: 12)
        let guided = ImageWork(shape, .published, isGuided: true)
        let plain = ImageWork(shape, .published, isGuided: false)
        let latent = 2 * plain.transformer - guided.transformer
        #expect(guided.decoder == plain.decoder)
        #expect(latent == 32 * 768 * 679 + 10 * 256 * 9 * 32 * 32 + 9 * 256 * 32 * 16)
        #expect(guided.floatingPointOperations == 2 * Double(guided.transformer + guided.decoder))
    }

    @Test("Shared AdaLN is counted once") func sharedAdaLN() throws {
        let shared = ImageWork(
            try SmallShape.transformer(.scale, sharesAdaLN: true), try SmallShape.tokenizer(), isGuided: false)
        let own = ImageWork(try SmallShape.transformer(.scale), try SmallShape.tokenizer(), isGuided: false)
        #expect(own.transformer - shared.transformer == 6 * 64 * 64)
    }

    @Test("Pairs of queries and keys are those of the pattern") func pairs() throws {
        func pairs(_ pattern: AttentionPattern) throws -> Int { ImageWork.pairs(try SmallShape.transformer(pattern)) }
        #expect(try pairs(.full) == 1 * 1 + 4 * 5 + 9 * 14 + 16 * 30)
        #expect(try pairs(.window(1)) == 1 * 1 + 4 * 5 + 9 * 13 + 16 * 25)
        #expect(try pairs(.scale) == 1 + 4 * 4 + 9 * 9 + 16 * 16)
        #expect(try pairs(.spatial(kernel: 2)) == 1 + 4 * 4 + 9 * 4 + 16 * 4)
        #expect(try pairs(.spatial(kernel: 9)) == pairs(.scale))
    }
}
