/// The entries of a zip file, found through its central directory and checked against it.
///
/// Only what PyTorch writes can be used: entries that are stored as they are, so that they can be read in place. See
/// decision 0003 for why this is not PyTorch's own reader.
struct ZipArchive {
    /// One file in the archive.
    struct Entry {
        let name: String
        /// Where the bytes stand in the archive.
        let offset: Int
        let count: Int
        let checksum: UInt32
        fileprivate let obstacle: String?
    }

    let file: MappedFile
    /// In the order of the central directory.
    let entries: [Entry]
    private let places: [String: Int]

    init(_ file: MappedFile) throws(CheckpointError) {
        let directory = try Directory(of: file)
        var entries: [Entry] = []
        var extents: [Range<Int>] = []
        var places: [String: Int] = [:]
        var position = directory.offset
        for _ in 0..<directory.entryCount {
            let record = try CentralRecord(of: file, at: position, before: directory.end)
            position = record.end
            let (entry, extent) = try record.locate(in: file, before: directory.offset)
            guard places.updateValue(entries.count, forKey: entry.name) == nil else {
                throw file.corrupt("it has two entries named \(quoted(entry.name))")
            }
            entries.append(entry)
            extents.append(extent)
        }
        guard position == directory.end else {
            throw file.corrupt("its directory has \(directory.end - position) bytes that belong to no entry")
        }
        extents.sort { $0.lowerBound < $1.lowerBound }
        for (one, next) in zip(extents, extents.dropFirst()) where one.upperBound > next.lowerBound {
            throw file.corrupt("two of its entries overlap at byte \(next.lowerBound)")
        }
        self.file = file
        self.entries = entries
        self.places = places
    }

    /// The entry of this name.
    subscript(name: String) -> Entry? { places[name].map { entries[$0] } }

    /// The bytes of an entry, in place and unchecked: a sum over gigabytes would cost what mapping them saves.
    func storage(_ entry: Entry) throws(CheckpointError) -> UnsafeRawBufferPointer {
        if let obstacle = entry.obstacle { throw file.unsupported(obstacle) }
        guard let bytes = file.slice(at: entry.offset, count: entry.count) else {
            throw file.corrupt("entry \(quoted(entry.name)) reaches beyond the end")
        }
        return bytes
    }

    /// The bytes of a small entry, whose checksum is right.
    func record(_ entry: Entry, limit: Int) throws(CheckpointError) -> UnsafeRawBufferPointer {
        let bytes = try storage(entry)
        guard bytes.count <= limit else {
            throw file.unsupported("entry \(quoted(entry.name)) has \(bytes.count) bytes; at most \(limit) are read")
        }
        // PyTorch writes 0 where it was told to compute none.
        if entry.checksum != 0, CRC32(of: bytes).value != entry.checksum {
            throw file.corrupt("the checksum of entry \(quoted(entry.name)) is wrong")
        }
        return bytes
    }
}

/// Where the central directory stands.
private struct Directory {
    let offset: Int
    let end: Int
    let entryCount: Int

    init(of file: MappedFile) throws(CheckpointError) {
        let bytes = file.bytes
        // The end record has 22 bytes and a comment that reaches to the end of the file.
        guard
            let end = stride(from: file.count - 22, through: max(0, file.count - 22 - 0xFFFF), by: -1).first(where: {
                bytes.littleEndian(UInt32.self, at: $0) == 0x0605_4B50
                    && $0 + 22 + Int(bytes.littleEndian(UInt16.self, at: $0 + 20)) == file.count
            })
        else { throw file.corrupt("the zip directory at its end is missing, as in a download that broke off") }

        var disks = [
            Int(bytes.littleEndian(UInt16.self, at: end + 4)), Int(bytes.littleEndian(UInt16.self, at: end + 6)),
        ]
        var here = UInt64(bytes.littleEndian(UInt16.self, at: end + 8))
        var total = UInt64(bytes.littleEndian(UInt16.self, at: end + 10))
        var size = UInt64(bytes.littleEndian(UInt32.self, at: end + 12))
        var start = UInt64(bytes.littleEndian(UInt32.self, at: end + 16))
        var limit = end

        if end >= 20, bytes.littleEndian(UInt32.self, at: end - 20) == 0x0706_4B50 {
            let place = bytes.littleEndian(UInt64.self, at: end - 12)
            guard let record = Int(exactly: place), end - 20 >= 56, record <= end - 76,
                bytes.littleEndian(UInt32.self, at: record) == 0x0606_4B50
            else { throw file.corrupt("its Zip64 directory is not where it should be") }
            disks = [
                Int(bytes.littleEndian(UInt32.self, at: record + 16)),
                Int(bytes.littleEndian(UInt32.self, at: record + 20)),
            ]
            here = bytes.littleEndian(UInt64.self, at: record + 24)
            total = bytes.littleEndian(UInt64.self, at: record + 32)
            size = bytes.littleEndian(UInt64.self, at: record + 40)
            start = bytes.littleEndian(UInt64.self, at: record + 48)
            limit = record
        }
        guard disks == [0, 0], here == total else {
            throw file.unsupported("it is one part of a zip archive in several; join the parts")
        }
        // Every entry takes at least 46 bytes in the directory, so that this also bounds the loop over them.
        guard let offset = Int(exactly: start), let length = Int(exactly: size), let count = Int(exactly: total),
            offset <= limit, length <= limit - offset, count <= length / 46
        else { throw file.corrupt("its zip directory of \(total) entries does not fit the file") }
        self.offset = offset
        self.end = offset + length
        entryCount = count
    }
}

/// An entry as the central directory describes it.
private struct CentralRecord {
    let name: String
    let end: Int
    private let nameBytes: UnsafeRawBufferPointer
    private let flags: UInt16
    private let method: UInt16
    private let checksum: UInt32
    private let storedSize: UInt64
    private let size: UInt64
    private let header: UInt64

    init(of file: MappedFile, at position: Int, before limit: Int) throws(CheckpointError) {
        let bytes = file.bytes
        guard position <= limit - 46, bytes.littleEndian(UInt32.self, at: position) == 0x0201_4B50 else {
            throw file.corrupt("its zip directory breaks off at byte \(position)")
        }
        flags = bytes.littleEndian(UInt16.self, at: position + 8)
        method = bytes.littleEndian(UInt16.self, at: position + 10)
        checksum = bytes.littleEndian(UInt32.self, at: position + 16)
        let nameLength = Int(bytes.littleEndian(UInt16.self, at: position + 28))
        let extraLength = Int(bytes.littleEndian(UInt16.self, at: position + 30))
        let commentLength = Int(bytes.littleEndian(UInt16.self, at: position + 32))
        end = position + 46 + nameLength + extraLength + commentLength
        guard end <= limit else { throw file.corrupt("its zip directory breaks off at byte \(position)") }
        nameBytes = UnsafeRawBufferPointer(rebasing: bytes[position + 46..<position + 46 + nameLength])
        guard let text = String(validating: nameBytes, as: UTF8.self), !text.utf8.contains(0) else {
            throw file.corrupt("the name of the entry at byte \(position) is no text")
        }
        name = text

        // Zip64: a number that does not fit 32 bits stands in an extra field, in this order.
        var wide = [
            bytes.littleEndian(UInt32.self, at: position + 24), bytes.littleEndian(UInt32.self, at: position + 20),
            bytes.littleEndian(UInt32.self, at: position + 42),
        ].map { UInt64($0) }
        var field = position + 46 + nameLength
        let extraEnd = field + extraLength
        while field + 4 <= extraEnd {
            let kind = bytes.littleEndian(UInt16.self, at: field)
            let fieldEnd = field + 4 + Int(bytes.littleEndian(UInt16.self, at: field + 2))
            guard fieldEnd <= extraEnd else { break }
            if kind == 1 {
                var place = field + 4
                for index in wide.indices where wide[index] == 0xFFFF_FFFF {
                    guard place + 8 <= fieldEnd else { break }
                    wide[index] = bytes.littleEndian(UInt64.self, at: place)
                    place += 8
                }
                break
            }
            field = fieldEnd
        }
        (size, storedSize, header) = (wide[0], wide[1], wide[2])
    }

    /// Follows the directory to the entry's own header, and to the bytes behind it.
    func locate(
        in file: MappedFile, before limit: Int
    ) throws(CheckpointError) -> (entry: ZipArchive.Entry, extent: Range<Int>) {
        let bytes = file.bytes
        func failure(_ what: String) -> CheckpointError { file.corrupt("entry \(quoted(name)) \(what)") }
        guard let header = Int(exactly: header), limit >= 30, header <= limit - 30,
            bytes.littleEndian(UInt32.self, at: header) == 0x0403_4B50
        else { throw failure("is not where the zip directory says") }
        let nameLength = Int(bytes.littleEndian(UInt16.self, at: header + 26))
        let extraLength = Int(bytes.littleEndian(UInt16.self, at: header + 28))
        let offset = header + 30 + nameLength + extraLength
        guard let length = Int(exactly: storedSize), offset <= limit, length <= limit - offset,
            let plainLength = Int(exactly: size)
        else { throw failure("of \(storedSize) bytes reaches beyond the end") }
        guard nameLength == nameBytes.count, bytes[header + 30..<header + 30 + nameLength].elementsEqual(nameBytes),
            bytes.littleEndian(UInt16.self, at: header + 8) == method
        else { throw failure("calls itself otherwise than the zip directory does") }

        var obstacle: String?
        if flags & 0x2041 != 0 {
            obstacle = "entry \(quoted(name)) is encrypted; extract it and save the tensors anew"
        } else if method != 0 {
            obstacle =
                "entry \(quoted(name)) is compressed (method \(method)), and PyTorch stores its entries; "
                + "load it in PyTorch and save it with torch.save"
        } else if plainLength != length {
            throw failure("has \(length) bytes and claims \(plainLength)")
        }
        let entry = ZipArchive.Entry(name: name, offset: offset, count: length, checksum: checksum, obstacle: obstacle)
        return (entry, header..<offset + length)
    }
}
