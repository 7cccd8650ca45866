import Images
import Testing

@Suite("Resizing as Pillow does")
struct ResizingTests {
    struct Case: Decodable {
        var operation: String
        var from: [Int]
        var to: [Int]
        var fnv: String
    }

    @Test("Equals Pillow bit for bit, in every direction and for both filters")
    func sweep() throws {
        let cases = try Fixture.json("resizing.json", as: [Case].self)
        #expect(cases.count == 33)
        for each in cases {
            let picture = drawing(each.from[0], each.from[1])
            let result =
                switch each.operation {
                case "box": picture.resized(width: each.to[0], height: each.to[1], filter: .box)
                case "bicubic": picture.resized(width: each.to[0], height: each.to[1], filter: .bicubic)
                default: picture.centerCropped(to: each.to[0])
                }
            #expect([result.width, result.height] == each.to)
            #expect(fingerprint(result) == each.fnv, "\(each.operation) \(each.from) → \(each.to)")
        }
    }

    @Test("ADM's centre crop equals its picture by Pillow")
    func centerCrop() throws {
        let expected = try PixelImage(decoding: Fixture.bytes("center-crop-150x97-to-32.png"))
        #expect(largestDifference(drawing(150, 97).centerCropped(to: 32), expected) == 0)
    }

    @Test(
        "A random crop is a part of the picture resized as a whole, and its corners are reached",
        arguments: [(150, 97), (97, 150), (31, 31), (30, 200)])
    func crops(width: Int, height: Int) {
        // 31 × 31 grows, 150 × 97 is halved first, 30 × 200 keeps its width.
        let picture = drawing(width, height)
        let halved =
            width > 60 && height > 60 ? picture.resized(width: width / 2, height: height / 2, filter: .box) : picture
        let scale = 30 / Double(min(halved.width, halved.height))
        let whole = halved.resized(
            width: Int((Double(halved.width) * scale).rounded(.toNearestOrEven)),
            height: Int((Double(halved.height) * scale).rounded(.toNearestOrEven)), filter: .bicubic)
        let most = (x: whole.width - 24, y: whole.height - 24)
        for (place, x, y) in [
            ((0.0, 0.0), 0, 0), ((0.999_999, 0), most.x, 0), ((0, 0.999_999), 0, most.y),
            ((0.5, 0.5), (most.x + 1) / 2, (most.y + 1) / 2),
        ] {
            #expect(
                picture.cropped(to: 24, ofShorterSide: 30, at: (x: place.0, y: place.1))
                    == whole.cropped(x: x, y: y, width: 24, height: 24), "at \(place)")
        }
    }

    @Test("A picture as long as files allow is cropped at the cost of the crop")
    func extremeAspect() {
        let line = PixelImage(width: 65_535, height: 1, filledWith: .white)
        let crop = line.centerCropped(to: 256)
        #expect(crop == PixelImage(width: 256, height: 256, filledWith: .white))
    }

    @Test("Cropping takes the part that was asked for")
    func cropping() {
        let part = drawing(20, 14).cropped(x: 3, y: 5, width: 4, height: 2)
        #expect(part[0, 0] == drawing(20, 14)[3, 5])
        #expect(part[3, 1] == drawing(20, 14)[6, 6])
    }

    @Test("Mirroring moves the left column to the right, and twice is nothing")
    func mirroring() {
        let picture = drawing(20, 14)
        #expect(picture.flippedHorizontally[0, 3] == picture[19, 3])
        #expect(picture.flippedHorizontally != picture)
        #expect(picture.flippedHorizontally.flippedHorizontally == picture)
    }

    /// 64-bit FNV-1a.
    private func fingerprint(_ picture: PixelImage) -> String {
        let value = picture.pixels.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
