extension PixelImage {
    /// Makes a picture of pixels with alpha, laid over white.
    ///
    /// - Parameters:
    ///   - width: Columns.
    ///   - height: Rows.
    ///   - rgba: Red, green, blue, alpha of each pixel, alpha not multiplied in.
    init(width: Int, height: Int, overWhite rgba: [UInt8]) {
        let area = width * height
        let pixels = [UInt8](unsafeUninitializedCapacity: area * 3) { buffer, count in
            rgba.withUnsafeBufferPointer { rgba in
                for index in 0..<area {
                    let alpha = Int(rgba[index * 4 + 3])
                    for channel in 0..<3 {
                        let mixed = Int(rgba[index * 4 + channel]) * alpha + 255 * (255 - alpha)
                        buffer[index * 3 + channel] = UInt8((mixed + 127) / 255)
                    }
                }
            }
            count = area * 3
        }
        self.init(width: width, height: height, pixels: pixels)
    }

    /// Makes a picture of ink: cyan, magenta, yellow, black.
    ///
    /// - Parameters:
    ///   - width: Columns.
    ///   - height: Rows.
    ///   - cmyk: Four values a pixel.
    ///   - isInverted: Whether 255 means no ink, as Adobe's programs store it, and not full ink.
    init(width: Int, height: Int, cmyk: [UInt8], isInverted: Bool) {
        let area = width * height
        let mask: UInt8 = isInverted ? 0 : 255
        let pixels = [UInt8](unsafeUninitializedCapacity: area * 3) { buffer, count in
            cmyk.withUnsafeBufferPointer { cmyk in
                for index in 0..<area {
                    let light = Int(cmyk[index * 4 + 3] ^ mask)
                    for channel in 0..<3 {
                        buffer[index * 3 + channel] = UInt8((Int(cmyk[index * 4 + channel] ^ mask) * light + 127) / 255)
                    }
                }
            }
            count = area * 3
        }
        self.init(width: width, height: height, pixels: pixels)
    }
}
