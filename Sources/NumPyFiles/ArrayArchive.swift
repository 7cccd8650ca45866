/// A `.npz` file of arrays whose shapes are known before their values: where every byte lies.
///
/// An `.npz` is a zip archive of one `.npy` file for each array, here stored as they are, so that values can be written in
/// any order and by several processes. All sizes are in the wide fields of Zip64, whatever they are: 50,000 pictures of
/// 256 pixels are 9.8 GB, and there is one form to test.
public struct ArrayArchive: Hashable, Sendable {
    /// The arrays, which NumPy calls `arr_0`, `arr_1`, …
    public let arrays: [NumPyArray]
    /// A text for people and programs, which readers of arrays pass over; at most 65,535 bytes.
    public let comment: String

    private let entries: [Entry]

    /// An array's place.
    private struct Entry: Hashable {
        let name: [UInt8]
        /// Where its zip header is.
        let offset: Int
        /// Bytes between the header's name and the `.npy` file, of which 20 tell sizes.
        let extraCount: Int
        let arrayHeader: [UInt8]
        let valueCount: Int

        var count: Int { arrayHeader.count + valueCount }
        var valueOffset: Int { offset + 30 + name.count + extraCount + arrayHeader.count }
        var end: Int { valueOffset + valueCount }
    }

    /// Values begin at a multiple of this, a page: then pictures of 64, 128, 256, … pixels do as well, and processes that
    /// write neighbours from several machines share no page of a network's file system.
    private static let alignment = 4096

    /// Lays arrays out. Traps where the comment is too long.
    public init(_ arrays: [NumPyArray], comment: String = "") {
        precondition(comment.utf8.count <= 0xFFFF, "A comment of \(comment.utf8.count) bytes does not fit")
        self.arrays = arrays
        self.comment = comment
        var end = 0
        entries = arrays.enumerated().map { index, array in
            let name = Array("arr_\(index).npy".utf8)
            let header = array.header
            let least = Self.sizesCount + 4
            let unpadded = end + 30 + name.count + least + header.count
            let padding = (Self.alignment - unpadded % Self.alignment) % Self.alignment
            let entry = Entry(
                name: name, offset: end, extraCount: least + padding, arrayHeader: header, valueCount: array.byteCount)
            end = entry.end
            return entry
        }
    }

    /// The field of Zip64 that tells two sizes.
    private static let sizesCount = 20

    /// Where the values of an array begin.
    public func valueOffset(ofArray index: Int) -> Int { entries[index].valueOffset }

    /// How large the file is.
    public var byteCount: Int { directoryOffset + directory(checksums: entries.map { _ in 0 }).count }

    private var directoryOffset: Int { entries.last?.end ?? 0 }

    /// All that is not values.
    ///
    /// - Parameter checksums: Of the values of each array.
    /// - Returns: Pieces, and where they stand.
    public func frame(checksums: [Checksum]) -> [(offset: Int, bytes: [UInt8])] {
        precondition(checksums.count == entries.count, "\(checksums.count) sums for \(entries.count) arrays")
        let sums = zip(entries, checksums).map { Checksum(of: $0.arrayHeader).followed(by: $1).value }
        return zip(entries, sums).map { ($0.offset, Self.header(of: $0, checksum: $1)) }
            + [(directoryOffset, directory(checksums: sums))]
    }

    // MARK: Zip (PKWARE's APPNOTE 6.3.10, sections 4.3 and 4.5)

    private static func header(of entry: Entry, checksum: UInt32) -> [UInt8] {
        let padding = entry.extraCount - sizesCount - 4
        var bytes = littleEndian(UInt32(0x0403_4B50)) + commonFields(of: entry, checksum: checksum)
        bytes += littleEndian(UInt16(entry.extraCount)) + entry.name
        bytes += wideField([entry.count, entry.count])
        // A field that nobody knows, "FB", as PyTorch fills its gaps.
        bytes += Array("FB".utf8) + littleEndian(UInt16(padding)) + [UInt8](repeating: 0, count: padding)
        return bytes + entry.arrayHeader
    }

    private func directory(checksums: [UInt32]) -> [UInt8] {
        var bytes: [UInt8] = []
        for (entry, checksum) in zip(entries, checksums) {
            let extra = Self.wideField([entry.count, entry.count, entry.offset])
            bytes += littleEndian(UInt32(0x0201_4B50)) + littleEndian(UInt16(45))
            bytes += Self.commonFields(of: entry, checksum: checksum) + littleEndian(UInt16(extra.count))
            // No comment, the first disk, no attributes.
            bytes += [UInt8](repeating: 0, count: 10) + littleEndian(UInt32.max) + entry.name + extra
        }
        let (start, size) = (directoryOffset, bytes.count)
        bytes += littleEndian(UInt32(0x0606_4B50)) + littleEndian(UInt64(44))
        bytes += littleEndian(UInt16(45)) + littleEndian(UInt16(45)) + littleEndian(UInt64(0))
        bytes += [entries.count, entries.count, size, start].flatMap { littleEndian(UInt64($0)) }
        bytes += littleEndian(UInt32(0x0706_4B50)) + littleEndian(UInt32(0))
        bytes += littleEndian(UInt64(start + size)) + littleEndian(UInt32(1))
        bytes += littleEndian(Self.endSignature) + littleEndian(UInt32(0))
        bytes += littleEndian(UInt16(entries.count)) + littleEndian(UInt16(entries.count))
        bytes += littleEndian(UInt32.max) + littleEndian(UInt32.max)
        return bytes + littleEndian(UInt16(comment.utf8.count)) + Array(comment.utf8)
    }

    /// From the version that is needed to the length of the name, the same in both headers: stored, and no time, so that
    /// the same values give the same file.
    private static func commonFields(of entry: Entry, checksum: UInt32) -> [UInt8] {
        littleEndian(UInt16(45)) + littleEndian(UInt16(0)) + littleEndian(UInt16(0)) + littleEndian(UInt16(0))
            + littleEndian(UInt16(0x21)) + littleEndian(checksum) + littleEndian(UInt32.max)
            + littleEndian(UInt32.max) + littleEndian(UInt16(entry.name.count))
    }

    private static func wideField(_ numbers: [Int]) -> [UInt8] {
        littleEndian(UInt16(1)) + littleEndian(UInt16(8 * numbers.count))
            + numbers.flatMap { littleEndian(UInt64($0)) }
    }

    private static let endSignature: UInt32 = 0x0605_4B50

    /// How many bytes of a file's end hold its comment.
    public static let longestEnd = 22 + 0xFFFF

    /// The comment of a zip archive.
    ///
    /// - Parameter end: The last ``longestEnd`` bytes of the file, or all.
    /// - Returns: The text; nil where this is not the end of a zip archive.
    public static func comment(inEnd end: [UInt8]) -> String? {
        guard end.count >= 22 else { return nil }
        for start in stride(from: end.count - 22, through: 0, by: -1)
        where end[start..<start + 4].elementsEqual(littleEndian(endSignature)) {
            let length = Int(end[start + 20]) | Int(end[start + 21]) << 8
            if start + 22 + length == end.count { return String(validating: end[(start + 22)...], as: UTF8.self) }
        }
        return nil
    }
}
