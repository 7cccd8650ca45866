import Images
import MVAR
import Testing

@Suite("Where pictures go") struct PicturePathsTests {
    @Test(
        "A number in the name is filled with zeros or spaces to its width",
        arguments: [
            ("a%05d.png", 7, "a00007.png"), ("a%d.png", 12, "a12.png"), ("a%3d.png", 7, "a  7.png"),
            ("a%02d.png", 123, "a123.png"), ("100%.png", 7, "100%.png"), ("x%s.png", 7, "x%s.png"),
        ])
    func numbers(template: String, number: Int, path: String) throws {
        #expect(try PicturePaths(template).path(of: number) == path)
    }

    @Test(
        "The extension names the format, - is PNG",
        arguments: [("a.JPG", ImageFormat.jpeg), ("-", .png), ("b.webp", .webp)])
    func formats(template: String, format: ImageFormat) throws {
        #expect(try PicturePaths(template).format == format)
    }

    @Test(
        "Two numbers, absurd widths and numbers in folders are refused",
        arguments: ["%d-%d.png", "%099d.png", "%d/a.png"])
    func impossibleTemplates(template: String) {
        #expect(throws: PicturePathError.self) { try PicturePaths(template) }
    }

    @Test("Another extension is refused") func unknownExtension() {
        #expect(throws: ImageError.self) { try PicturePaths("a.gif") }
        #expect(throws: ImageError.self) { try PicturePaths("a%d") }
    }

    @Test("Several pictures need a number in the name") func oneNameForSeveral() throws {
        let folder = try TemporaryFolder()
        let paths = try PicturePaths(folder.file("a.png"))
        try paths.check(count: 1)
        #expect(throws: PicturePathError.oneNameForSeveral(folder.file("a.png"), count: 2)) {
            try paths.check(count: 2)
        }
        try PicturePaths(folder.file("%d.png")).check(count: 2)
        #expect(folder.names.isEmpty)
    }
}
