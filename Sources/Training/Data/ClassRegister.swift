/// The classes of a data set, as its pictures turn up.
struct ClassRegister {
    private let chosen: [String]?
    /// In the order in which they turned up, or were chosen.
    private var names: [String]
    private var indices: [String: Int]
    /// For every name how many pictures it has.
    private var counts: [Int]
    private var declared: Set<String> = []
    private var numbers: Set<Int> = []
    /// How many pictures of other classes than the chosen ones there are.
    private var others = 0
    private var strays = 0
    private var firstStray: String?

    /// Begins with the chosen classes, which give the labels their order; nil for all.
    init(chosen: [String]?) {
        self.chosen = chosen
        names = chosen ?? []
        counts = names.map { _ in 0 }
        indices = Dictionary(names.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// How many pictures there are.
    var count: Int { counts.reduce(0, +) }

    /// What files there are among the pictures that are none: the first one, with their number.
    var strayFiles: UnreadablePicture? {
        firstStray.map { name in
            let more = strays - 1
            let rest = more == 0 ? "." : ", nor \(more == 1 ? "is 1 more file" : "are \(more) more files")."
            return UnreadablePicture(name: name, reason: "it is no picture\(rest)")
        }
    }

    /// Takes note of a class that has a place for pictures.
    mutating func declare(_ name: String) { declared.insert(name) }

    /// Whether a picture is to be used.
    func isWanted(_ picture: FoundPicture) -> Bool {
        switch picture.content {
        case .stray, .refused: false
        case .bytes, .part, .file, .unusable: isWanted(picture.className)
        }
    }

    private func isWanted(_ className: String?) -> Bool {
        guard chosen != nil, let className else { return true }
        return indices[className] != nil
    }

    /// Counts a picture that is used.
    ///
    /// - Returns: The index of its class, which ``labels(paths:)`` turns into its label.
    mutating func add(_ picture: FoundPicture) -> Int {
        let name = picture.className ?? ""
        if picture.isNumbered, let number = Int(name) { numbers.insert(number) }
        let index = indices[name] ?? names.count
        if index == names.count {
            indices[name] = index
            names.append(name)
            counts.append(0)
        }
        counts[index] += 1
        return index
    }

    /// Goes once through the sources of a data set, without decoding, and counts what is to be used.
    ///
    /// - Parameters:
    ///   - paths: Folders, archives and lists.
    ///   - visit: Gets every picture that is used, with the index of its class.
    ///   - reportUnusable: Gets what is no picture with a class, though it should be.
    /// - Throws: ``DataError`` where a source cannot be read, or the choice of classes is none.
    mutating func addAll(
        in paths: [String], visit: (FoundPicture, Int) -> Void = { _, _ in },
        reportingUnusable reportUnusable: (UnreadablePicture) -> Void
    ) throws(DataError) {
        if let chosen {
            guard !chosen.isEmpty else { throw .noClassNamed }
            let second = chosen.indices.first { indices[chosen[$0]] != $0 }
            if let second { throw .classNamedTwice(chosen[second]) }
        }
        for path in paths {
            func take(_ picture: FoundPicture) throws(DataError) -> Bool {
                let isWanted = isWanted(picture.className)
                switch picture.content {
                case .stray where isWanted:
                    strays += 1
                    firstStray = firstStray ?? picture.name
                case .refused(let error) where isWanted: throw error
                case .stray, .refused: break
                case _ where !isWanted: others += 1
                case .unusable(let reason): reportUnusable(UnreadablePicture(name: picture.name, reason: reason))
                case .bytes, .part, .file: visit(picture, add(picture))
                }
                return true
            }
            _ = try PictureSource(path: path).forEachPicture(declaring: { declare($0) }, take)
        }
    }

    /// Says which class has which label.
    ///
    /// Labels follow the names, whatever the order in which the classes turned up: by value where all are whole numbers.
    ///
    /// - Parameter paths: Where the pictures are, for messages.
    /// - Returns: The classes in the order of their labels, and for every index its label.
    /// - Throws: ``DataError`` where there are no pictures, or a class has none.
    func labels(paths: [String]) throws(DataError) -> (classes: [String], ofIndex: [Int]) {
        guard count > 0 else {
            if let first = chosen?.first, others > 0 {
                throw .noneOfClasses(first: first, others: others, paths: paths)
            }
            throw .noPictures(paths: paths)
        }
        if let chosen {
            let empty = counts.indices.filter { counts[$0] == 0 }.map { names[$0] }
            guard empty.isEmpty else { throw .emptyClasses(empty, paths: paths) }
            return (chosen, Array(names.indices))
        }
        let empty = declared.filter { indices[$0] == nil }.sorted()
        guard empty.isEmpty else { throw .emptyFolders(empty, paths: paths) }
        if let largest = numbers.max(), let missing = (0..<largest).first(where: { !numbers.contains($0) }) {
            throw .missingNumber(missing, largest: largest)
        }
        let values = names.map { Int($0) }
        let order = names.indices.sorted { first, second in
            guard !values.contains(nil), let left = values[first], let right = values[second], left != right else {
                return names[first] < names[second]
            }
            return left < right
        }
        var labels = [Int](repeating: 0, count: names.count)
        for (label, index) in order.enumerated() { labels[index] = label }
        return (order.map { names[$0] }, labels)
    }
}
