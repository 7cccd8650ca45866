public import TokenPyramid

/// What a generated PNG holds beside its pixels, in the private chunk `mvTK`: the tokens of its pictures, packed, and
/// how the pictures are laid out.
///
/// All numbers are big-endian: version (1 byte, 1), layout (1 byte), columns (2), number of scales (2), the side of each
/// (2), number of codes (4), number of pictures (4); of each picture its class (4; all ones for none) and its number (8);
/// then the tokens of all pictures, each in as few bits as the codes need, the last byte filled up with zeros.
public struct PictureTokens: Hashable, Sendable {
    /// How pictures lie in one file.
    public enum Layout: UInt8, Hashable, Sendable {
        /// One picture, or several in a grid.
        case grid = 0
        /// A row for each picture: what it is after every scale.
        case progressive = 1
    }

    /// One generated picture.
    public struct Picture: Hashable, Sendable {
        /// Its class; nil for none.
        public var label: Int?
        /// Its number, by which its random numbers were drawn.
        public var image: Int
        /// Its tokens, all scales one after another.
        public var tokens: [Int32]

        /// A picture.
        public init(label: Int?, image: Int, tokens: [Int32]) {
            self.label = label
            self.image = image
            self.tokens = tokens
        }
    }

    /// The token maps.
    public var schedule: ScaleSchedule
    /// The number of codes, V.
    public var vocabularySize: Int
    /// How the pictures lie.
    public var layout: Layout
    /// How many lie side by side.
    public var columns: Int
    /// The pictures, row by row.
    public var pictures: [Picture]

    /// The tokens of pictures.
    public init(
        schedule: ScaleSchedule, vocabularySize: Int, layout: Layout = .grid, columns: Int = 1, pictures: [Picture]
    ) {
        self.schedule = schedule
        self.vocabularySize = vocabularySize
        self.layout = layout
        self.columns = columns
        self.pictures = pictures
    }

    private static let version: UInt8 = 1
    private static let noClass: UInt32 = .max

    /// The fewest bits that hold every code.
    private static func bits(for vocabularySize: Int) -> Int {
        max(1, Int.bitWidth - (vocabularySize - 1).leadingZeroBitCount)
    }

    /// The content of the chunk. Traps where a token is no code or a picture has not as many as the maps.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = [Self.version, layout.rawValue]
        bytes.append(bigEndian: UInt16(clamping: columns))
        bytes.append(bigEndian: UInt16(schedule.count))
        for side in schedule.sides { bytes.append(bigEndian: UInt16(side)) }
        bytes.append(bigEndian: UInt32(vocabularySize))
        bytes.append(bigEndian: UInt32(pictures.count))
        for picture in pictures {
            bytes.append(bigEndian: picture.label.map { UInt32($0) } ?? Self.noClass)
            bytes.append(bigEndian: UInt64(picture.image))
        }
        let bits = Self.bits(for: vocabularySize)
        var (pending, held) = (UInt64(0), 0)
        for picture in pictures {
            precondition(picture.tokens.count == schedule.tokenCount, "\(picture.tokens.count) tokens for \(schedule)")
            for token in picture.tokens {
                precondition(token >= 0 && token < vocabularySize, "\(token) is none of \(vocabularySize) codes")
                pending = pending << UInt64(bits) | UInt64(token)
                held += bits
                while held >= 8 {
                    held -= 8
                    bytes.append(UInt8(truncatingIfNeeded: pending >> UInt64(held)))
                }
            }
        }
        if held > 0 { bytes.append(UInt8(truncatingIfNeeded: pending << UInt64(8 - held))) }
        return bytes
    }

    /// Reads the content of a chunk.
    ///
    /// - Parameter bytes: What ``bytes`` made, or anything.
    /// - Throws: ``PictureTokensError`` where it is something else.
    public init(decoding bytes: [UInt8]) throws(PictureTokensError) {
        var reader = Reader(bytes: bytes[...])
        let version = try reader.integer(UInt8.self)
        guard version == Self.version else { throw .unknownVersion(Int(version)) }
        guard let layout = Layout(rawValue: try reader.integer(UInt8.self)) else {
            throw .damaged("its layout is unknown")
        }
        let columns = Int(try reader.integer(UInt16.self))
        guard columns > 0 else { throw .damaged("it has no columns") }
        let scales = Int(try reader.integer(UInt16.self))
        var sides: [Int] = []
        for _ in 0..<scales { sides.append(Int(try reader.integer(UInt16.self))) }
        let schedule: ScaleSchedule
        do throws(ScheduleError) {
            schedule = try ScaleSchedule(sides)
        } catch {
            throw .damaged("its maps make no schedule")
        }
        let vocabularySize = Int(try reader.integer(UInt32.self))
        guard (1...1 << 24).contains(vocabularySize) else { throw .damaged("it claims \(vocabularySize) codes") }
        let count = Int(try reader.integer(UInt32.self))
        guard count > 0 else { throw .damaged("it has no pictures") }
        let bits = Self.bits(for: vocabularySize)
        // At most 2³² pictures of 2³⁰ tokens of 24 bits would overflow: bounded by the bytes that are there first.
        guard count <= reader.rest.count / 12 else { throw .damaged("it ends too early") }
        let tokenBits = count.multipliedReportingOverflow(by: schedule.tokenCount * bits)
        guard !tokenBits.overflow, reader.rest.count == count * 12 + (tokenBits.partialValue + 7) / 8 else {
            throw .damaged("its length does not fit its \(count) pictures")
        }
        var pictures: [Picture] = []
        for _ in 0..<count {
            let label = try reader.integer(UInt32.self)
            let image = try reader.integer(UInt64.self)
            guard let image = Int(exactly: image) else { throw .damaged("a picture has the number \(image)") }
            pictures.append(Picture(label: label == Self.noClass ? nil : Int(label), image: image, tokens: []))
        }
        var (pending, held) = (UInt64(0), 0)
        for index in pictures.indices {
            pictures[index].tokens.reserveCapacity(schedule.tokenCount)
            for _ in 0..<schedule.tokenCount {
                while held < bits {
                    pending = pending << 8 | UInt64(try reader.integer(UInt8.self))
                    held += 8
                }
                held -= bits
                let token = Int(pending >> UInt64(held) & (1 << UInt64(bits) - 1))
                guard token < vocabularySize else {
                    throw .damaged("token \(token) is none of \(vocabularySize) codes")
                }
                pictures[index].tokens.append(Int32(token))
            }
        }
        self.init(
            schedule: schedule, vocabularySize: vocabularySize, layout: layout, columns: columns, pictures: pictures)
    }

    private struct Reader {
        var rest: ArraySlice<UInt8>

        init(bytes: ArraySlice<UInt8>) { rest = bytes }

        mutating func integer<Value: FixedWidthInteger>(_: Value.Type) throws(PictureTokensError) -> Value {
            let size = Value.bitWidth / 8
            guard rest.count >= size else { throw .damaged("it ends too early") }
            defer { rest = rest.dropFirst(size) }
            return rest.prefix(size).reduce(0) { Value(truncatingIfNeeded: UInt64($0) << 8 | UInt64($1)) }
        }
    }
}

extension [UInt8] {
    fileprivate mutating func append<Value: FixedWidthInteger>(bigEndian value: Value) {
        Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
    }
}

/// Why the tokens in a picture cannot be used.
public enum PictureTokensError: Error, Hashable, Sendable, CustomStringConvertible {
    case unknownVersion(Int)
    case damaged(String)

    /// What is wrong and what to do, on one line.
    public var description: String {
        switch self {
        case .unknownVersion(let version):
            "The picture's tokens are in form \(version), which this version of mvar does not know: use a newer mvar."
        case .damaged(let what): "The picture's tokens are damaged: \(what). Fetch the picture again."
        }
    }
}
