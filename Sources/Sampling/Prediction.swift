import ScaleTransformer
import Torch

/// What the model predicts at a scale. Logits are computed when they are asked for.
struct Prediction {
    /// Of the pictures, and then of the same pictures without a class where that plays a part.
    let hidden: HiddenTokens
    /// How many pictures.
    let count: Int
    /// Which codes there are to choose from.
    let vocabularySize: Int
    /// T, the tokens of the scale.
    let tokenCount: Int
    /// Nil where the prediction without a class plays no part.
    let guidance: Guidance?
    /// Which scale: 0 for the first, 1 for the last.
    let progress: Double

    /// Before guidance, of some pictures: for the classes, `[n, T, V]` float32, and without a class.
    func halves(
        of pictures: Range<Int>
    ) throws(TorchError) -> (conditional: Tensor, unconditional: Tensor?) {
        guard guidance != nil else { return (try hidden.logits(of: [pictures]), nil) }
        let without = pictures.lowerBound + count..<pictures.upperBound + count
        let halves = try hidden.logits(of: [pictures, without]).split([pictures.count, pictures.count], axis: 0)
        return (halves[0], halves[1])
    }

    /// After guidance, of some pictures: `[n, T, V]`, float32.
    func logits(of pictures: Range<Int>) throws(TorchError) -> Tensor {
        let (conditional, unconditional) = try halves(of: pictures)
        guard let guidance, let unconditional else { return conditional }
        return try guidance.combined(conditional: conditional, unconditional: unconditional, progress: progress)
    }

    /// After guidance, of all pictures.
    var logits: Tensor { get throws(TorchError) { try logits(of: 0..<count) } }

    /// All pictures in parts whose logits take so much memory at most; each has one picture at least.
    func parts(ofBytes most: Int) -> [Range<Int>] {
        let bytes = (guidance == nil ? 1 : 2) * tokenCount * vocabularySize * MemoryLayout<Float>.size
        let size = max(1, most / bytes)
        return stride(from: 0, to: count, by: size).map { $0..<min($0 + size, count) }
    }
}

extension ImageGeneration {
    /// Logits are computed of so many pictures at a time as have theirs in this memory: of a published model's 16 × 16 tokens
    /// for 16 pictures, and more together would not be faster.
    package static let logitBytesAtOnce = 128 << 20
}
