import Images
import Testing

@Suite("Pixels in memory")
struct PixelImageTests {
    @Test("Pixels become planes of -1...1 in the order red, green, blue")
    func signedPlanes() {
        let picture = PixelImage(width: 2, height: 1, pixels: [0, 51, 255, 255, 0, 102])
        let expected: [Float] = [-1, 1, Float(51) / 127.5 - 1, -1, 1, Float(102) / 127.5 - 1]
        #expect(picture.signedPlanes == expected)
    }
}

@Suite("Grids of pictures")
struct GridTests {
    private let background = PixelImage.Color(red: 9, green: 8, blue: 7)

    @Test("Five pictures stand in rows of three, with gaps and an empty cell")
    func layout() throws {
        let images = (0..<5).map {
            PixelImage(width: 4, height: 3, filledWith: .init(red: UInt8($0), green: 0, blue: 0))
        }
        let grid = try PixelImage.grid(images, spacing: 2, background: background)
        #expect(grid.width == 3 * 4 + 2 * 2)
        #expect(grid.height == 2 * 3 + 2)
        #expect(grid[0, 0].red == 0)
        #expect(grid[6, 0].red == 1)
        #expect(grid[15, 2].red == 2)
        #expect(grid[9, 7].red == 4)
        for (x, y) in [(4, 0), (5, 2), (0, 3), (0, 4), (12, 5), (15, 7)] { #expect(grid[x, y] == background) }
    }

    @Test("Pictures of several sizes stand in the middle of their cells")
    func mixedSizes() throws {
        let images = [
            PixelImage(width: 5, height: 5, filledWith: .black), PixelImage(width: 1, height: 3, filledWith: .white),
        ]
        let strip = try PixelImage.strip(images, spacing: 0, background: background)
        #expect(strip.width == 10 && strip.height == 5)
        #expect(strip[7, 1] == .white && strip[7, 3] == .white)
        #expect(strip[7, 0] == background && strip[6, 1] == background)
    }

    @Test("One picture is its own grid")
    func single() throws { #expect(try PixelImage.grid([drawing(20, 14)]) == drawing(20, 14)) }

    @Test("No pictures, and too many, are errors")
    func extremes() {
        #expect(imageError { try PixelImage.grid([]) }?.reason == .emptyGrid)
        #expect(imageError { try PixelImage.strip([]) }?.reason == .emptyGrid)
        let wide = PixelImage(width: 40_000, height: 1, filledWith: .black)
        let error = imageError { try PixelImage.strip([wide, wide]) }
        #expect(error?.reason == .tooLarge(width: 80_002, height: 1))
    }
}

@Suite("Likeness of pictures")
struct SimilarityTests {
    struct Row: Decodable {
        var name: String
        var psnr: Double
        var ssim: Double
    }

    @Test("PSNR and SSIM equal those of NumPy in float64")
    func parity() throws {
        let a = drawing(40, 30)
        func changed(_ change: (UInt8) -> UInt8) -> PixelImage {
            PixelImage(width: 40, height: 30, pixels: a.pixels.map(change))
        }
        let rolled = (0..<30).flatMap { y in (0..<40).flatMap { x in channels(a[(x + 39) % 40, y]) } }
        let pictures = [
            "shifted": PixelImage(width: 40, height: 30, pixels: rolled), "inverted": changed { 255 - $0 },
            "dimmed": changed { $0 / 4 * 3 }, "coarse": changed { $0 & 0xF0 },
        ]
        for row in try Fixture.json("similarity.json", as: [Row].self) {
            let b = try #require(pictures[row.name])
            // Sums in another order: some ten roundings of doubles.
            #expect(try abs(a.peakSignalToNoiseRatio(to: b) - row.psnr) < 1e-12)
            #expect(try abs(a.structuralSimilarity(to: b) - row.ssim) < 1e-12)
        }
    }

    @Test("Equal pictures are infinitely alike")
    func equal() throws {
        #expect(try drawing(20, 14).peakSignalToNoiseRatio(to: drawing(20, 14)) == .infinity)
        #expect(try abs(drawing(20, 14).structuralSimilarity(to: drawing(20, 14)) - 1) < 1e-12)
    }

    @Test("Other sizes, and sizes below the window, are errors")
    func sizes() {
        #expect(imageError { try drawing(4, 4).peakSignalToNoiseRatio(to: drawing(4, 5)) } != nil)
        #expect(imageError { try drawing(40, 40).structuralSimilarity(to: drawing(40, 41)) } != nil)
        let small = imageError { try drawing(10, 40).structuralSimilarity(to: drawing(10, 40)) }
        #expect(small?.reason == .tooSmall(width: 10, height: 40, side: 11))
    }

    private func channels(_ color: PixelImage.Color) -> [UInt8] { [color.red, color.green, color.blue] }
}
