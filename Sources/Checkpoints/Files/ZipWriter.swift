import FileOutput

/// Writes a zip file of stored entries as PyTorch does: the bytes of each start at a multiple of 64, so that a reader can
/// map them.
struct ZipWriter {
    private let file: AtomicFile
    private var directory: [UInt8] = []
    private var entryCount = 0

    /// Whose sizes and places need the wide fields of Zip64.
    private let widthLimit: Int

    /// Starts an archive. Zip64 is used from `widthLimit` on, which is lower only in tests.
    init(_ file: AtomicFile, widthLimit: Int = 0xFFFF_FFFF) {
        self.file = file
        self.widthLimit = widthLimit
    }

    mutating func append(_ name: String, _ bytes: [UInt8]) throws(FileOutputError) {
        try bytes.withUnsafeBufferPointer { (buffer) throws(FileOutputError) in
            try append(name, UnsafeRawBufferPointer(buffer))
        }
    }

    mutating func append(_ name: String, _ bytes: UnsafeRawBufferPointer) throws(FileOutputError) {
        let checksum = CRC32(of: bytes).value
        let place = file.count
        let isWide = bytes.count >= widthLimit
        let name = [UInt8](name.utf8)

        var extra: [UInt8] = []
        if isWide {
            extra.append(littleEndian: UInt16(1))
            extra.append(littleEndian: UInt16(16))
            extra.append(littleEndian: UInt64(bytes.count))
            extra.append(littleEndian: UInt64(bytes.count))
        }
        // PyTorch fills the gap with a field of its own, "FB".
        let unpadded = place + 30 + name.count + extra.count + 4
        let padding = (64 - unpadded % 64) % 64
        extra.append(contentsOf: Array("FB".utf8))
        extra.append(littleEndian: UInt16(padding))
        extra.append(contentsOf: [UInt8](repeating: UInt8(ascii: "Z"), count: padding))

        var header: [UInt8] = []
        header.append(littleEndian: UInt32(0x0403_4B50))
        Self.appendCommonFields(
            to: &header, checksum: checksum, size: bytes.count, isWide: isWide, nameLength: name.count)
        header.append(littleEndian: UInt16(extra.count))
        try file.append(header + name + extra)
        try file.append(bytes)
        describe(name, checksum: checksum, size: bytes.count, place: place)
    }

    /// Writes the directory. Nothing can be appended afterwards.
    func finish() throws(FileOutputError) {
        let start = file.count
        var end: [UInt8] = []
        if entryCount >= min(0xFFFF, widthLimit) || start >= widthLimit || directory.count >= widthLimit {
            let record = start + directory.count
            end.append(littleEndian: UInt32(0x0606_4B50))
            end.append(littleEndian: UInt64(44))
            end.append(littleEndian: UInt16(45))
            end.append(littleEndian: UInt16(45))
            end.append(littleEndian: UInt64(0))  // both disks
            end.append(littleEndian: UInt64(entryCount))
            end.append(littleEndian: UInt64(entryCount))
            end.append(littleEndian: UInt64(directory.count))
            end.append(littleEndian: UInt64(start))
            end.append(littleEndian: UInt32(0x0706_4B50))
            end.append(littleEndian: UInt32(0))
            end.append(littleEndian: UInt64(record))
            end.append(littleEndian: UInt32(1))
        }
        end.append(littleEndian: UInt32(0x0605_4B50))
        end.append(littleEndian: UInt32(0))  // both disks
        end.append(littleEndian: UInt16(clamping: entryCount))
        end.append(littleEndian: UInt16(clamping: entryCount))
        end.append(littleEndian: UInt32(clamping: directory.count))
        end.append(littleEndian: start >= widthLimit ? UInt32.max : UInt32(clamping: start))
        end.append(littleEndian: UInt16(0))
        try file.append(directory + end)
    }

    private mutating func describe(_ name: [UInt8], checksum: UInt32, size: Int, place: Int) {
        let isWide = size >= widthLimit
        var extra: [UInt8] = []
        if isWide || place >= widthLimit {
            extra.append(littleEndian: UInt16(1))
            extra.append(littleEndian: UInt16((isWide ? 16 : 0) + (place >= widthLimit ? 8 : 0)))
            if isWide {
                extra.append(littleEndian: UInt64(size))
                extra.append(littleEndian: UInt64(size))
            }
            if place >= widthLimit { extra.append(littleEndian: UInt64(place)) }
        }
        directory.append(littleEndian: UInt32(0x0201_4B50))
        directory.append(littleEndian: UInt16(45))
        Self.appendCommonFields(
            to: &directory, checksum: checksum, size: size, isWide: isWide, nameLength: name.count)
        directory.append(littleEndian: UInt16(extra.count))
        directory.append(littleEndian: UInt16(0))  // comment
        directory.append(littleEndian: UInt16(0))  // disk
        directory.append(littleEndian: UInt16(0))  // internal attributes
        directory.append(littleEndian: UInt32(0))  // external attributes
        directory.append(littleEndian: place >= widthLimit ? UInt32.max : UInt32(place))
        directory.append(contentsOf: name)
        directory.append(contentsOf: extra)
        entryCount += 1
    }

    /// The fields from the version to the length of the name, the same in both headers.
    private static func appendCommonFields(
        to header: inout [UInt8], checksum: UInt32, size: Int, isWide: Bool, nameLength: Int
    ) {
        header.append(littleEndian: UInt16(isWide ? 45 : 20))
        header.append(littleEndian: UInt16(0x0800))  // the name is UTF-8
        header.append(littleEndian: UInt16(0))  // stored
        header.append(littleEndian: UInt16(0))  // time: none, so that the same tensors give the same file
        header.append(littleEndian: UInt16(0x21))  // date: 1980-01-01, the first there is
        header.append(littleEndian: checksum)
        header.append(littleEndian: isWide ? UInt32.max : UInt32(size))
        header.append(littleEndian: isWide ? UInt32.max : UInt32(size))
        header.append(littleEndian: UInt16(nameLength))
    }
}
