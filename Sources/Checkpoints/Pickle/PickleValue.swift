package import Torch

/// A value out of a pickle.
///
/// Containers are places in a ``PickleHeap``, so that a list which holds itself, or a million lists one inside another,
/// can neither leak nor exhaust the stack when it is released.
package enum PickleValue: Sendable {
    case none
    case bool(Bool)
    case integer(Int)
    /// An integer beyond 64 bits, little-endian in two's complement. Nothing here needs one.
    case bigInteger([UInt8])
    case float(Double)
    case string(String)
    case bytes([UInt8])
    case tuple(Int)
    case list(Int)
    case set(Int)
    case dictionary(Int)
    case tensor(Int)
    case storage(Int)
    case dtype(DType)
    case global(PickleGlobal)
    case object(Int)

    /// What errors call it.
    package var kind: String {
        switch self {
        case .none: "None"
        case .bool: "a bool"
        case .integer, .bigInteger: "an int"
        case .float: "a float"
        case .string: "a str"
        case .bytes: "bytes"
        case .tuple: "a tuple"
        case .list: "a list"
        case .set: "a set"
        case .dictionary: "a dict"
        case .tensor: "a tensor"
        case .storage: "a storage"
        case .dtype: "a dtype"
        case .global(let global): "the global \(global)"
        case .object: "an object"
        }
    }
}

/// The part of a tensor that a pickle describes. Nothing in it has been checked against the file.
package struct PickledTensor: Sendable {
    package var storage: Int
    package var dtype: DType
    package var offset: Int
    package var shape: [Int]
    package var strides: [Int]
}

/// A storage that a pickle refers to: an entry of the archive and what the pickle expects of it.
package struct PickledStorage: Hashable, Sendable {
    package var key: String
    /// Nil for bytes without a type.
    package var dtype: DType?
    package var count: Int
}

/// An instance of one of the few harmless classes.
package struct PickledObject: Sendable {
    package var className: String
    package var state: PickleValue
}

/// The containers of one pickle.
package struct PickleHeap: Sendable {
    package typealias Pair = (key: PickleValue, value: PickleValue)

    package var sequences: [[PickleValue]] = []
    package var dictionaries: [[Pair]] = []
    package var tensors: [PickledTensor] = []
    package var storages: [PickledStorage] = []
    package var objects: [PickledObject] = []

    mutating func tuple(_ elements: [PickleValue]) -> PickleValue { .tuple(place(elements)) }
    mutating func list(_ elements: [PickleValue]) -> PickleValue { .list(place(elements)) }
    mutating func set(_ elements: [PickleValue]) -> PickleValue { .set(place(elements)) }

    mutating func dictionary(_ pairs: [Pair]) -> PickleValue {
        dictionaries.append(pairs)
        return .dictionary(dictionaries.count - 1)
    }

    mutating func object(_ className: String, state: PickleValue = .none) -> PickleValue {
        objects.append(PickledObject(className: className, state: state))
        return .object(objects.count - 1)
    }

    /// The elements of a tuple, list or set.
    func elements(of value: PickleValue) -> [PickleValue]? {
        switch value {
        case .tuple(let place), .list(let place), .set(let place): sequences[place]
        default: nil
        }
    }

    private mutating func place(_ elements: [PickleValue]) -> Int {
        sequences.append(elements)
        return sequences.count - 1
    }
}
