import Images
import Torch

/// Some pictures of one size with their classes, decoded.
struct PictureBatch {
    let side: Int
    let labels: [Int]
    /// `[count, 3, side, side]`.
    let planes: [UInt8]

    /// How many pictures there are.
    var count: Int { labels.count }

    /// The pictures as a network takes them.
    ///
    /// - Returns: `[count, 3, side, side]`, float32 in -1...1.
    /// - Throws: ``Torch/TorchError`` if memory runs out.
    func images() throws(TorchError) -> Tensor {
        try Tensor(planes, shape: [count, 3, side, side]).converted(to: .float32) / 127.5 - 1
    }

    /// The same pictures, behind each its mirror image.
    func withMirrorImages() -> PictureBatch {
        var both: [UInt8] = []
        both.reserveCapacity(2 * planes.count)
        for picture in 0..<count {
            let own = planes[picture * 3 * side * side..<(picture + 1) * 3 * side * side]
            both += own
            for row in stride(from: own.startIndex, to: own.endIndex, by: side) {
                both += planes[row..<row + side].reversed()
            }
        }
        return PictureBatch(side: side, labels: labels.flatMap { [$0, $0] }, planes: both)
    }

    /// The picture at a place.
    subscript(place: Int) -> PixelImage {
        let area = side * side
        let start = place * 3 * area
        var interleaved = [UInt8](repeating: 0, count: 3 * area)
        for channel in 0..<3 {
            for position in 0..<area { interleaved[position * 3 + channel] = planes[start + channel * area + position] }
        }
        return PixelImage(width: side, height: side, pixels: interleaved)
    }
}
