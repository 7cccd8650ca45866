import ImageTokenizer
import ScaleTransformer
import TokenPyramid
import Torch

extension TransformerConfiguration {
    /// Throws unless the model reads and writes the codes of that quantizer.
    func check(against quantizer: MultiScaleQuantizer) throws(SamplingError) {
        let codebook = quantizer.codebook.shape  // [V, Z]
        let facts: [(property: String, transformer: String, tokenizer: String)] = [
            ("number of codes", "\(vocabularySize)", "\(codebook[0])"),
            ("number of latent channels", "\(latentChannels)", "\(codebook[1])"),
            ("schedule", "\(schedule)", "\(quantizer.schedule)"),
        ]
        for fact in facts where fact.transformer != fact.tokenizer {
            throw .unlikeTokenizer(
                property: fact.property, transformer: fact.transformer, tokenizer: fact.tokenizer)
        }
    }
}

/// Throws unless there are `count` codes for each of the pictures.
func checkTokens(
    _ tokens: [[Int32]], pictures: Int, count: Int, vocabularySize: Int
) throws(SamplingError) {
    guard tokens.count == pictures else { throw .pictureCount(expected: pictures, found: tokens.count) }
    for (picture, row) in tokens.enumerated() {
        guard row.count == count else { throw .tokenCount(picture: picture, expected: count, found: row.count) }
        for (place, token) in row.enumerated() where token < 0 || Int(token) >= vocabularySize {
            throw .tokenOutOfRange(token, picture: picture, place: place, vocabularySize: vocabularySize)
        }
    }
}
