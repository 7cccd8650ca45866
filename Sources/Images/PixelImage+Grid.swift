extension PixelImage {
    /// Lays pictures out row by row on a common ground.
    ///
    /// Each gets a cell as large as the largest picture and stands in its middle.
    ///
    /// - Parameters:
    ///   - images: One picture or more.
    ///   - columns: Pictures a row; nil for a layout that is as good as square.
    ///   - spacing: Pixels between neighbours; there are none around the whole.
    ///   - background: The colour of gaps and empty cells.
    /// - Returns: One picture.
    /// - Throws: ``ImageError`` where there are no pictures or the whole would be too large.
    public static func grid(
        _ images: [PixelImage], columns: Int? = nil, spacing: Int = 2, background: Color = .white
    ) throws(ImageError) -> PixelImage {
        guard !images.isEmpty else { throw ImageError(.emptyGrid) }
        precondition(spacing >= 0 && columns ?? 1 > 0, "A grid cannot have \(columns ?? 1) columns \(spacing) apart")
        let columns = min(columns ?? Int(Double(images.count).squareRoot().rounded(.up)), images.count)
        let rows = (images.count + columns - 1) / columns
        let cellWidth = images.reduce(0) { max($0, $1.width) }
        let cellHeight = images.reduce(0) { max($0, $1.height) }
        let width = columns * (cellWidth + spacing) - spacing
        let height = rows * (cellHeight + spacing) - spacing
        try checkSize(width: width, height: height)

        var pixels = PixelImage(width: width, height: height, filledWith: background).pixels
        for (index, image) in images.enumerated() {
            let left = index % columns * (cellWidth + spacing) + (cellWidth - image.width) / 2
            let top = index / columns * (cellHeight + spacing) + (cellHeight - image.height) / 2
            for row in 0..<image.height {
                let source = row * image.width * 3
                let target = ((top + row) * width + left) * 3
                pixels.replaceSubrange(
                    target..<target + image.width * 3, with: image.pixels[source..<source + image.width * 3])
            }
        }
        return PixelImage(width: width, height: height, pixels: pixels)
    }

    /// Lays pictures out side by side.
    ///
    /// - Parameters:
    ///   - images: One picture or more.
    ///   - spacing: Pixels between neighbours.
    ///   - background: The colour of the gaps.
    /// - Returns: One picture.
    /// - Throws: ``ImageError`` where there are no pictures or the whole would be too large.
    public static func strip(
        _ images: [PixelImage], spacing: Int = 2, background: Color = .white
    ) throws(ImageError) -> PixelImage {
        try grid(images, columns: max(images.count, 1), spacing: spacing, background: background)
    }
}
