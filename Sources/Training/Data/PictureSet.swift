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
    public let unreadable: [UnreadablePicture]
    /// `[count, 3, side, side]`.
    private let pixels: [UInt8]

    /// How many pictures there are.
    public var count: Int { labels.count }

    /// Reads folders with a folder for every class, tar archives (gzipped or not) of `CLASS/NAME` or of pictures with
    /// `.cls` files, and lists of paths and classes.
    ///
    /// - Parameters:
    ///   - paths: The folders, archives and lists, told apart by content.
    ///   - classes: The chosen classes, which give the labels their order; `nil` for all, in the order of their names, or
    ///     of their values where all are whole numbers.
    ///   - side: The side of the pictures; others are halved, resized and cropped to it as for evaluation.
    ///   - limit: How many pictures to read at most.
    ///   - report: Gets every picture that was passed over.
    /// - Throws: ``DataError`` where a path cannot be read, there are no pictures, a class has none, or too many of them
    ///   are damaged.
    public init(
        _ paths: [String], classes: [String]? = nil, side: Int, limit: Int = .max,
        reportingUnreadable report: (UnreadablePicture) -> Void = { _ in }
    ) throws(DataError) {
        self.side = side
        var register = ClassRegister(chosen: classes)
        var found: [Int] = []
        var pixels: [UInt8] = []
        var unreadable = UnreadableCount()
        try PictureReader(paths: paths, side: side).forEachPicture(
            declaring: { register.declare($0) }, where: { register.isWanted($0) },
            visit: { (picture, planes) throws(DataError) in
                switch planes {
                case .success(let planes):
                    found.append(register.add(picture))
                    pixels += planes
                case .failure(let failure):
                    unreadable.add(failure)
                    report(failure)
                }
                return found.count < limit
            })
        try unreadable.check(readable: found.count)
        let labels = try register.labels(limit: limit, paths: paths)
        self.pixels = pixels
        self.unreadable = unreadable.pictures
        self.classes = labels.classes
        self.labels = found.map { labels.ofIndex[$0] }
    }

    /// Pictures without classes, `[count, 3, side, side]`.
    init(planes: [UInt8], count: Int, side: Int) {
        precondition(planes.count == count * 3 * side * side, "\(planes.count) bytes are not \(count) pictures")
        self.side = side
        classes = [""]
        labels = [Int](repeating: 0, count: count)
        unreadable = []
        pixels = planes
    }

    /// Throws where all pictures are of one class, which leaves a model of classes nothing to tell apart.
    public func requireClasses() throws(DataError) {
        if classes.count == 1 { throw .oneClass(classes[0], pictures: count) }
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
}
