import Testing

@testable import TensorBoard

@Suite("Records of event files")
struct EventRecordTests {
    // RFC 3720, B.4, and the check value of the catalogues of checksums.
    @Test(
        "CRC-32C has the published values",
        arguments: [
            ([UInt8](repeating: 0, count: 32), 0x8a91_36aa), ([UInt8](repeating: 0xff, count: 32), 0x62a8_ab43),
            ([UInt8](0..<32), 0x46dd_794e), ((0..<32).reversed(), 0x113f_db5c),
            ([UInt8]("123456789".utf8), 0xe306_9283), ([], 0),
        ] as [([UInt8], UInt32)])
    func checksums(bytes: [UInt8], expected: UInt32) {
        #expect(CRC32C.checksum(of: bytes) == expected)
    }

    @Test("Another byte anywhere changes the checksum")
    func everyByteCounts() {
        let bytes = (0..<300).map { UInt8(truncatingIfNeeded: $0 &* 37) }
        let checksum = CRC32C.checksum(of: bytes)
        for index in bytes.indices {
            var other = bytes
            other[index] ^= 0x10
            #expect(CRC32C.checksum(of: other) != checksum)
        }
    }

    // The bytes are those that TensorBoard 2.21's own checksum gives.
    @Test("A record is its length and its content, each with its masked checksum")
    func frame() {
        let expected: [UInt8] = [
            3, 0, 0, 0, 0, 0, 0, 0, 0xb0, 0x99, 0x49, 0x0e, 1, 2, 3, 0x39, 0xcd, 0xc0, 0x86,
        ]
        #expect(EventRecord.framed([1, 2, 3]) == expected)
        #expect(EventRecord.framed([UInt8](repeating: 0, count: 0x0201)).prefix(8) == [1, 2, 0, 0, 0, 0, 0, 0])
    }
}
