/// The names of a model's classes: WordNet's for ImageNet's 1,000, otherwise the model's own.
public struct ClassNames: Hashable, Sendable {
    /// For each class its names, the usual one first; empty where only the number is known.
    public let names: [[String]]
    /// For each class its WordNet identifier, where known.
    public let identifiers: [String?]

    /// The number of classes.
    public var count: Int { names.count }

    /// Names for `count` classes.
    ///
    /// - Parameters:
    ///   - count: The number of classes.
    ///   - names: The model's own names, each a comma-separated list of synonyms; ignored unless there are `count`.
    ///   - identifiers: Their identifiers, likewise. Without names, WordNet's tell ImageNet's names.
    public init(count: Int, names: [String]? = nil, identifiers: [String]? = nil) {
        let names = names?.count == count ? names?.map(Self.synonyms) : nil
        let identifiers = identifiers?.count == count ? identifiers : nil
        if names == nil, identifiers == nil, count == Self.imageNet.count {
            self = Self.imageNet
            return
        }
        self.names =
            names ?? identifiers?.map { Self.imageNetNames[$0] ?? [] } ?? Array(repeating: [], count: count)
        self.identifiers = identifiers ?? Array(repeating: nil, count: count)
    }

    private init(names: [[String]], identifiers: [String?]) {
        self.names = names
        self.identifiers = identifiers
    }

    private static func synonyms(_ list: String) -> [String] {
        list.split(separator: ",").map { String($0.drop { $0 == " " }) }
    }

    /// ImageNet's 1,000 classes, from lines of index, WordNet identifier and names.
    public static let imageNet: ClassNames = {
        let text = String(decoding: PackageResources.imagenet_classes_tsv, as: UTF8.self)
        let rows = text.split(separator: "\n").map { $0.split(separator: "\t").map(String.init) }
        return ClassNames(
            names: rows.map { $0.count > 2 ? synonyms($0[2]) : [] },
            identifiers: rows.map { $0.count > 1 ? $0[1] : nil })
    }()

    /// ImageNet's names by WordNet identifier.
    private static let imageNetNames: [String: [String]] = Dictionary(
        zip(imageNet.identifiers, imageNet.names).compactMap { identifier, names in identifier.map { ($0, names) } },
        uniquingKeysWith: { first, _ in first })

    /// How a class is shown: its number, and its usual name where it has one.
    public func label(of index: Int) -> String {
        guard names.indices.contains(index) else { return "none" }
        return names[index].first.map { "\(index) \($0)" } ?? "\(index)"
    }

    /// The classes whose names or identifiers hold a text, ignoring case.
    public func matching(_ text: String) -> [Int] {
        let wanted = text.lowercased()
        return names.indices.filter { index in
            identifiers[index]?.lowercased() == wanted || names[index].contains { $0.lowercased().contains(wanted) }
        }
    }

    /// The class that a user means by a number, a WordNet identifier or a name.
    ///
    /// - Parameter text: As typed.
    /// - Returns: The index of the class.
    /// - Throws: ``ClassNameError`` where it is unknown or ambiguous, with the candidates.
    public func index(of text: String) throws(ClassNameError) -> Int {
        if let number = Int(text) {
            guard names.indices.contains(number) else { throw .outOfRange(number, count: count) }
            return number
        }
        guard names.contains(where: { !$0.isEmpty }) || identifiers.contains(where: { $0 != nil }) else {
            throw .nameless(text, count: count)
        }
        let wanted = text.lowercased()
        let exact = names.indices.filter { index in
            identifiers[index]?.lowercased() == wanted || names[index].contains { $0.lowercased() == wanted }
        }
        if exact.count == 1 { return exact[0] }
        // A whole word of a name, then any part of it: "retriever" should not be lost to a longer word.
        let whole = names.indices.filter { index in
            names[index].contains {
                $0.lowercased().split(whereSeparator: { " -'".contains($0) }).contains(Substring(wanted))
            }
        }
        let candidates = !exact.isEmpty ? exact : !whole.isEmpty ? whole : matching(text)
        if candidates.count == 1 { return candidates[0] }
        throw candidates.isEmpty
            ? .unknown(text, nearest: nearest(to: wanted)) : .ambiguous(text, candidates: candidates.map(label(of:)))
    }

    /// A few names that differ from a mistyped one in few letters.
    private func nearest(to text: String) -> [String] {
        let scored = names.indices.compactMap { index -> (distance: Int, index: Int)? in
            names[index].map { editDistance(text, $0.lowercased()) }.min().map { ($0, index) }
        }
        return scored.filter { $0.distance <= max(2, text.count / 3) }
            .sorted { ($0.distance, $0.index) < ($1.distance, $1.index) }.prefix(5).map { label(of: $0.index) }
    }
}

/// Why a text names no class.
public enum ClassNameError: Error, Hashable, Sendable, CustomStringConvertible {
    case outOfRange(Int, count: Int)
    case unknown(String, nearest: [String])
    case ambiguous(String, candidates: [String])
    case nameless(String, count: Int)

    /// What is wrong and what to do, on one line.
    public var description: String {
        switch self {
        case .outOfRange(let number, let count):
            "Class \(number) is outside 0...\(count - 1), the classes of this model; 'mvar classes' lists them."
        case .unknown(let text, let nearest):
            "No class is called '\(text)'. "
                + (nearest.isEmpty ? "" : "Did you mean: \(nearest.joined(separator: "; "))? ")
                + "'mvar classes WORD' searches them."
        case .ambiguous(let text, let candidates):
            "'\(text)' could be \(candidates.count) classes: \(candidates.prefix(12).joined(separator: "; "))"
                + (candidates.count > 12 ? "; …" : "") + ". Use the number or the whole name."
        case .nameless(let text, let count):
            "'\(text)' names no class: the model has no class names. Give numbers 0...\(count - 1)."
        }
    }
}

/// Levenshtein's distance: how many letters to insert, drop or change.
private func editDistance(_ first: String, _ second: String) -> Int {
    let target = Array(second)
    var row = Array(0...target.count)
    for (i, letter) in first.enumerated() {
        var diagonal = row[0]
        row[0] = i + 1
        for j in target.indices {
            let replaced = diagonal + (letter == target[j] ? 0 : 1)
            diagonal = row[j + 1]
            row[j + 1] = min(replaced, row[j] + 1, diagonal + 1)
        }
    }
    return row[target.count]
}
