import Images

/// Reads the pictures of sources, in their order, and brings each to one size.
struct PictureReader {
    /// The archives, folders and lists.
    let paths: [String]
    /// The side of the pictures; others are halved, resized and cropped to it as for evaluation.
    let side: Int

    /// Calls `visit` with every picture.
    ///
    /// - Parameters:
    ///   - declare: Gets every class for which there is a place, be it empty.
    ///   - isWanted: Asked before a picture is decoded.
    ///   - visit: Gets the picture and its pixels, `[3, side, side]`, or why there are none; returns false to stop.
    /// - Throws: ``DataError`` where a source cannot be read, or what `visit` throws.
    func forEachPicture(
        declaring declare: (String) -> Void, where isWanted: (FoundPicture) -> Bool,
        visit: (FoundPicture, Result<[UInt8], UnreadablePicture>) throws(DataError) -> Bool
    ) throws(DataError) {
        for path in paths {
            let goesOn = try PictureSource(path: path).forEachPicture(declaring: declare) {
                (picture) throws(DataError) in
                guard isWanted(picture) else { return true }
                return try visit(picture, planes(of: picture))
            }
            guard goesOn else { return }
        }
    }

    private func planes(of picture: FoundPicture) -> Result<[UInt8], UnreadablePicture> {
        do throws(UnreadablePicture) {
            return .success(planes(of: try picture.decoded()))
        } catch {
            return .failure(error)
        }
    }

    private func planes(of image: PixelImage) -> [UInt8] {
        let image = image.width == side && image.height == side ? image : image.centerCropped(to: side)
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

/// The pictures that could not be read, and when they are too many.
struct UnreadableCount {
    private(set) var pictures: [UnreadablePicture] = []

    /// Takes note of one.
    mutating func add(_ picture: UnreadablePicture) { pictures.append(picture) }

    /// Throws where they are more than one in a hundred of all.
    func check(readable: Int) throws(DataError) {
        let total = readable + pictures.count
        if let first = pictures.first, pictures.count * 100 > total {
            throw .tooManyUnreadable(count: pictures.count, of: total, first: first)
        }
    }
}
