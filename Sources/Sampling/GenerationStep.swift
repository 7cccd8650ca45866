public import Torch

/// One scale of a generation, just done.
public struct GenerationStep {
    /// Which scale, from 0.
    public let scale: Int
    /// The side of its map.
    public let side: Int
    /// What was chosen for each picture, row by row: `[B][T]`. With mixtures, the code that weighs most.
    public let tokens: [[Int32]]
    /// f̂ after this scale, `[B, Z, h, w]`; the tokenizer's decoder makes pictures of it.
    public let latent: Tensor
    let prediction: Prediction

    /// What it was chosen from: logits after guidance, before temperature and filter, `[B, T, V]`, float32.
    public var logits: Tensor { get throws(TorchError) { try prediction.logits } }
}
