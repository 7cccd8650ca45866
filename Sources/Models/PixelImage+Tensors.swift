public import Images
public import Torch

extension PixelImage {
    /// The pictures of a network's output.
    ///
    /// - Parameter planes: `[B, 3, H, W]` in 0...1.
    /// - Returns: B pictures of 8 bits: each value becomes ·255, held to `0...255` and truncated (not rounded), as the public
    ///   evaluation of VAR and MVAR does.
    /// - Throws: ``TokenizerOutputError`` where a value is no number; ``Torch/TorchError`` if a copy from a device fails.
    public static func pictures(of planes: Tensor) throws -> [PixelImage] {
        let shape = planes.shape
        precondition(shape.count == 4 && shape[1] == 3, "\(shape) is no batch of pictures [B, 3, H, W]")
        try TokenizerOutputError.check(planes, of: .decoder)
        // As bytes, of which a GPU sends a quarter.
        let bytes = try (planes.converted(to: .float32) * 255).clamped(to: 0...255).converted(to: .uint8)
            .permuted(0, 2, 3, 1).contiguous().array(of: UInt8.self)
        let size = 3 * shape[2] * shape[3]
        return (0..<shape[0]).map { index in
            PixelImage(width: shape[3], height: shape[2], pixels: Array(bytes[index * size..<(index + 1) * size]))
        }
    }
}

/// What a tokenizer computed is no number.
public struct TokenizerOutputError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A network of the tokenizer.
    public enum Part: String, Hashable, Sendable { case encoder, decoder }
    /// The network whose result it is.
    public let part: Part

    /// One line: what is wrong and what to do.
    public var description: String {
        "The tokenizer's \(part) gives values that are no numbers: its file is damaged, or belongs to no working "
            + "tokenizer. Fetch or convert it again."
    }

    /// Throws where one of a network's values is no number.
    package static func check(_ values: Tensor, of part: Part) throws {
        // The largest of values among which one is no number is no number.
        if values.count > 0, try values.maximum().item().isNaN { throw TokenizerOutputError(part: part) }
    }
}

extension Tensor {
    /// Pictures as a network takes them: `[B, 3, H, W]` in -1...1, float32. Traps unless all are of one size.
    public convenience init(_ pictures: [PixelImage]) throws(TorchError) {
        let (height, width) = (pictures.first?.height ?? 0, pictures.first?.width ?? 0)
        precondition(pictures.allSatisfy { $0.height == height && $0.width == width }, "pictures of several sizes")
        try self.init(pictures.flatMap(\.signedPlanes), shape: [pictures.count, 3, height, width])
    }
}
