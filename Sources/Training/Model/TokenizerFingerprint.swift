import Checkpoints
import Foundation
public import ImageTokenizer
public import Torch

/// A short text that tells two tokenizers apart by what decides their tokens: shape, encoder and quantizer.
///
/// The decoder is no part of it. Values count, not how a file holds them: float16 and the same values in float32 agree.
public struct TokenizerFingerprint: Hashable, Sendable, CustomStringConvertible {
    /// 16 hexadecimal digits.
    public let description: String

    /// Computes it; takes a second for the published tokenizer.
    ///
    /// - Parameters:
    ///   - configuration: The shape.
    ///   - tensors: All tensors by name, as in a checkpoint.
    /// - Throws: ``Torch/TorchError`` if memory runs out.
    public init(_ configuration: TokenizerConfiguration, tensors: [(name: String, tensor: Tensor)]) throws {
        var sum = ContentSum()
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        try encoder.encode(configuration).withUnsafeBytes { sum.add($0) }
        for (name, tensor) in tensors.sorted(by: { $0.name < $1.name }) where Self.matters(name) {
            sum.add("\n\(name)\(tensor.shape)\n")
            try tensor.converted(to: .float32).withContiguousBytes { sum.add($0) }
        }
        description = sum.description
    }

    private static func matters(_ name: String) -> Bool {
        !name.hasPrefix("decoder.") && !name.hasPrefix("post_quant_conv.") && !DerivedBuffers.contains(name)
    }
}
