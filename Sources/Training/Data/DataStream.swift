import FileInput

/// The bytes of a file from its beginning to its end; of a gzipped one, the bytes that were compressed.
///
/// A pipe will do: nothing is read twice.
final class DataStream {
    let path: String
    /// Whether the file begins as gzip's do.
    let isGzipped: Bool

    private let file: InputFile
    private var unpacking: GzipUnpacking?
    /// What was looked at and is still to be read.
    private var ahead: [UInt8] = []

    /// Opens a file.
    ///
    /// - Parameter path: A regular file or a pipe with a writer.
    /// - Throws: ``DataError`` where it is absent or unreadable.
    init(path: String) throws(DataError) {
        self.path = path
        file = try Self.reading(path) { () throws(FileInputError) in try InputFile(path: path) }
        let start = try Self.reading(path) { [file] () throws(FileInputError) in try file.read(2) }
        isGzipped = start == [0x1F, 0x8B]
        if isGzipped {
            guard let unpacking = GzipUnpacking(start) else {
                throw .unreadable(path: path, reason: "memory has run out")
            }
            self.unpacking = unpacking
        } else {
            ahead = start
        }
    }

    /// The next bytes, which the next ``read(_:)`` gives once more.
    func peek(_ count: Int) throws(DataError) -> [UInt8] {
        if ahead.count < count { ahead += try next(count - ahead.count) }
        return Array(ahead.prefix(count))
    }

    /// The next bytes.
    ///
    /// - Parameter count: How many to wait for.
    /// - Returns: As many; fewer at the end.
    /// - Throws: ``DataError`` where the system declines, or gzip data are damaged or cut off.
    func read(_ count: Int) throws(DataError) -> [UInt8] {
        if ahead.isEmpty { return try next(count) }
        let start = Array(ahead.prefix(count))
        ahead.removeFirst(start.count)
        return start.count == count ? start : start + (try next(count - start.count))
    }

    /// Reads to the end of gzip data and drops what comes, for their checksum stands there.
    func finish() throws(DataError) {
        guard isGzipped else { return }
        while try !next(1 << 16).isEmpty {}
    }

    private func next(_ count: Int) throws(DataError) -> [UInt8] {
        let (file, path) = (file, path)
        func packed(_ count: Int) throws(DataError) -> [UInt8] {
            try Self.reading(path) { () throws(FileInputError) in try file.read(count) }
        }
        guard let unpacking else { return try packed(count) }
        var bytes: [UInt8] = []
        while bytes.count < count {
            switch unpacking.bytes(upTo: count - bytes.count) {
            case .bytes(let more): bytes += more
            case .hungry:
                let more = try packed(1 << 16)
                if more.isEmpty, unpacking.isBetweenMembers { return bytes }
                guard !more.isEmpty else {
                    throw .damagedArchive(path: path, reason: "its gzip data end too early")
                }
                unpacking.feed(more)
            case .damaged: throw .damagedArchive(path: path, reason: "its gzip data are damaged")
            }
        }
        return bytes
    }

    private static func reading<Result>(
        _ path: String, _ body: () throws(FileInputError) -> Result
    ) throws(DataError) -> Result {
        do throws(FileInputError) {
            return try body()
        } catch {
            throw error == .absent ? .absent(path: path) : .unreadable(path: path, reason: "\(error)")
        }
    }
}
