/// How pixels are weighed when a picture changes its size.
///
/// Both are Pillow's: antialiased (a smaller result spreads the filter over more pixels), 8 bits between the passes.
public enum ResamplingFilter: Hashable, Sendable {
    /// The mean of what a pixel covers.
    case box
    /// Cubic convolution with a = −0.5.
    case bicubic

    /// How far the filter reaches, in pixels of the smaller picture.
    fileprivate var support: Double {
        switch self {
        case .box: 0.5
        case .bicubic: 2
        }
    }

    fileprivate func weight(at distance: Double) -> Double {
        switch self {
        case .box: return distance > -0.5 && distance <= 0.5 ? 1 : 0
        case .bicubic:
            let a = -0.5
            let x = abs(distance)
            // The order of operations is Pillow's: another one rounds differently.
            if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
            if x < 2 { return (((x - 5) * x + 8) * x - 4) * a }
            return 0
        }
    }
}

extension PixelImage {
    /// The picture in another size, equal to Pillow's `Image.resize` bit for bit: first along the rows, then the columns.
    ///
    /// Pillow 13 alone takes the columns first where a picture gets both wider and flatter; this does not follow it.
    ///
    /// - Parameters:
    ///   - width: Columns of the result, 1 or more.
    ///   - height: Rows of the result, 1 or more.
    ///   - filter: How pixels are weighed.
    /// - Returns: A picture of `width × height`.
    public func resized(width: Int, height: Int, filter: ResamplingFilter) -> PixelImage {
        resampled(width: width, height: height, columns: 0..<width, rows: 0..<height, filter: filter)
    }

    /// A part of the picture in another size, at the cost of that part only.
    func resampled(
        width: Int, height: Int, columns: Range<Int>, rows: Range<Int>, filter: ResamplingFilter
    ) -> PixelImage {
        precondition(width > 0 && height > 0, "A picture cannot be resized to \(width) × \(height)")
        var result = self
        // Pillow leaves out the pass of an axis that keeps its size, where it would change nothing but time.
        if width != self.width {
            result = result.resampledColumns(
                ResamplingTaps(from: self.width, to: width, outputs: columns, filter: filter))
        } else if columns != 0..<width {
            result = result.cropped(x: columns.lowerBound, y: 0, width: columns.count, height: result.height)
        }
        if height != self.height {
            result = result.resampledRows(ResamplingTaps(from: self.height, to: height, outputs: rows, filter: filter))
        } else if rows != 0..<height {
            result = result.cropped(x: 0, y: rows.lowerBound, width: result.width, height: rows.count)
        }
        return result
    }

    private func resampledColumns(_ taps: ResamplingTaps) -> PixelImage {
        let newWidth = taps.outputCount
        let moved = [UInt8](unsafeUninitializedCapacity: newWidth * height * 3) { target, count in
            pixels.withUnsafeBufferPointer { source in
                for y in 0..<height {
                    let row = y * width * 3
                    for x in 0..<newWidth {
                        let (start, weights) = taps[x]
                        var (red, green, blue) = (taps.half, taps.half, taps.half)
                        var index = row + start * 3
                        for weight in weights {
                            red &+= Int32(source[index]) &* weight
                            green &+= Int32(source[index + 1]) &* weight
                            blue &+= Int32(source[index + 2]) &* weight
                            index += 3
                        }
                        let out = (y * newWidth + x) * 3
                        target[out] = taps.rounded(red)
                        target[out + 1] = taps.rounded(green)
                        target[out + 2] = taps.rounded(blue)
                    }
                }
            }
            count = newWidth * height * 3
        }
        return PixelImage(width: newWidth, height: height, pixels: moved)
    }

    private func resampledRows(_ taps: ResamplingTaps) -> PixelImage {
        let newHeight = taps.outputCount
        let rowSize = width * 3
        let moved = [UInt8](unsafeUninitializedCapacity: newHeight * rowSize) { target, count in
            pixels.withUnsafeBufferPointer { source in
                for y in 0..<newHeight {
                    let (start, weights) = taps[y]
                    for column in 0..<rowSize {
                        var sum = taps.half
                        var index = start * rowSize + column
                        for weight in weights {
                            sum &+= Int32(source[index]) &* weight
                            index += rowSize
                        }
                        target[y * rowSize + column] = taps.rounded(sum)
                    }
                }
            }
            count = newHeight * rowSize
        }
        return PixelImage(width: width, height: newHeight, pixels: moved)
    }
}

/// For each output along an axis the inputs that it is made of, with their weights as integers.
///
/// Follows `precompute_coeffs` and `normalize_coeffs_8bpc` of Pillow 12's `src/libImaging/Resample.c` step by step.
private struct ResamplingTaps {
    /// Bits behind the binary point: 8 go to the pixel and 2 to the overshoot of a filter with negative weights.
    private static let precision: Int32 = 32 - 8 - 2

    private var starts: [Int] = []
    private var offsets: [Int] = [0]
    private var weights: [Int32] = []

    var outputCount: Int { starts.count }

    /// One half, for rounding.
    let half: Int32 = 1 << (precision - 1)

    init(from inputCount: Int, to outputCount: Int, outputs: Range<Int>, filter: ResamplingFilter) {
        let scale = Double(inputCount) / Double(outputCount)
        let spread = max(scale, 1)
        let support = filter.support * spread
        let unit = 1 / spread
        starts.reserveCapacity(outputs.count)
        for output in outputs {
            let center = (Double(output) + 0.5) * scale
            let first = max(Int(center - support + 0.5), 0)
            let end = min(Int(center + support + 0.5), inputCount)
            let raw = (0..<max(end - first, 0)).map { filter.weight(at: (Double($0 + first) - center + 0.5) * unit) }
            let sum = raw.reduce(0, +)
            for weight in raw {
                let share = (sum != 0 ? weight / sum : weight) * Double(1 << Self.precision)
                weights.append(Int32(share < 0 ? share - 0.5 : share + 0.5))
            }
            starts.append(first)
            offsets.append(weights.count)
        }
    }

    subscript(output: Int) -> (start: Int, weights: ArraySlice<Int32>) {
        (starts[output], weights[offsets[output]..<offsets[output + 1]])
    }

    func rounded(_ sum: Int32) -> UInt8 { UInt8(clamping: sum >> Self.precision) }
}
