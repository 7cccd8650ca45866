public import Images
public import Torch

extension PixelImage {
    /// The pictures of a network's output.
    ///
    /// - Parameter planes: `[B, 3, H, W]` in 0...1.
    /// - Returns: B pictures of 8 bits, values truncated as the public evaluation does.
    /// - Throws: ``Torch/TorchError`` if a copy from a device fails.
    public static func pictures(of planes: Tensor) throws(TorchError) -> [PixelImage] {
        let shape = planes.shape
        precondition(shape.count == 4 && shape[1] == 3, "\(shape) is no batch of pictures [B, 3, H, W]")
        return try planes.unbound(axis: 0).map { (planes) throws(TorchError) in
            PixelImage(width: shape[3], height: shape[2], unitPlanes: try planes.array(of: Float.self))
        }
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
