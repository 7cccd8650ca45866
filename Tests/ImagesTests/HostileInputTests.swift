import Images
import Testing

@Suite("Hostile pictures")
struct HostileInputTests {
    @Test("A file that ends anywhere too early is an error", arguments: Fixture.names)
    func truncation(name: String) throws {
        let bytes = try Fixture.bytes(name)
        for length in 0..<bytes.count {
            let error = imageError { try PixelImage(decoding: Array(bytes[..<length])) }
            #expect(error != nil, "\(length) of \(bytes.count) bytes gave a picture")
            if let error { #expect(!error.description.contains("\n")) }
            _ = try? PNGMetadata(decoding: Array(bytes[..<length]))
        }
    }

    @Test("A flipped bit anywhere gives a picture or an error", arguments: Fixture.names)
    func bitFlips(name: String) throws {
        let original = try Fixture.bytes(name)
        for index in original.indices {
            var bytes = original
            bytes[index] ^= 1 << UInt8(index % 8)
            _ = try? PixelImage(decoding: bytes)
            _ = try? PNGMetadata(decoding: bytes)
            bytes[index] = 0xFF
            _ = try? PixelImage(decoding: bytes)
        }
    }

    @Test("Sizes that no memory holds are declined by the header alone")
    func absurdSizes() throws {
        var jpeg = try Fixture.bytes("rgb.jpg")
        let frame = try #require(jpeg.indices.first { jpeg[$0] == 0xFF && jpeg[$0 + 1] == 0xC0 })
        // The most that libjpeg takes; beyond, the refusal is its own.
        jpeg.replaceSubrange(frame + 5..<frame + 9, with: [0xFF, 0xDC, 0xFF, 0xDC])
        #expect(imageError { try PixelImage(decoding: jpeg) }?.reason == .tooLarge(width: 65_500, height: 65_500))
        jpeg[frame + 6] = 0xFF
        #expect(imageError { try PixelImage(decoding: jpeg) } != nil)

        for (width, height) in [(65_535, 65_535), (70_000, 1), (1, 900_000)] {
            let error = imageError { try PixelImage(decoding: emptyPNG(width: width, height: height)) }
            #expect(error?.reason == .tooLarge(width: width, height: height))
        }
        // Beyond what PNG itself allows, and nothing at all.
        for (width, height) in [(0xFFFF_FFFF, 1), (0, 5), (0x7FFF_FFFF, 0x7FFF_FFFF)] {
            #expect(imageError { try PixelImage(decoding: emptyPNG(width: width, height: height)) } != nil)
        }

        // The extended WebP header holds sizes of 24 bits.
        let webp =
            Array("RIFF".utf8) + [22, 0, 0, 0] + Array("WEBPVP8X".utf8) + [10, 0, 0, 0, 0, 0, 0, 0]
            + [UInt8](repeating: 0x7F, count: 6)
        #expect(imageError { try PixelImage(decoding: webp) } != nil)
    }

    @Test("A chunk that claims to reach beyond the file, or wraps around, ends the walk")
    func hostileChunks() throws {
        let png = try Fixture.bytes("rgb.png")
        for length in [[0xFF, 0xFF, 0xFF, 0xFF], [0x7F, 0xFF, 0xFF, 0xFF], [0, 0, 0xFF, 0xFF]] as [[UInt8]] {
            let bytes = png[..<33] + length + Array("tEXt".utf8) + png[33...]
            #expect(imageError { try PNGMetadata(decoding: Array(bytes)) }?.reason == .truncated(.png))
            #expect(imageError { try PixelImage(decoding: Array(bytes)) } != nil)
        }
    }

    @Test("A camera's note that is broken or points elsewhere is passed over")
    func hostileEXIF() throws {
        let bytes = try Fixture.bytes("exif-6.jpg")
        let asStored = try PixelImage(decoding: Fixture.bytes("exif-1.jpg"))
        let start = try #require((0..<bytes.count).first { bytes[$0...].starts(with: Array("Exif\0\0".utf8)) }) + 6
        // The offset of the directory, and the number of its entries.
        for place in [start + 4..<start + 8, start + 8..<start + 10] {
            for value in [0xFF, 0x7F, 0x80] as [UInt8] {
                var hostile = bytes
                for index in place { hostile[index] = value }
                let picture = try PixelImage(decoding: hostile)
                #expect(picture.pixels.count == asStored.pixels.count)
            }
        }
        // An orientation that does not exist.
        var unknown = bytes
        let value = try #require((start..<bytes.count).first { bytes[$0] == 6 })
        unknown[value] = 99
        #expect(try PixelImage(decoding: unknown) == asStored)
    }

    /// A PNG of a header and no pixels.
    private func emptyPNG(width: Int, height: Int) -> [UInt8] {
        func bytes(_ value: Int) -> [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) } }
        func chunk(_ type: String, _ content: [UInt8]) -> [UInt8] {
            let body = Array(type.utf8) + content
            return bytes(content.count) + body + bytes(Int(checksum(body)))
        }
        let header = bytes(width) + bytes(height) + [8, 2, 0, 0, 0]
        return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + chunk("IHDR", header) + chunk("IDAT", [0])
            + chunk("IEND", [])
    }

    /// CRC-32, bit by bit.
    private func checksum(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(0xFFFF_FFFF as UInt32) { sum, byte in
            (0..<8).reduce(sum ^ UInt32(byte)) { rest, _ in rest >> 1 ^ (rest & 1 == 1 ? 0xEDB8_8320 : 0) }
        }
    }
}
