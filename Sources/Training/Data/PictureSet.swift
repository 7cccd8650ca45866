import Images

/// Pictures of one size with their classes: kept decoded where they are few, else decoded whenever they are needed.
///
/// Which of the two changes nothing that is learned, but for pictures that cannot be read: among those that are kept, or
/// asked to be checked, they are left out; otherwise the next picture that can be read takes the place of each.
public final class PictureSet {
    /// The side of every picture.
    public let side: Int
    /// Which square of each is taken.
    public let crop: PictureCrop
    /// The classes, in the order of their labels.
    public let classes: [String]
    /// For every picture its class as an index into ``classes``.
    public let labels: [Int]
    /// What was passed over because it could not be read.
    public let unreadable: [UnreadablePicture]
    /// Tells these pictures apart from others: by file names, sizes in bytes and labels, in order.
    public let fingerprint: String
    /// Where they come from, for messages.
    let paths: [String]
    /// How many threads decode.
    let workers: Int
    /// Where the pictures are; none where they are kept.
    let sources: [FoundPicture]
    /// `[count, 3, side, side]`; nil where they are decoded when they are needed.
    private let kept: [UInt8]?
    /// Whether all could be read once.
    private let isChecked: Bool

    /// How many pictures there are.
    public var count: Int { labels.count }

    /// Whether all pictures are in memory.
    public var isKept: Bool { kept != nil }

    /// Finds the pictures in folders with a folder for every class, tar archives (gzipped or not) of `CLASS/NAME` or of
    /// pictures with `.cls` files, and lists of paths and classes.
    ///
    /// - Parameters:
    ///   - paths: The folders, archives and lists, told apart by content.
    ///   - classes: The chosen classes, which give the labels their order; `nil` for all, in the order of their names, or
    ///     of their values where all are whole numbers.
    ///   - side: The side of the pictures; others are halved, resized and cropped to it.
    ///   - crop: Which square of each is taken.
    ///   - limit: How many pictures to take at most, as many of each class.
    ///   - workers: How many threads decode, 1 or more; nil for as many as there are processors.
    ///   - keptBytes: The most bytes of decoded pictures to keep: `3 · side²` each. Random crops are never kept.
    ///   - isChecked: Whether to decode all once where they are not kept, too, so as to leave out what is damaged.
    ///   - report: Gets every picture that was passed over, and once with their number files that are none.
    /// - Throws: ``DataError`` where a path cannot be read, there are no pictures, a class has none, or too many of them
    ///   are damaged.
    public init(
        _ paths: [String], classes: [String]? = nil, side: Int, crop: PictureCrop = .center, limit: Int = .max,
        workers: Int? = nil, keeping keptBytes: Int = 1 << 30,
        checking isChecked: Bool = false, reportingUnreadable report: (UnreadablePicture) -> Void = { _ in }
    ) throws(DataError) {
        let workers = workers ?? PictureReader.usualWorkers
        let index = try PictureIndex(paths, classes: classes, limit: limit)
        let total = index.pictures.count + index.unusable.count
        let size = 3 * side * side
        let isKept = crop == .center && index.pictures.count <= keptBytes / size
        var unreadable = UnreadableCount()
        func passOver(_ picture: UnreadablePicture) {
            unreadable.add(picture)
            report(picture)
        }
        if let strays = index.strayFiles { report(strays) }
        for picture in index.unusable { passOver(picture) }
        try unreadable.check(of: total)

        var labels: [Int] = []
        var sources: [FoundPicture] = []
        var pixels: [UInt8] = []
        if isKept || isChecked {
            if isKept { pixels.reserveCapacity(index.pictures.count * size) }
            var position = 0
            PictureReader(side: side, workers: workers).forEach(of: index.pictures) { picture, planes in
                switch planes {
                case .success(let planes):
                    labels.append(index.labels[position])
                    if isKept { pixels += planes } else { sources.append(picture) }
                case .failure(let failure): passOver(failure)
                }
                position += 1
                return unreadable.pictures.count <= UnreadableCount.limit(of: total)
            }
            try unreadable.check(of: total)
            try Self.requireNone(Set(index.labels).subtracting(labels), of: index.classes, paths: paths)
        } else {
            (labels, sources) = (index.labels, index.pictures)
        }
        self.paths = paths
        self.side = side
        self.crop = crop
        self.classes = index.classes
        self.labels = labels
        self.unreadable = unreadable.pictures
        self.fingerprint = index.fingerprint
        self.workers = workers
        self.sources = sources
        kept = isKept ? pixels : nil
        self.isChecked = isChecked
    }

    /// Throws where all pictures are of one class, which leaves a model of classes nothing to tell apart.
    public func requireClasses() throws(DataError) {
        if classes.count == 1 { throw .oneClass(classes[0], pictures: count) }
    }

    /// Throws where there are labels of which no picture can be read.
    func requireNone(_ empty: Set<Int>) throws(DataError) {
        try Self.requireNone(empty, of: classes, paths: paths)
    }

    private static func requireNone(_ empty: Set<Int>, of classes: [String], paths: [String]) throws(DataError) {
        guard empty.isEmpty else { throw .emptyClasses(empty.sorted().map { classes[$0] }, paths: paths) }
    }

    /// What samples show of pictures that are kept; nil where they are not.
    func batch(_ samples: [Sample]) -> PictureBatch? {
        guard let kept else { return nil }
        let size = 3 * side * side
        let planes = [UInt8](unsafeUninitializedCapacity: samples.count * size) { buffer, count in
            kept.withUnsafeBufferPointer { kept in
                for (place, sample) in samples.enumerated() {
                    for row in 0..<3 * side {
                        let source = sample.index * size + row * side
                        let target = place * size + row * side
                        for column in 0..<side {
                            buffer[target + column] = kept[source + (sample.isMirrored ? side - 1 - column : column)]
                        }
                    }
                }
            }
            count = samples.count * size
        }
        return PictureBatch(side: side, labels: samples.map { labels[$0.index] }, planes: planes)
    }

    /// Calls `body` with the middles of all pictures that can be read, a batch after another.
    ///
    /// - Parameters:
    ///   - size: Pictures in a batch; the last may have fewer.
    ///   - report: Gets every picture that is passed over.
    ///   - body: Gets the batches, while the next pictures are decoded.
    /// - Throws: ``DataError`` where too many cannot be read, all of a class, or one that could before; or what `body`
    ///   throws.
    func forEachBatch(
        of size: Int, reportingUnreadable report: (UnreadablePicture) -> Void = { _ in },
        _ body: (PictureBatch) throws -> Void
    ) throws {
        let area = 3 * side * side
        if let kept {
            for start in stride(from: 0, to: count, by: size) {
                let places = start..<min(start + size, count)
                let planes = Array(kept[places.lowerBound * area..<places.upperBound * area])
                try body(PictureBatch(side: side, labels: Array(labels[places]), planes: planes))
            }
            return
        }
        var found: [Int] = []
        var planes: [UInt8] = []
        func pass() throws {
            if !found.isEmpty { try body(PictureBatch(side: side, labels: found, planes: planes)) }
            (found, planes) = ([], [])
        }
        var unreadable = UnreadableCount()
        var seen: Set<Int> = []
        var position = 0
        var failure: (any Error)?
        PictureReader(side: side, workers: workers).forEach(of: sources) { _, result in
            do {
                switch result {
                case .success(let own):
                    found.append(labels[position])
                    seen.insert(labels[position])
                    planes += own
                    if found.count == size { try pass() }
                case .failure(let picture):
                    if isChecked { throw DataError.lost(picture) }
                    unreadable.add(picture)
                    report(picture)
                    try unreadable.check(of: count)
                }
            } catch {
                failure = error
            }
            position += 1
            return failure == nil
        }
        if let failure { throw failure }
        try requireNone(Set(labels).subtracting(seen))
        try pass()
    }
}
