extension PixelImage {
    /// A part of the picture.
    ///
    /// - Parameters:
    ///   - x: The first column.
    ///   - y: The first row.
    ///   - width: Columns of the result, 1 or more.
    ///   - height: Rows of the result, 1 or more. Traps where the part does not lie within the picture.
    /// - Returns: A picture of `width × height`.
    public func cropped(x: Int, y: Int, width: Int, height: Int) -> PixelImage {
        precondition(
            x >= 0 && y >= 0 && width > 0 && height > 0 && x + width <= self.width && y + height <= self.height,
            "\(width) × \(height) at (\(x), \(y)) does not lie within \(self.width) × \(self.height)")
        var part: [UInt8] = []
        part.reserveCapacity(width * height * 3)
        for row in y..<y + height {
            let start = (row * self.width + x) * 3
            part += pixels[start..<start + width * 3]
        }
        return PixelImage(width: width, height: height, pixels: part)
    }

    /// The middle of the picture as a square, prepared as for training by ADM, VAR and MVAR.
    ///
    /// Halves the picture by box filter while its shorter side is at least twice `side`, brings the shorter side to
    /// `side` by bicubic filter, and takes the middle: `center_crop_arr` of openai/guided-diffusion. Equal to it with
    /// Pillow, bit for bit.
    ///
    /// - Parameter side: Columns and rows of the result, 1 or more.
    /// - Returns: A picture of `side × side`.
    public func centerCropped(to side: Int) -> PixelImage {
        square(of: side, shorterSide: side) { columns, rows in (columns / 2, rows / 2) }
    }

    /// A square of the picture, prepared as for training with random crops.
    ///
    /// As ``centerCropped(to:)``, but the shorter side is brought to more than the square's, and the square lies anywhere:
    /// `random_crop_arr` of openai/guided-diffusion, with the size and the place given.
    ///
    /// - Parameters:
    ///   - side: Columns and rows of the result, 1 or more.
    ///   - shorterSide: What the shorter side is brought to, `side` or more.
    ///   - place: Where the square lies, `0..<1`, from all the way left and top to all the way right and bottom.
    /// - Returns: A picture of `side × side`.
    public func cropped(to side: Int, ofShorterSide shorterSide: Int, at place: (x: Double, y: Double)) -> PixelImage {
        precondition(shorterSide >= side, "\(side) × \(side) does not lie within a side of \(shorterSide)")
        func start(_ share: Double, _ room: Int) -> Int { max(0, min(Int(share * Double(room + 1)), room)) }
        return square(of: side, shorterSide: shorterSide) { columns, rows in
            (start(place.x, columns), start(place.y, rows))
        }
    }

    /// - Parameters:
    ///   - side: Of the square.
    ///   - shorterSide: What the shorter side is brought to.
    ///   - start: Says how many of the columns and rows that are too many lie before the square.
    /// - Returns: A picture of `side × side`.
    private func square(
        of side: Int, shorterSide: Int, startingAt start: (_ columns: Int, _ rows: Int) -> (x: Int, y: Int)
    ) -> PixelImage {
        precondition(side > 0, "A picture cannot be cropped to \(side) × \(side)")
        var picture = self
        while min(picture.width, picture.height) >= 2 * shorterSide {
            picture = picture.resized(width: picture.width / 2, height: picture.height / 2, filter: .box)
        }
        let scale = Double(shorterSide) / Double(min(picture.width, picture.height))
        // Python's round: halves go to the even neighbour.
        let width = Int((Double(picture.width) * scale).rounded(.toNearestOrEven))
        let height = Int((Double(picture.height) * scale).rounded(.toNearestOrEven))
        // Only what stays is computed: a picture of 1 × 65,535 would otherwise grow to billions of pixels first.
        let (x, y) = start(width - side, height - side)
        return picture.resampled(
            width: width, height: height, columns: x..<x + side, rows: y..<y + side, filter: .bicubic)
    }
}
