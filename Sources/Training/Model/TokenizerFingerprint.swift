import CZlib
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
        // Two sums by zlib: against mistakes, not against forgery.
        var sums: (UInt, UInt) = (crc32_z(0, nil, 0), adler32_z(0, nil, 0))
        func add(_ bytes: UnsafeRawBufferPointer) {
            let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
            guard let start else { return }
            sums = (crc32_z(sums.0, start, bytes.count), adler32_z(sums.1, start, bytes.count))
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        try encoder.encode(configuration).withUnsafeBytes(add)
        for (name, tensor) in tensors.sorted(by: { $0.name < $1.name }) where Self.matters(name) {
            Array("\n\(name)\(tensor.shape)\n".utf8).withUnsafeBytes(add)
            try tensor.converted(to: .float32).withContiguousBytes(add)
        }
        let digits = String(UInt64(sums.0) << 32 | UInt64(sums.1), radix: 16)
        description = String(repeating: "0", count: 16 - digits.count) + digits
    }

    private static func matters(_ name: String) -> Bool {
        !name.hasPrefix("decoder.") && !name.hasPrefix("post_quant_conv.") && !DerivedBuffers.contains(name)
    }
}
