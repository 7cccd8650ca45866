/// A reader of the small part of JSON that a safetensors header is, strict where a general one is lenient.
///
/// Foundation's reader would take the last of two tensors of one name without a word, and lose the order.
struct JSONHeader {
    /// A value of the header. Numbers in it are sizes and nothing else.
    enum Value {
        case string(String)
        case sizes([Int])
        case object([(key: String, value: Value)])
    }

    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    struct SyntaxError: Error {
        let message: String
    }

    /// The fields of the object that the text is.
    static func fields(of bytes: UnsafeRawBufferPointer) throws(SyntaxError) -> [(key: String, value: Value)] {
        var header = JSONHeader(bytes)
        let fields = try header.object(depth: 0)
        header.skipSpace()
        guard header.position == bytes.count else { throw header.failure("has text behind its end") }
        return fields
    }

    private init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    private func failure(_ what: String) -> SyntaxError {
        SyntaxError(message: "its header \(what) (character \(position))")
    }

    private mutating func skipSpace() {
        while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
    }

    private mutating func next() -> UInt8? {
        skipSpace()
        return position < bytes.count ? bytes[position] : nil
    }

    /// Moves past a character if it comes next.
    private mutating func accept(_ character: Character) -> Bool {
        guard next() == character.asciiValue else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ character: Character) throws(SyntaxError) {
        guard accept(character) else { throw failure("lacks a '\(character)'") }
    }

    private mutating func object(depth: Int) throws(SyntaxError) -> [(key: String, value: Value)] {
        try expect("{")
        var fields: [(key: String, value: Value)] = []
        var keys: Set<String> = []
        if accept("}") { return fields }
        repeat {
            let key = try string()
            guard keys.insert(key).inserted else { throw failure("has \(quoted(key)) twice") }
            try expect(":")
            fields.append((key, try value(depth: depth + 1)))
        } while accept(",")
        try expect("}")
        return fields
    }

    private mutating func value(depth: Int) throws(SyntaxError) -> Value {
        switch next() {
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "["): return .sizes(try sizes())
        // An object of objects (tensors, metadata): nothing is nested deeper.
        case UInt8(ascii: "{") where depth < 2: return .object(try object(depth: depth))
        default: throw failure("holds something that is no part of safetensors")
        }
    }

    private mutating func sizes() throws(SyntaxError) -> [Int] {
        try expect("[")
        var sizes: [Int] = []
        if accept("]") { return sizes }
        repeat {
            guard let first = next(), (0x30...0x39).contains(first) else {
                throw failure("has no whole number for a size")
            }
            var size = 0
            while position < bytes.count, (0x30...0x39).contains(bytes[position]) {
                let (tens, overflow) = size.multipliedReportingOverflow(by: 10)
                let (sum, sumOverflow) = tens.addingReportingOverflow(Int(bytes[position] - 0x30))
                guard !overflow, !sumOverflow else { throw failure("has a size beyond 64 bits") }
                size = sum
                position += 1
            }
            sizes.append(size)
        } while accept(",")
        try expect("]")
        return sizes
    }

    private mutating func string() throws(SyntaxError) -> String {
        try expect("\"")
        var content: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: content, as: UTF8.self) else { throw failure("is no UTF-8") }
                return text
            case UInt8(ascii: "\\"): content.append(contentsOf: try escaped().utf8)
            case 0..<0x20: throw failure("has a control character in a string")
            default: content.append(byte)
            }
        }
        throw failure("breaks off in a string")
    }

    private mutating func escaped() throws(SyntaxError) -> String {
        guard position < bytes.count else { throw failure("breaks off in a string") }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return String(UnicodeScalar(byte))
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            var units = [try codeUnit()]
            if UTF16.isLeadSurrogate(units[0]) {
                guard bytes[position...].starts(with: "\\u".utf8) else { throw failure("has half a character") }
                position += 2
                units.append(try codeUnit())
            }
            guard let text = String(validating: units, as: UTF16.self) else { throw failure("has half a character") }
            return text
        default: throw failure("has an unknown escape in a string")
        }
    }

    private mutating func codeUnit() throws(SyntaxError) -> UInt16 {
        guard bytes.count - position >= 4,
            let digits = String(validating: bytes[position..<position + 4], as: UTF8.self),
            digits.utf8.allSatisfy({ UnicodeScalar($0).properties.isASCIIHexDigit }),
            let unit = UInt16(digits, radix: 16)
        else { throw failure("has a broken escape in a string") }
        position += 4
        return unit
    }

    /// A string as JSON, with its quotes.
    static func literal(_ text: String) -> String {
        var literal = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": literal += "\\\""
            case "\\": literal += "\\\\"
            case "\n": literal += "\\n"
            case "\r": literal += "\\r"
            case "\t": literal += "\\t"
            case "\u{8}": literal += "\\b"
            case "\u{C}": literal += "\\f"
            case "\u{0}"..<"\u{20}":
                let digits = String(scalar.value, radix: 16)
                literal += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: literal.unicodeScalars.append(scalar)
            }
        }
        return literal + "\""
    }
}
