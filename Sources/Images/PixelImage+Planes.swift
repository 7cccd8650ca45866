extension PixelImage {
    /// Makes a picture of a network's output, `[3, height, width]`, with values in `0...1`.
    ///
    /// Each value becomes ·255, held to `0...255` and truncated (not rounded), as the public evaluation of VAR and MVAR
    /// does; NaN becomes 0.
    ///
    /// - Parameters:
    ///   - width: Columns, 1 or more.
    ///   - height: Rows, 1 or more.
    ///   - planes: All of red, then green, then blue, each row by row. Traps unless there are `3 × height × width`.
    public init(width: Int, height: Int, unitPlanes planes: UnsafeBufferPointer<Float>) {
        let area = width * height
        precondition(planes.count == area * 3, "\(planes.count) values are not 3 × \(height) × \(width)")
        let pixels = [UInt8](unsafeUninitializedCapacity: area * 3) { buffer, count in
            for channel in 0..<3 {
                for index in 0..<area {
                    let scaled = planes[channel * area + index] * 255
                    buffer[index * 3 + channel] = scaled >= 255 ? 255 : scaled > 0 ? UInt8(scaled) : 0
                }
            }
            count = area * 3
        }
        self.init(width: width, height: height, pixels: pixels)
    }

    /// Makes a picture of a network's output, `[3, height, width]`, with values in `0...1`.
    ///
    /// - Parameters:
    ///   - width: Columns, 1 or more.
    ///   - height: Rows, 1 or more.
    ///   - planes: All of red, then green, then blue, each row by row. Traps unless there are `3 × height × width`.
    public init(width: Int, height: Int, unitPlanes planes: [Float]) {
        self = planes.withUnsafeBufferPointer { PixelImage(width: width, height: height, unitPlanes: $0) }
    }

    /// The picture as a network takes it: `[3, height, width]`, row by row, values `u8 / 127.5 − 1` in `-1...1`.
    public var signedPlanes: [Float] {
        let area = width * height
        let values = (0...255).map { Float($0) / 127.5 - 1 }
        return [Float](unsafeUninitializedCapacity: area * 3) { buffer, count in
            pixels.withUnsafeBufferPointer { pixels in
                for channel in 0..<3 {
                    for index in 0..<area {
                        buffer[channel * area + index] = values[Int(pixels[index * 3 + channel])]
                    }
                }
            }
            count = area * 3
        }
    }
}
