import Foundation
import Images
import Testing

/// The picture that `scripts/fixtures/make_images.py` draws: gradients, a disc and a fine pattern.
func drawing(_ width: Int, _ height: Int) -> PixelImage {
    var pixels: [UInt8] = []
    let radius = min(width, height)
    for y in 0..<height {
        for x in 0..<width {
            let (dx, dy) = (2 * x - width, 2 * y - height)
            let isInDisc = dx * dx + dy * dy < radius * radius / 2
            pixels.append(UInt8(x * 255 / max(width - 1, 1)))
            pixels.append(UInt8(y * 255 / max(height - 1, 1)))
            pixels.append(isInDisc ? 255 : UInt8(((x ^ y) * 37 + x * y) & 255))
        }
    }
    return PixelImage(width: width, height: height, pixels: pixels)
}

/// A folder of pictures and numbers made by `scripts/fixtures/make_images.py`.
enum Fixture {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures/images").path

    /// The picture files, in every form that Pillow can write and some that it cannot.
    static let names: [String] = {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return files.filter { (try? ImageFormat(extensionOf: $0)) != nil && !$0.hasPrefix("center") }.sorted()
    }()

    static func bytes(_ name: String) throws -> [UInt8] {
        try [UInt8](#require(FileManager.default.contents(atPath: "\(folder)/\(name)"), "no fixture \(name)"))
    }

    static func json<Value: Decodable>(_ name: String, as type: Value.Type) throws -> Value {
        try JSONDecoder().decode(type, from: Data(bytes(name)))
    }
}

/// A folder of its own that goes with the value.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "mvar-images-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var names: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted() }
}

/// The largest difference of any value of two pictures of one size.
func largestDifference(_ a: PixelImage, _ b: PixelImage) -> Int {
    zip(a.pixels, b.pixels).reduce(0) { max($0, abs(Int($1.0) - Int($1.1))) }
}

/// What an expression throws, as `ImageError`.
func imageError<Value>(_ body: () throws -> Value) -> ImageError? {
    do {
        _ = try body()
        return nil
    } catch {
        return error as? ImageError
    }
}
