import Images

/// Which square of a picture is learned from.
public enum PictureCrop: String, Codable, CaseIterable, Hashable, Sendable {
    /// The middle, as for evaluation.
    case center
    /// Any, another one each time, of the picture brought to a little more than the side: VAR's trainer resizes the shorter
    /// side to `round(1.125 · side)`.
    case random

    /// The square.
    ///
    /// - Parameters:
    ///   - image: The picture.
    ///   - side: The side of the square.
    ///   - place: Where a random one lies: ``Sample/crop``.
    /// - Returns: A picture of `side × side`.
    func square(of image: PixelImage, side: Int, at place: SIMD2<Double>) -> PixelImage {
        switch self {
        case .center: image.width == side && image.height == side ? image : image.centerCropped(to: side)
        case .random: image.cropped(to: side, ofShorterSide: Self.largerSide(for: side), at: (place.x, place.y))
        }
    }

    /// Python's round, as in VAR's trainer: halves go to the even neighbour.
    static func largerSide(for side: Int) -> Int { Int((1.125 * Double(side)).rounded(.toNearestOrEven)) }
}

/// What becomes of a decoded picture before a network sees it.
struct PicturePreparation: Sendable {
    let side: Int
    let crop: PictureCrop

    /// `[3, side, side]`: a picture as a sample shows it; nil for the middle, not mirrored.
    ///
    /// - Parameters:
    ///   - picture: The picture.
    ///   - sample: How it is shown.
    /// - Returns: Its bytes.
    /// - Throws: ``UnreadablePicture`` where it cannot be decoded.
    func planes(of picture: FoundPicture, as sample: Sample? = nil) throws(UnreadablePicture) -> [UInt8] {
        let square = crop.square(of: try picture.decoded(), side: side, at: sample?.crop ?? SIMD2(0.5, 0.5))
        let image = sample?.isMirrored == true ? square.flippedHorizontally : square
        let area = side * side
        return [UInt8](unsafeUninitializedCapacity: 3 * area) { buffer, count in
            image.pixels.withUnsafeBufferPointer { pixels in
                for channel in 0..<3 {
                    for position in 0..<area { buffer[channel * area + position] = pixels[position * 3 + channel] }
                }
            }
            count = 3 * area
        }
    }
}
