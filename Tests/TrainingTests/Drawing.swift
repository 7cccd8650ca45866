import Foundation
import Images
import Testing
import Torch

@testable import Training

/// Data sets of drawn pictures, in a folder that goes when the test ends.
final class DrawnData {
    let folder: String

    init() throws {
        folder = NSTemporaryDirectory() + "mvar-training-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// A disc or a square of a class's colour, somewhere on a dark ground.
    static func picture(of label: Int, number: Int, side: Int) -> PixelImage {
        var pixels = [UInt8](repeating: 0, count: 3 * side * side)
        let center = (x: side / 4 + number * 3 % (side / 2), y: side / 4 + number * 5 % (side / 2))
        for y in 0..<side {
            for x in 0..<side {
                let (dx, dy) = (x - center.x, y - center.y)
                let inside = label == 0 ? dx * dx + dy * dy < side * side / 16 : max(abs(dx), abs(dy)) < side / 5
                let color: [UInt8] = label == 0 ? [230, 120, 30] : [40, 90, 220]
                for channel in 0..<3 {
                    pixels[(y * side + x) * 3 + channel] = inside ? color[channel] : UInt8(20 + y * 60 / side)
                }
            }
        }
        return PixelImage(width: side, height: side, pixels: pixels)
    }

    /// A tar archive of `count` pictures of two classes, in turn.
    func archive(_ name: String = "train.tar", count: Int, side: Int, extra: [(String, [UInt8])] = []) throws -> String
    {
        var entries = extra
        for number in 0..<count {
            let picture = Self.picture(of: number % 2, number: number, side: side)
            entries.append(("\(["disc", "square"][number % 2])/\(number).png", try picture.encoded(as: .png)))
        }
        let path = folder + "/" + name
        try Data(tarArchive(of: entries)).write(to: URL(fileURLWithPath: path))
        return path
    }
}

extension PictureSet {
    /// All pictures.
    func images() throws -> [PixelImage] {
        var images: [PixelImage] = []
        try forEachBatch(of: 3) { batch in images += (0..<batch.count).map { batch[$0] } }
        return images
    }

    /// Some pictures of a set that is kept, as a network takes them.
    func shown(_ indices: [Int], flipped: [Bool]) throws -> Tensor {
        let samples = zip(indices, flipped).map { Sample(position: 0, index: $0, isMirrored: $1, crop: .zero) }
        return try #require(batch(samples)).images()
    }
}

/// The bytes of a ustar archive, as `tar` writes it.
func tarArchive(of entries: [(name: String, bytes: [UInt8])]) -> [UInt8] {
    var archive: [UInt8] = []
    for (name, bytes) in entries {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, at offset: Int) {
            header.replaceSubrange(offset..<offset + text.utf8.count, with: text.utf8)
        }
        put(name, at: 0)
        put("0000644", at: 100)
        put(
            String(repeating: "0", count: 11 - String(bytes.count, radix: 8).count) + String(bytes.count, radix: 8),
            at: 124)
        put("        ", at: 148)
        put("0", at: 156)
        put("ustar", at: 257)
        let sum = String(header.reduce(0) { $0 + Int($1) }, radix: 8)
        put(String(repeating: "0", count: 6 - sum.count) + sum + "\0", at: 148)
        archive += header + bytes + [UInt8](repeating: 0, count: (512 - bytes.count % 512) % 512)
    }
    return archive + [UInt8](repeating: 0, count: 1024)
}
