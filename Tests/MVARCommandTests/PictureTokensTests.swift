import MVAR
import Testing

@Suite("Tokens inside a picture") struct PictureTokensTests {
    private func tokens(vocabularySize: Int, pictures: Int) throws -> PictureTokens {
        let schedule = try ScaleSchedule([1, 2, 5])
        return PictureTokens(
            schedule: schedule, vocabularySize: vocabularySize, layout: .progressive, columns: 3,
            pictures: (0..<pictures).map { picture in
                .init(
                    label: picture == 0 ? nil : picture, image: picture * 1_000_003,
                    tokens: (0..<schedule.tokenCount).map { Int32(($0 * 7919 + picture) % vocabularySize) })
            })
    }

    @Test("What is written is read again", arguments: [1, 2, 3, 64, 4096, 4097, 1 << 24], [1, 3])
    func roundTrip(vocabularySize: Int, pictures: Int) throws {
        let tokens = try tokens(vocabularySize: vocabularySize, pictures: pictures)
        #expect(try PictureTokens(decoding: tokens.bytes) == tokens)
    }

    @Test("4,096 codes take 12 bits each") func size() throws {
        let tokens = try tokens(vocabularySize: 4096, pictures: 2)
        #expect(tokens.bytes.count == 6 + 3 * 2 + 8 + 2 * 12 + 2 * 30 * 12 / 8)
    }

    @Test("Every truncation is an error") func truncation() throws {
        let bytes = try tokens(vocabularySize: 4096, pictures: 2).bytes
        for count in bytes.indices {
            #expect(throws: PictureTokensError.self) { try PictureTokens(decoding: Array(bytes[..<count])) }
        }
        #expect(throws: PictureTokensError.self) { try PictureTokens(decoding: bytes + [0]) }
    }

    @Test("No flipped bit ends the program") func flippedBits() throws {
        let tokens = try tokens(vocabularySize: 4000, pictures: 1)
        let bytes = tokens.bytes
        var accepted = 0
        for bit in 0..<bytes.count * 8 {
            var damaged = bytes
            damaged[bit / 8] ^= 1 << (bit % 8)
            guard let read = try? PictureTokens(decoding: damaged) else { continue }
            accepted += 1
            #expect(read.pictures.allSatisfy { $0.tokens.allSatisfy { (0..<Int32(read.vocabularySize)).contains($0) } })
        }
        // Tokens have no checksum of their own (the chunk has): most flips only make another picture.
        #expect(accepted > 0)
    }

    @Test("Absurd sizes are errors, and ask for no memory")
    func absurdSizes() throws {
        let bytes = try tokens(vocabularySize: 4096, pictures: 1).bytes
        for start in [4, 6, 12, 16] {
            var damaged = bytes
            for place in start..<start + (start < 12 ? 2 : 4) { damaged[place] = 0xFF }
            #expect(throws: PictureTokensError.self) { try PictureTokens(decoding: damaged) }
        }
        #expect(throws: PictureTokensError.unknownVersion(9)) { try PictureTokens(decoding: [9] + bytes.dropFirst()) }
        #expect(throws: PictureTokensError.self) { try PictureTokens(decoding: []) }
    }
}
