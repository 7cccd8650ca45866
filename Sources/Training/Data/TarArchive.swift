/// Reads the files in a tar archive one after another (POSIX ustar, with GNU's and pax's long names).
///
/// Nothing is unpacked to the disk, so a hostile name has nowhere to go: it is only a text.
struct TarArchive {
    /// One file in the archive.
    struct Entry {
        /// Its path in the archive.
        let name: String
        /// Its first bytes: all, of a small file.
        let start: [UInt8]
        /// All of it, or where that is; of a link why there is nothing.
        let content: FoundPicture.Content
    }

    static let blockSize = 512
    /// No picture is larger; a damaged size field must not ask for all memory.
    private static let largestFile = 1 << 28

    private let stream: DataStream
    private var path: String { stream.path }

    init(_ stream: DataStream) { self.stream = stream }

    /// Whether a file's first block is that of an archive, perhaps a damaged one.
    static func begins(_ block: [UInt8]) -> Bool {
        block.count == blockSize
            && (block.allSatisfy { $0 == 0 } || checksumHolds(block) || block[257...].starts(with: "ustar".utf8))
    }

    /// Calls `body` with every regular file and every link, in the order of the archive, up to the first end mark. What
    /// can be read later is passed over.
    ///
    /// - Parameter body: Returns false to stop.
    /// - Throws: ``DataError`` where the archive cannot be read, is none, or is cut off.
    func forEachFile(_ body: (Entry) throws(DataError) -> Bool) throws(DataError) {
        var longName: String?
        while true {
            let header = try header()
            if header.allSatisfy({ $0 == 0 }) { break }
            guard Self.checksumHolds(header) else {
                throw DataError.damagedArchive(path: path, reason: "a header has a wrong checksum")
            }
            guard let size = Self.number(header[124..<136]), size >= 0, size <= Self.largestFile else {
                throw DataError.damagedArchive(path: path, reason: "an entry has a senseless size")
            }
            switch header[156] {
            case UInt8(ascii: "L"): longName = text(try content(of: size)[...])
            case UInt8(ascii: "x"): longName = paxPath(try content(of: size)) ?? longName
            case UInt8(ascii: "0"), 0, UInt8(ascii: "7"):
                let name = longName ?? ustarName(header)
                longName = nil
                guard try body(entry(name, size: size)) else { return }
            case UInt8(ascii: "1"), UInt8(ascii: "2"):
                let name = longName ?? ustarName(header)
                longName = nil
                _ = try content(of: size)
                guard try body(Entry(name: name, start: [], content: .unusable(Self.link))) else { return }
            default:
                longName = nil
                _ = try content(of: size)
            }
        }
        try stream.finish()
    }

    private static let link =
        "it is a link: pack the archive again with tar --dereference --hard-dereference, which copies what links lead to."

    /// The next header; only zeros at the end.
    private func header() throws(DataError) -> [UInt8] {
        let bytes = try stream.read(Self.blockSize)
        // Between two files nothing but the mark tells a whole archive from a part.
        guard !bytes.isEmpty else {
            throw .damagedArchive(path: path, reason: "it has no end mark, so it seems to be cut off")
        }
        guard bytes.count == Self.blockSize else { throw cutOff }
        return bytes
    }

    private func entry(_ name: String, size: Int) throws(DataError) -> Entry {
        guard stream.isReadableTwice else {
            let bytes = try content(of: size)
            return Entry(name: name, start: Array(bytes.prefix(Self.blockSize)), content: .bytes(bytes))
        }
        let offset = stream.position
        let start = try content(of: min(size, Self.blockSize))
        guard try stream.skip(max(0, Self.padded(size) - Self.blockSize)) else { throw cutOff }
        return Entry(name: name, start: start, content: .part(path: path, offset: offset, size: size))
    }

    /// Entries are padded to whole blocks.
    private static func padded(_ size: Int) -> Int { (size + blockSize - 1) / blockSize * blockSize }

    private func content(of size: Int) throws(DataError) -> [UInt8] {
        let whole = Self.padded(size)
        let bytes = try stream.read(whole)
        guard bytes.count == whole else { throw cutOff }
        return Array(bytes[..<size])
    }

    private var cutOff: DataError { .damagedArchive(path: path, reason: "it ends in the middle of an entry") }

    private static func checksumHolds(_ header: [UInt8]) -> Bool {
        let field = 148..<156
        var sum = field.count * Int(UInt8(ascii: " "))
        for (index, byte) in header.enumerated() where !field.contains(index) { sum += Int(byte) }
        return number(header[field]) == sum
    }

    /// An octal number, ended by a space or zero.
    private static func number(_ field: ArraySlice<UInt8>) -> Int? {
        let digits = field.drop { $0 == UInt8(ascii: " ") }
            .prefix { (UInt8(ascii: "0")...UInt8(ascii: "7")).contains($0) }
        guard !digits.isEmpty else { return nil }
        return digits.reduce(0) { $0 << 3 | Int($1 - UInt8(ascii: "0")) }
    }

    private func text(_ field: ArraySlice<UInt8>) -> String {
        String(decoding: field.prefix { $0 != 0 }, as: UTF8.self)
    }

    private func ustarName(_ header: [UInt8]) -> String {
        let name = text(header[0..<100])
        let prefix = text(header[257..<262]) == "ustar" && header[262] == 0 ? text(header[345..<500]) : ""
        return prefix.isEmpty ? name : prefix + "/" + name
    }

    /// The path in a pax header: lines of "length key=value".
    private func paxPath(_ bytes: [UInt8]) -> String? {
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            let parts = text(line).split(separator: " ", maxSplits: 1)
            if parts.count == 2, parts[1].hasPrefix("path=") { return String(parts[1].dropFirst(5)) }
        }
        return nil
    }
}
