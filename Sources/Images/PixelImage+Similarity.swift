#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

extension PixelImage {
    /// How close the picture is to another, as peak signal-to-noise ratio in decibels: 10·log₁₀(255² / MSE).
    ///
    /// - Parameter other: A picture of the same size.
    /// - Returns: Decibels over the 8-bit RGB values; infinity for equal pictures.
    /// - Throws: ``ImageError`` where the sizes differ.
    public func peakSignalToNoiseRatio(to other: PixelImage) throws(ImageError) -> Double {
        try checkComparable(to: other)
        let squares = zip(pixels, other.pixels).reduce(0) { sum, pair in
            let difference = Int(pair.0) - Int(pair.1)
            return sum + difference * difference
        }
        // Integers up to here: the order of the sum makes no difference.
        return 10 * log10(255 * 255 * Double(pixels.count) / Double(squares))
    }

    /// The least side of a picture that has a ``structuralSimilarity(to:)``.
    public static let similarityWindowSide = 11

    /// How close the picture is to another in structure (SSIM, Wang et al. 2004), 1 for equal pictures.
    ///
    /// Windows are Gaussian, 11 × 11 with σ = 1.5, and lie wholly within the picture; K₁ = 0.01, K₂ = 0.03, range 255,
    /// variances without Bessel's correction. The mean over all windows of red, green and blue, each channel by itself:
    /// what scikit-image gives with `gaussian_weights=True, sigma=1.5, use_sample_covariance=False`.
    ///
    /// - Parameter other: A picture of the same size, at least 11 × 11.
    /// - Returns: At most 1; below 0 where structures are opposed.
    /// - Throws: ``ImageError`` where the sizes differ or are too small.
    public func structuralSimilarity(to other: PixelImage) throws(ImageError) -> Double {
        try checkComparable(to: other)
        let window = GaussianWindow(side: Self.similarityWindowSide, deviation: 1.5)
        guard width >= window.side, height >= window.side else {
            throw ImageError(.tooSmall(width: width, height: height, side: window.side))
        }
        let c1 = (0.01 * 255) * (0.01 * 255)
        let c2 = (0.03 * 255) * (0.03 * 255)
        var total = 0.0
        var count = 0
        for channel in 0..<3 {
            let a = plane(channel)
            let b = other.plane(channel)
            let meanA = window.means(of: a, width: width)
            let meanB = window.means(of: b, width: width)
            let meanAA = window.means(of: zip(a, a).map { $0 * $1 }, width: width)
            let meanBB = window.means(of: zip(b, b).map { $0 * $1 }, width: width)
            let meanAB = window.means(of: zip(a, b).map { $0 * $1 }, width: width)
            for index in meanA.indices {
                let product = meanA[index] * meanB[index]
                let squares = meanA[index] * meanA[index] + meanB[index] * meanB[index]
                let covariance = meanAB[index] - product
                let variances = meanAA[index] + meanBB[index] - squares
                total += (2 * product + c1) * (2 * covariance + c2) / ((squares + c1) * (variances + c2))
            }
            count += meanA.count
        }
        return total / Double(count)
    }

    private func checkComparable(to other: PixelImage) throws(ImageError) {
        guard width == other.width, height == other.height else {
            throw ImageError(
                .sizesDiffer(width: width, height: height, otherWidth: other.width, otherHeight: other.height))
        }
    }

    private func plane(_ channel: Int) -> [Double] {
        stride(from: channel, to: pixels.count, by: 3).map { Double(pixels[$0]) }
    }
}

/// A Gaussian that is cut to a square and adds up to 1.
private struct GaussianWindow {
    let side: Int
    /// Along one axis; the window is the product of both.
    private let weights: [Double]

    init(side: Int, deviation: Double) {
        self.side = side
        let values = (0..<side).map { index in
            let distance = Double(index - side / 2)
            return exp(-distance * distance / (2 * deviation * deviation))
        }
        let sum = values.reduce(0, +)
        weights = values.map { $0 / sum }
    }

    /// The weighted mean at each place where the window lies within the plane, row by row.
    func means(of plane: [Double], width: Int) -> [Double] {
        let height = plane.count / width
        let (columns, rows) = (width - side + 1, height - side + 1)
        let horizontal = [Double](unsafeUninitializedCapacity: columns * height) { target, count in
            for y in 0..<height {
                for x in 0..<columns {
                    var sum = 0.0
                    for tap in 0..<side { sum += weights[tap] * plane[y * width + x + tap] }
                    target[y * columns + x] = sum
                }
            }
            count = columns * height
        }
        return [Double](unsafeUninitializedCapacity: columns * rows) { target, count in
            for y in 0..<rows {
                for x in 0..<columns {
                    var sum = 0.0
                    for tap in 0..<side { sum += weights[tap] * horizontal[(y + tap) * columns + x] }
                    target[y * columns + x] = sum
                }
            }
            count = columns * rows
        }
    }
}
