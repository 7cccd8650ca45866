import Checkpoints
import ImageTokenizer
import ScaleTransformer
import TokenPyramid
import Torch

/// The buffers that the public code registers and expects when it loads strictly. They hold nothing that the
/// configuration does not say.
enum PyTorchBuffers {
    /// Those of a transformer.
    ///
    /// - Parameters:
    ///   - configuration: Its shape.
    ///   - isBlockDiagonal: Whether the mask is MVAR's, by which a token sees its own scale only, and not VAR's.
    ///   - dtype: The type of the zeros that stand for the keys' bias.
    /// - Returns: `lvl_1L`, `attn_bias_for_masking`, and `attn.zero_k_bias` of each block.
    /// - Throws: ``Torch/TorchError`` if memory runs out.
    static func tensors(
        of configuration: TransformerConfiguration, isBlockDiagonal: Bool, dtype: DType
    ) throws(TorchError) -> [(name: String, tensor: Tensor)] {
        let schedule = configuration.schedule
        let levels = schedule.sides.enumerated().flatMap {
            Array(repeating: Int64($0.offset), count: $0.element * $0.element)
        }
        let count = levels.count
        let rows = try Tensor(levels, shape: [1, 1, count, 1])
        let columns = try Tensor(levels, shape: [1, 1, 1, count])
        let hidden =
            isBlockDiagonal
            ? try rows.isEqual(to: columns).isEqual(to: Tensor([false], shape: [1])) : try rows.isLess(than: columns)
        let mask = try Tensor.zeros([1, 1, count, count]).filled(-.infinity, where: hidden)
        var tensors = [("lvl_1L", try Tensor(levels, shape: [1, count])), ("attn_bias_for_masking", mask)]
        for block in 0..<configuration.depth {
            tensors.append(
                ("blocks.\(block).attn.zero_k_bias", try Tensor.zeros([configuration.width], dtype: dtype)))
        }
        return tensors
    }

    /// How often a tokenizer's codes were used: as recorded, else never.
    static func codeUse(
        of configuration: TokenizerConfiguration, recorded: TensorTable
    ) throws(TorchError) -> (name: String, tensor: Tensor) {
        let name = "quantize.ema_vocab_hit_SV"
        if let record = recorded[name] { return (name, try record.tensor()) }
        return (name, try Tensor.zeros([configuration.schedule.count, configuration.vocabularySize]))
    }
}
