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
        precondition(side > 0, "A picture cannot be cropped to \(side) × \(side)")
        var picture = self
        while min(picture.width, picture.height) >= 2 * side {
            picture = picture.resized(width: picture.width / 2, height: picture.height / 2, filter: .box)
        }
        let scale = Double(side) / Double(min(picture.width, picture.height))
        // Python's round: halves go to the even neighbour.
        let width = Int((Double(picture.width) * scale).rounded(.toNearestOrEven))
        let height = Int((Double(picture.height) * scale).rounded(.toNearestOrEven))
        // Only what stays is computed: a picture of 1 × 65,535 would otherwise grow to billions of pixels first.
        let (x, y) = ((width - side) / 2, (height - side) / 2)
        return picture.resampled(
            width: width, height: height, columns: x..<x + side, rows: y..<y + side, filter: .bicubic)
    }
}
