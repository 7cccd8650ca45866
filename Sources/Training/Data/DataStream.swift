import FileInput

/// The bytes of a file from its beginning to its end; of a gzipped one, the bytes that were compressed.
///
/// A pipe will do: nothing is read twice.
final class DataStream {
    let path: String
    /// Whether the file begins as gzip's do.
    let isGzipped: Bool
    /// How many bytes were read.
    private(set) var position = 0

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

    /// Whether what was read can be read once more, by its position in the file.
    var isReadableTwice: Bool { !isGzipped && file.size != nil }

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
        var bytes = Array(ahead.prefix(count))
        ahead.removeFirst(bytes.count)
        if bytes.count < count { bytes += try next(count - bytes.count) }
        position += bytes.count
        return bytes
    }

    /// Passes over the next bytes of a file that is readable twice.
    ///
    /// - Parameter count: How many.
    /// - Returns: Whether there are as many.
    /// - Throws: ``DataError`` where the system declines.
    func skip(_ count: Int) throws(DataError) -> Bool {
        guard let size = file.size, position + count <= size else { return false }
        let known = min(count, ahead.count)
        ahead.removeFirst(known)
        try Self.reading(path) { [file] () throws(FileInputError) in try file.skip(count - known) }
        position += count
        return true
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
