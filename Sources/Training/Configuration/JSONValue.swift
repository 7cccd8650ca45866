import Foundation

/// A JSON value whose keys are not known beforehand.
enum JSONValue: Codable, Hashable, Sendable {
    case null
    case bool(Bool)
    case integer(Int)
    /// Above `Int.max`.
    case unsigned(UInt64)
    case number(Double)
    case text(String)
    case list([JSONValue])
    case object([String: JSONValue])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int.self) {
            self = .integer(value)
        } else if let value = try? container.decode(UInt64.self) {
            self = .unsigned(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .text(value)
        } else if (try? decoder.unkeyedContainer()) != nil {
            self = .list(try container.decode([JSONValue].self))
        } else {
            do {
                self = .object(try container.decode([String: JSONValue].self))
            } catch DecodingError.typeMismatch(_, let context)
                where context.codingPath.count == decoder.codingPath.count
            {
                // JSON has nothing else that none of the above can be.
                throw DecodingError.dataCorruptedError(in: container, debugDescription: "the number is too large")
            }
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .unsigned(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .text(let value): try container.encode(value)
        case .list(let values): try container.encode(values)
        case .object(let values): try container.encode(values)
        }
    }

    /// What a value is as JSON.
    init(encoding value: some Encodable) throws {
        self = try JSONDecoder().decode(JSONValue.self, from: JSONEncoder().encode(value))
    }

    /// The value as another type.
    func decoded<Value: Decodable>(as type: Value.Type) throws -> Value {
        try JSONDecoder().decode(type, from: JSONEncoder().encode(self))
    }

    /// The members of an object; none of anything else.
    var members: [String: JSONValue] {
        if case .object(let members) = self { members } else { [:] }
    }

    /// The value with another laid over it: members of objects one by one, anything else whole.
    func overlaid(with other: JSONValue) -> JSONValue {
        guard case .object(var members) = self, case .object(let others) = other else { return other }
        for (key, value) in others { members[key] = members[key]?.overlaid(with: value) ?? value }
        return .object(members)
    }

    /// Takes out what stands at a path of keys, if anything.
    mutating func remove(_ path: ArraySlice<String>) {
        guard case .object(var members) = self, let key = path.first else { return }
        if path.count == 1 { members[key] = nil } else { members[key]?.remove(path.dropFirst()) }
        self = .object(members)
    }

    /// The dotted paths of everything that is no object, and their values.
    var leaves: [(path: String, value: JSONValue)] {
        guard case .object(let members) = self else { return [("", self)] }
        return members.sorted { $0.key < $1.key }.flatMap { key, value in
            value.leaves.map { ($0.path.isEmpty ? key : key + "." + $0.path, $0.value) }
        }
    }

    /// The first leaf that is another in a second value, with both; nil where none is.
    func firstDifference(from other: JSONValue) -> (path: String, own: String, other: String)? {
        let (own, others) = (leaves, other.leaves)
        for path in Set(own.map(\.path)).union(others.map(\.path)).sorted() {
            let values = [own, others].map { leaves in leaves.first { $0.path == path }?.value }
            guard values[0] != values[1] else { continue }
            return (path, values[0]?.spoken ?? "nothing", values[1]?.spoken ?? "nothing")
        }
        return nil
    }

    /// As people write it, on one line.
    var spoken: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "?"
    }
}
