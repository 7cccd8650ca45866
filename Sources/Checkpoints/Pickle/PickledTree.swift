/// A pickle that has been read, seen from one of its values.
///
/// Values can hold themselves: whoever walks a tree bounds the depth.
package struct PickledTree: Sendable {
    private final class Document: Sendable {
        let heap: PickleHeap
        init(_ heap: PickleHeap) { self.heap = heap }
    }

    /// The value itself.
    package let value: PickleValue
    private let document: Document

    init(root: PickleValue, heap: PickleHeap) {
        value = root
        document = Document(heap)
    }

    private init(_ value: PickleValue, _ document: Document) {
        self.value = value
        self.document = document
    }

    var heap: PickleHeap { document.heap }

    /// The value that a dictionary, or an object with named fields, has under a name.
    package subscript(key: String) -> PickledTree? {
        pairs?.last {
            if case .string(key) = $0.key.value { true } else { false }
        }?.value
    }

    /// The entries of a dictionary, or the fields of an object, in order.
    package var pairs: [(key: PickledTree, value: PickledTree)]? {
        var value = value
        if case .object(let place) = value { value = heap.objects[place].state }
        guard case .dictionary(let place) = value else { return nil }
        return heap.dictionaries[place].map { (PickledTree($0.key, document), PickledTree($0.value, document)) }
    }

    /// The names of the entries of a dictionary.
    package var keys: [String] { pairs?.compactMap { $0.key.string } ?? [] }

    /// The elements of a list, tuple or set.
    package var elements: [PickledTree]? { heap.elements(of: value)?.map { PickledTree($0, document) } }

    /// A string.
    package var string: String? { if case .string(let text) = value { text } else { nil } }

    /// An integer. A bool is none.
    package var integer: Int? { if case .integer(let number) = value { number } else { nil } }

    /// A float, or an integer as one.
    package var number: Double? {
        switch value {
        case .float(let number): number
        case .integer(let number): Double(number)
        default: nil
        }
    }

    /// A bool.
    package var bool: Bool? { if case .bool(let flag) = value { flag } else { nil } }

    /// Integers in a list or tuple.
    package var integers: [Int]? {
        guard let elements else { return nil }
        let numbers = elements.compactMap(\.integer)
        return numbers.count == elements.count ? numbers : nil
    }

    /// Whether this is a dictionary.
    package var isDictionary: Bool { if case .dictionary = value { true } else { false } }

    /// Whether this is a tensor.
    package var isTensor: Bool { if case .tensor = value { true } else { false } }
}
