import Foundation
import TestSupport
import Testing

@testable import NumPyFiles

@Suite("Archives of arrays") struct ArrayArchiveTests {
    private let bytes = (0..<2 * 3 * 5).map { UInt8($0 * 7) }
    private let labels: [UInt8] = [3, 0, 0, 0, 0, 0, 0, 0] + [UInt8](repeating: 255, count: 8)

    private func archive(comment: String = "") -> ArrayArchive {
        ArrayArchive([NumPyArray(.uint8, shape: [2, 3, 5]), NumPyArray(.int64, shape: [2])], comment: comment)
    }

    private func content(of archive: ArrayArchive) -> [UInt8] {
        var content = [UInt8](repeating: 0, count: archive.byteCount)
        for (index, values) in [bytes, labels].enumerated() {
            let start = archive.valueOffset(ofArray: index)
            content.replaceSubrange(start..<start + values.count, with: values)
        }
        for (offset, piece) in archive.frame(checksums: [Checksum(of: bytes), Checksum(of: labels)]) {
            content.replaceSubrange(offset..<offset + piece.count, with: piece)
        }
        return content
    }

    @Test("Values begin at pages, and the frame fills the file to its end") func places() {
        let archive = archive(comment: "told")
        #expect(archive.valueOffset(ofArray: 0) % 4096 == 0 && archive.valueOffset(ofArray: 1) % 4096 == 0)
        let last = archive.frame(checksums: [Checksum(of: bytes), Checksum(of: labels)]).last
        #expect(last.map { $0.offset + $0.bytes.count } == archive.byteCount)
    }

    @Test("Places of 50,000 pictures of 256 pixels are beyond 32 bits, and exact") func large() {
        let archive = ArrayArchive([
            NumPyArray(.uint8, shape: [50000, 256, 256, 3]), NumPyArray(.int64, shape: [50000]),
        ])
        #expect(archive.valueOffset(ofArray: 0) == 4096)
        #expect(archive.valueOffset(ofArray: 1) == 4096 + 9_830_400_000 + 4096)
        // Sizes and place in the directory, wide.
        let directory = archive.frame(checksums: [Checksum(of: []), Checksum(of: [])]).last?.bytes ?? []
        let wide = littleEndian(UInt64(9_830_400_128)) + littleEndian(UInt64(9_830_400_128)) + littleEndian(UInt64(0))
        #expect(String(decoding: directory, as: UTF8.self).contains("arr_0.npy"))
        #expect(directory.indices.contains { directory[$0...].starts(with: wide) })
    }

    @Test("Sums of parts are the sum of the whole") func checksums() {
        // The check value of CRC-32: the sum of "123456789".
        let digits = Array("123456789".utf8)
        #expect(Checksum(of: digits).value == 0xCBF4_3926)
        for cut in 0...9 {
            let parts = Checksum(of: Array(digits[..<cut])).followed(by: Checksum(of: Array(digits[cut...])))
            #expect(parts == Checksum(of: digits))
        }
    }

    @Test("The comment is found at the end, also one that looks like an end", arguments: ["", "told", "PK\u{5}\u{6}"])
    func comments(text: String) {
        let content = content(of: archive(comment: text))
        #expect(ArrayArchive.comment(inEnd: content) == text)
        #expect(ArrayArchive.comment(inEnd: Array(content.dropLast())) == nil || text.isEmpty == false)
        #expect(ArrayArchive.comment(inEnd: Array("no archive, though long enough".utf8)) == nil)
        #expect(ArrayArchive.comment(inEnd: []) == nil)
    }

    @Test(
        "NumPy reads arrays and zip the comment, with right checksums",
        .enabled(if: NumPy.isInstalled, "\(NumPy.absence)"))
    func numpy() throws {
        try Fixture.withTemporaryFolder { folder in
            let path = folder.appendingPathComponent("a.npz").path
            try Data(content(of: archive(comment: "told"))).write(to: URL(fileURLWithPath: path))
            let shown = try NumPy.show(path)
            #expect(shown.arrays.map(\.name) == ["arr_0", "arr_1"])
            #expect(shown.arrays.map(\.type) == ["uint8", "int64"])
            #expect(shown.arrays.map(\.shape) == [[2, 3, 5], [2]])
            #expect(shown.arrays.map(\.bytes) == [Data(bytes), Data(labels)])
            #expect(shown.comment == "told" && shown.damaged == nil)
        }
    }
}
