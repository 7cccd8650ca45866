/// What there is in sources, found without decoding anything.
struct PictureIndex {
    /// In the order of the sources.
    let pictures: [FoundPicture]
    /// Of every picture.
    let labels: [Int]
    /// In the order of the labels.
    let classes: [String]
    /// What is no picture with a class, though it should be.
    let unusable: [UnreadablePicture]
    /// The first of the files that are no pictures, with their number; nil where there are none.
    let strayFiles: UnreadablePicture?

    /// Goes through the sources once.
    ///
    /// Pictures in gzipped archives and pipes, where nothing can be found again, stay in memory as their files have them.
    ///
    /// - Parameters:
    ///   - paths: Folders, archives and lists.
    ///   - chosen: The chosen classes, in the order of their labels; nil for all.
    ///   - limit: How many pictures to take: the first ones of every class, as many of each.
    /// - Throws: ``DataError`` where a source cannot be read, there are no pictures, or a class has none.
    init(_ paths: [String], classes chosen: [String]?, limit: Int) throws(DataError) {
        var register = ClassRegister(chosen: chosen)
        var pictures: [FoundPicture] = []
        var indices: [Int] = []
        var unusable: [UnreadablePicture] = []
        try register.addAll(
            in: paths,
            visit: { picture, index in
                pictures.append(picture)
                indices.append(index)
            }, reportingUnusable: { unusable.append($0) })
        let labels = try register.labels(paths: paths)
        let all = indices.map { labels.ofIndex[$0] }
        let taken = Self.evenly(limit, of: all, classes: labels.classes.count)
        self.pictures = taken.map { pictures[$0] }
        self.labels = taken.map { all[$0] }
        self.unusable = unusable
        strayFiles = register.strayFiles
        classes = labels.classes
    }

    /// The places of `limit` pictures: the first of each class, then the second of each, and so on.
    static func evenly(_ limit: Int, of labels: [Int], classes: Int) -> [Int] {
        guard labels.count > limit else { return Array(labels.indices) }
        var seen = [Int](repeating: 0, count: classes)
        let ranks = labels.map { label in
            defer { seen[label] += 1 }
            return seen[label]
        }
        return labels.indices.sorted { (ranks[$0], labels[$0]) < (ranks[$1], labels[$1]) }.prefix(limit).sorted()
    }

    /// Tells these pictures apart from others: by file names, sizes in bytes and labels, in order. Folders may move.
    var fingerprint: String {
        var sum = ContentSum()
        for (picture, label) in zip(pictures, labels) {
            let name = picture.name.utf8.split(whereSeparator: { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: ":") })
            sum.add("\(name.last.map { String($0) ?? "" } ?? "")\t\(picture.byteCount ?? -1)\t\(label)\n")
        }
        return sum.description
    }
}
