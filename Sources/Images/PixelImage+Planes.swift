extension PixelImage {
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
