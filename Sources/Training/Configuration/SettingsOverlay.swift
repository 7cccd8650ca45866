import Foundation

/// Settings by name, to be laid over others: those of a configuration file, then those of the command line.
///
/// The names are the keys of the settings' JSON form, so that a run's own `run.json` is a configuration too.
public struct SettingsOverlay: Sendable {
    private var values = JSONValue.object([:])
    /// The file, for messages.
    private let origin: String
    /// Where these settings stand in it.
    private var place: [String] = []

    /// No settings yet.
    public init() { origin = "the command line" }

    /// Reads a configuration file.
    ///
    /// - Parameter path: A JSON file, or the folder of a run, whose `run.json` is taken.
    /// - Throws: ``ConfigurationError`` where it cannot be read, or is no JSON object.
    public init(path: String) throws(ConfigurationError) {
        var isFolder: ObjCBool = false
        let isThere = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
        origin = isFolder.boolValue ? path + "/" + RunFolder.settingsName : path
        guard isThere, let data = FileManager.default.contents(atPath: origin) else {
            throw .unreadable(file: origin)
        }
        do {
            values = try JSONDecoder().decode(JSONValue.self, from: data)
        } catch {
            throw .notJSON(file: origin, reason: Self.place(ofFaultIn: data) ?? Self.reason(error))
        }
        guard case .object = values else { throw .notJSON(file: origin, reason: "it is no object") }
        if let (path, _) = values.leaves.first(where: { $0.value == .null }) {
            throw .noValue(file: origin, key: path)
        }
    }

    /// Adds a setting, or takes nothing where it is nil.
    public mutating func set(_ path: String..., to value: (some Encodable)?) throws {
        guard let value else { return }
        do {
            let nested = path.reversed().reduce(try JSONValue(encoding: value)) { .object([$1: $0]) }
            values = values.overlaid(with: nested)
        } catch EncodingError.invalidValue(let number, let context) {
            let key = path + context.codingPath.map(\.stringValue)
            throw ConfigurationError.notFinite(key: key.joined(separator: "."), value: "\(number)")
        }
    }

    /// Whether something is said about a part.
    public func has(_ path: String...) -> Bool { part(at: path) != nil }

    private func part(at path: [String]) -> JSONValue? { path.reduce(values) { $0?.members[$1] } }

    /// Forgets a setting, so that its default holds.
    public mutating func remove(_ path: String...) { values.remove(path[...]) }

    /// Takes from another what is not set here.
    public mutating func complete(by other: SettingsOverlay) { values = other.values.overlaid(with: values) }

    /// A number or text among the settings; nil where there is none, or it is of another kind.
    public func value<Value: Decodable>(_ path: String..., as type: Value.Type = Value.self) -> Value? {
        try? part(at: path)?.decoded(as: type)
    }

    /// The settings of one part.
    ///
    /// - Parameter key: Its name, as `training`.
    /// - Returns: The part's settings; none where there is no such part.
    /// - Throws: ``ConfigurationError`` where the part is no object.
    public func section(_ key: String) throws(ConfigurationError) -> SettingsOverlay {
        var section = self
        section.values = values.members[key] ?? .object([:])
        section.place.append(key)
        guard case .object = section.values else {
            throw .wrongKind(file: origin, reason: "'\(key)' must be an object")
        }
        return section
    }

    /// Throws for a part that is not among these.
    public func requireSections(_ known: [String]) throws(ConfigurationError) {
        for key in values.members.keys.sorted() where !known.contains(key) {
            throw .unknownKey(file: origin, key: key, similar: nil)
        }
    }

    /// Throws where these have a part that only another kind of run has.
    ///
    /// - Parameters:
    ///   - path: The part's keys.
    ///   - command: What trains such runs.
    /// - Throws: ``ConfigurationError/otherCommand(file:key:command:)``.
    public func refuse(_ path: String..., of command: String) throws(ConfigurationError) {
        guard part(at: path) != nil else { return }
        throw .otherCommand(file: origin, key: path.joined(separator: "."), command: command)
    }

    /// Settings with these laid over them.
    ///
    /// - Parameter settings: What is not set stays as it is there.
    /// - Returns: The settings of both.
    /// - Throws: ``ConfigurationError`` for a key that these settings do not have, or a value of another kind.
    public func applied<Settings: Codable>(to settings: Settings) throws -> Settings {
        let base = try JSONValue(encoding: settings)
        let result: Settings
        do {
            result = try base.overlaid(with: values).decoded(as: Settings.self)
        } catch let error as DecodingError {
            var unnamed: String?
            if case .dataCorrupted(let context) = error, context.codingPath.isEmpty {
                unnamed = misfit(in: base, as: Settings.self)
            }
            throw ConfigurationError.wrongKind(file: origin, reason: unnamed ?? Self.reason(error, place))
        }
        try refuseUnknown(in: JSONValue(encoding: result))
        return result
    }

    /// Throws for the first key that is not among those of settings to which these were applied.
    private func refuseUnknown(in settings: JSONValue) throws {
        let known = settings.leaves.map(\.path)
        for (path, _) in values.leaves where !known.contains(path) {
            // An empty object has no leaves.
            if known.contains(where: { $0.hasPrefix(path + ".") }) { continue }
            let last = path.split(separator: ".").last.map(String.init) ?? path
            let similar = known.first { $0 == last || $0.hasSuffix("." + last) }
            throw ConfigurationError.unknownKey(file: origin, key: full(path), similar: similar.map(full))
        }
    }

    /// The first value that does not fit by itself, in words: the decoder does not name every one.
    private func misfit<Settings: Codable>(in base: JSONValue, as type: Settings.Type) -> String? {
        for (path, value) in values.leaves {
            let need: String
            switch value {
            case .number: need = "a whole number"
            case .integer: need = "at least 0"
            case .unsigned: need = "at most \(Int.max)"
            default: continue
            }
            let nested = path.split(separator: ".").reversed().reduce(value) { .object([String($1): $0]) }
            if (try? base.overlaid(with: nested).decoded(as: type)) == nil {
                return "'\(full(path))' must be \(need), not \(value.spoken)"
            }
        }
        return nil
    }

    private func full(_ path: String) -> String { (place + [path]).joined(separator: ".") }

    /// What is wrong with a value, in words.
    private static func reason(_ error: any Error, _ start: [String] = []) -> String {
        func place(_ context: DecodingError.Context) -> String {
            let path = context.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }
            return "'" + (start + path).joined(separator: ".") + "'"
        }
        switch error {
        case DecodingError.typeMismatch(let type, let context):
            return "\(place(context)) must be \(word(for: type))"
        case DecodingError.keyNotFound(let key, let context):
            return "\(place(context)) lacks '\(key.stringValue)'"
        case DecodingError.dataCorrupted(let context):
            guard !context.codingPath.isEmpty else { return context.debugDescription }
            return "\(place(context)): \(context.debugDescription)"
        default: return "\(error)"
        }
    }

    /// Where text stops being JSON. The decoder does not tell, but Foundation's other parser does, by a number of bytes.
    private static func place(ofFaultIn data: Data) -> String? {
        do {
            _ = try JSONSerialization.jsonObject(with: data, options: .fragmentsAllowed)
            return nil
        } catch {
            let text = (error as NSError).userInfo[NSDebugDescriptionErrorKey] as? String ?? ""
            guard let offset = text.split(whereSeparator: { !$0.isNumber }).last.flatMap({ Int($0) }),
                (0...data.count).contains(offset)
            else { return text.contains("end of file") ? "it ends too early" : nil }
            let lines = data.prefix(offset).split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            return "something is wrong around line \(lines.count), column \((lines.last?.count ?? 0) + 1)"
        }
    }

    private static func word(for type: any Any.Type) -> String {
        switch type {
        case is Int.Type, is UInt64.Type: "a whole number"
        case is Double.Type: "a number"
        case is Bool.Type: "true or false"
        case is String.Type: "a text"
        case is [String: Any].Type: "an object"
        default: "\(type)".hasPrefix("Array") ? "a list" : "an object"
        }
    }
}

/// Why a configuration file cannot be used.
public enum ConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// There is no such file, or it cannot be read.
    case unreadable(file: String)
    /// It is no JSON, or no object.
    case notJSON(file: String, reason: String)
    /// A key has the value null.
    case noValue(file: String, key: String)
    /// There is no such setting; `similar` is one of the same name elsewhere.
    case unknownKey(file: String, key: String, similar: String?)
    /// A part is that of a run of another command.
    case otherCommand(file: String, key: String, command: String)
    /// A number is none.
    case notFinite(key: String, value: String)
    /// A value is of another kind than its setting.
    case wrongKind(file: String, reason: String)

    /// What is wrong and what to do, on one line.
    public var description: String {
        switch self {
        case .unreadable(let file): "'\(file)' cannot be read: give a JSON file, or the folder of a run."
        case .notJSON(let file, let reason):
            "'\(file)' is no JSON configuration: \(reason.trimmingCharacters(in: ["."]))."
        case .noValue(let file, let key): "'\(key)' in '\(file)' is null: leave it out to keep the default."
        case .unknownKey(let file, let key, let similar):
            "'\(key)' in '\(file)' is no setting; "
                + (similar.map { "did you mean '\($0)'?" } ?? "the run.json of a run shows all of them.")
        case .otherCommand(let file, let key, let command):
            "'\(file)' describes a run of '\(command)', as its '\(key)' says: give it to that command."
        case .notFinite(let key, let value): "The setting '\(key)' must be a number, not \(value)."
        case .wrongKind(let file, let reason):
            "In '\(file)' \(reason.trimmingCharacters(in: ["."]))."
        }
    }
}
