/// A picture of 8-bit RGB pixels in memory.
///
/// This is the one form of a picture outside of tensors: every reader makes it and every writer takes it. Colours are
/// sRGB; there is no alpha.
public struct PixelImage: Hashable, Sendable {
    /// Columns, 1 or more.
    public let width: Int
    /// Rows, 1 or more.
    public let height: Int
    /// Red, green, blue of each pixel, row by row from the top: `height × width × 3` values.
    public let pixels: [UInt8]

    /// Makes a picture of given pixels.
    ///
    /// - Parameters:
    ///   - width: Columns, 1 or more.
    ///   - height: Rows, 1 or more.
    ///   - pixels: Red, green, blue of each pixel, row by row. Traps unless there are `height × width × 3` of them.
    public init(width: Int, height: Int, pixels: [UInt8]) {
        precondition(width > 0 && height > 0, "A picture has at least one pixel, not \(width) × \(height)")
        precondition(
            pixels.count == width * height * 3,
            "A picture of \(width) × \(height) needs \(width * height * 3) values, not \(pixels.count)")
        self.width = width
        self.height = height
        self.pixels = pixels
    }

    /// Makes a picture of one colour.
    ///
    /// - Parameters:
    ///   - width: Columns, 1 or more.
    ///   - height: Rows, 1 or more.
    ///   - color: The colour of every pixel.
    public init(width: Int, height: Int, filledWith color: Color) {
        var pixels = [UInt8](repeating: color.red, count: width * height * 3)
        if color.green != color.red || color.blue != color.red {
            for index in stride(from: 0, to: pixels.count, by: 3) {
                pixels[index + 1] = color.green
                pixels[index + 2] = color.blue
            }
        }
        self.init(width: width, height: height, pixels: pixels)
    }

    /// The colour of a pixel.
    ///
    /// - Parameters:
    ///   - x: Column, `0..<width`.
    ///   - y: Row, `0..<height`, from the top.
    public subscript(x: Int, y: Int) -> Color {
        precondition(
            (0..<width).contains(x) && (0..<height).contains(y), "(\(x), \(y)) lies outside of \(width) × \(height)")
        let index = (y * width + x) * 3
        return Color(red: pixels[index], green: pixels[index + 1], blue: pixels[index + 2])
    }

    /// An sRGB colour of 8 bits a channel.
    public struct Color: Hashable, Sendable {
        /// `0...255`.
        public var red: UInt8
        /// `0...255`.
        public var green: UInt8
        /// `0...255`.
        public var blue: UInt8

        /// Makes a colour of its channels, each `0...255`.
        public init(red: UInt8, green: UInt8, blue: UInt8) {
            self.red = red
            self.green = green
            self.blue = blue
        }

        /// White.
        public static let white = Color(red: 255, green: 255, blue: 255)
        /// Black.
        public static let black = Color(red: 0, green: 0, blue: 0)
    }
}

extension PixelImage {
    /// The most columns, and rows, that a picture from a file may have.
    public static let maximumSide = 65_535
    /// The most pixels that a picture from a file may have, 2²⁷: three bytes each are 400 MB.
    ///
    /// A file of a few kilobytes can claim any size; without a limit it could exhaust the memory.
    public static let maximumPixelCount = 1 << 27
}
