/// A value that stands in files as it stands on the command line.
public protocol TextCoded: Codable, CustomStringConvertible {
    /// What a text can be, for the message about another.
    static var forms: String { get }
    /// Reads what `description` writes; nil for anything else.
    init?(_ text: String)
}

extension TextCoded {
    /// Reads the form of the command line.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let value = Self(text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "'\(text)' is none of \(Self.forms)")
        }
        self = value
    }

    /// Writes the form of the command line.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
