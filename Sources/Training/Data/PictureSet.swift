import Foundation
public import Images
import Torch

/// Pictures of one size with their classes, decoded, in memory.
public final class PictureSet {
    /// The side of every picture.
    public let side: Int
    /// The classes, in the order of their labels.
    public let classes: [String]
    /// For every picture its class as an index into ``classes``.
    public let labels: [Int]
    /// What was passed over because it could not be read.
    public let unreadable: [(name: String, reason: String)]
    /// `[count, 3, side, side]`.
    private let pixels: [UInt8]

    /// How many pictures there are.
    public var count: Int { labels.count }

    /// Reads tar archives with entries `CLASS/NAME`, and folders that hold a folder for every class.
    ///
    /// - Parameters:
    ///   - paths: The archives and folders.
    ///   - classes: The chosen classes, which give the labels their order; `nil` for all, in the order of their names.
    ///   - side: The side of the pictures; others are halved, resized and cropped to it as for evaluation.
    ///   - limit: How many pictures to read at most.
    ///   - report: Gets every picture that was passed over, and why.
    /// - Throws: ``DataError`` where a path cannot be read, there are no pictures, or too many of them are damaged.
    public init(
        _ paths: [String], classes: [String]? = nil, side: Int, limit: Int = .max,
        reportingUnreadable report: (String, String) -> Void = { _, _ in }
    ) throws(DataError) {
        self.side = side
        var names = classes ?? []
        var indices = Dictionary(names.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        var found: [Int] = []
        var pixels: [UInt8] = []
        var unreadable: [(name: String, reason: String)] = []
        for path in paths {
            if found.count >= limit { break }
            try Self.forEachPicture(in: path) { (className, name, image) throws(DataError) in
                guard let label = classes == nil ? indices[className] ?? names.count : indices[className] else {
                    return true
                }
                let planes: [UInt8]
                do throws(ImageError) {
                    planes = try Self.planes(of: image(), side: side)
                } catch {
                    let reason = "\(error.withoutPath)"
                    unreadable.append((name, reason))
                    report(name, reason)
                    return true
                }
                if label == names.count {
                    indices[className] = label
                    names.append(className)
                }
                found.append(label)
                pixels += planes
                return found.count < limit
            }
        }
        let total = found.count + unreadable.count
        if let first = unreadable.first, unreadable.count * 100 > total {
            throw .tooManyUnreadable(count: unreadable.count, of: total, first: first.name)
        }
        guard !found.isEmpty else { throw .noPictures(paths: paths) }
        self.pixels = pixels
        self.unreadable = unreadable
        if classes != nil {
            let present = Set(found)
            let empty = names.indices.filter { !present.contains($0) }.map { names[$0] }
            guard empty.isEmpty else {
                throw found.count < limit
                    ? .emptyClasses(empty, paths: paths) : .classesBeyondLimit(empty, limit: limit)
            }
            self.classes = names
            labels = found
        } else {
            // Labels follow the names, whatever the order in which the classes turned up.
            let sorted = names.sorted()
            let rank = Dictionary(sorted.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
            self.classes = sorted
            labels = found.map { rank[names[$0]] ?? 0 }
        }
    }

    /// Some pictures.
    ///
    /// - Parameters:
    ///   - indices: Which ones.
    ///   - flipped: For each of them, whether it is mirrored left to right.
    /// - Returns: `[B, 3, side, side]`, float32 in -1...1.
    /// - Throws: ``Torch/TorchError`` if memory runs out.
    func batch(_ indices: [Int], flipped: [Bool]) throws(TorchError) -> Tensor {
        let size = 3 * side * side
        let bytes = [UInt8](unsafeUninitializedCapacity: indices.count * size) { buffer, count in
            pixels.withUnsafeBufferPointer { pixels in
                for (position, index) in indices.enumerated() {
                    for row in 0..<3 * side {
                        let source = index * size + row * side
                        let target = position * size + row * side
                        for column in 0..<side {
                            buffer[target + column] =
                                pixels[source + (flipped[position] ? side - 1 - column : column)]
                        }
                    }
                }
            }
            count = indices.count * size
        }
        return try Tensor(bytes, shape: [indices.count, 3, side, side]).converted(to: .float32) / 127.5 - 1
    }

    /// The picture at an index.
    public subscript(index: Int) -> PixelImage {
        let area = side * side
        let start = index * 3 * area
        var interleaved = [UInt8](repeating: 0, count: 3 * area)
        for channel in 0..<3 {
            for position in 0..<area { interleaved[position * 3 + channel] = pixels[start + channel * area + position] }
        }
        return PixelImage(width: side, height: side, pixels: interleaved)
    }

    private static func planes(of image: PixelImage, side: Int) -> [UInt8] {
        let image = image.width == side && image.height == side ? image : image.centerCropped(to: side)
        let area = side * side
        return [UInt8](unsafeUninitializedCapacity: 3 * area) { buffer, count in
            image.pixels.withUnsafeBufferPointer { pixels in
                for channel in 0..<3 {
                    for position in 0..<area { buffer[channel * area + position] = pixels[position * 3 + channel] }
                }
            }
            count = 3 * area
        }
    }

    // MARK: Where pictures are

    /// Calls `body` with class, full name and picture of every file; it returns false to stop.
    private static func forEachPicture(
        in path: String,
        _ body: (String, String, () throws(ImageError) -> PixelImage) throws(DataError) -> Bool
    ) throws(DataError) {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { throw .absent(path: path) }
        guard isFolder.boolValue else {
            try TarArchive(path: path).forEachFile { (entry) throws(DataError) in
                let parts = entry.name.split(separator: "/").filter { $0 != "." }
                guard parts.count >= 2, let name = parts.last, !name.hasPrefix(".") else { return true }
                return try body(String(parts[parts.count - 2]), path + ":" + entry.name) { () throws(ImageError) in
                    try PixelImage(decoding: entry.bytes)
                }
            }
            return
        }
        for className in try contents(of: path) {
            let folder = path + "/" + className
            guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue else {
                continue
            }
            for name in try contents(of: folder) {
                let file = folder + "/" + name
                let goesOn = try body(className, file) { () throws(ImageError) in
                    try PixelImage(contentsOf: file)
                }
                guard goesOn else { return }
            }
        }
    }

    /// The visible names in a folder, sorted: the order must not depend on the file system.
    private static func contents(of folder: String) throws(DataError) -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: folder).filter { !$0.hasPrefix(".") }.sorted()
        } catch {
            throw .unreadable(path: folder, reason: error.localizedDescription)
        }
    }
}
