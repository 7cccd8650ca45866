import Foundation
import Images
import Testing

@Suite("Reading pictures")
struct ReadingTests {
    @Test("Every colour form, rotation and layout shows what Pillow shows", arguments: Fixture.names)
    func forms(name: String) throws {
        let picture = try PixelImage(contentsOf: "\(Fixture.folder)/\(name)")
        let shown = try PixelImage(contentsOf: "\(Fixture.folder)/shown/\(name).png")
        #expect(picture.width == shown.width)
        #expect(picture.height == shown.height)
        // What is lossless is equal; Pillow's own copies of the lossy decoders may round differently. The ink of a JPEG
        // went through compression, what it is compared with did not.
        let isLossless = name.hasSuffix(".png") || name.hasPrefix("lossless") || name == "exif-6.webp"
        let tolerance = isLossless ? 0 : name.contains("cmyk") || name.contains("ycck") ? 8 : 2
        let difference = largestDifference(picture, shown)
        #expect(difference <= tolerance, "\(name) differs by \(difference)")
    }

    @Test("There is a fixture of every form")
    func fixtures() { #expect(Fixture.names.count >= 30) }

    @Test("The PNG reader gives the drawing that the fixtures are made of")
    func drawingItself() throws {
        #expect(try PixelImage(decoding: Fixture.bytes("rgb.png")) == drawing(20, 14))
    }

    @Test("The content tells the format, not the name")
    func wrongExtension() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/picture.png"
        try write(Fixture.bytes("rgb.jpg"), to: path)
        #expect(try PixelImage(contentsOf: path) == PixelImage(decoding: Fixture.bytes("rgb.jpg")))
    }

    @Test(
        "What is no picture of ours is called by its name",
        arguments: [
            (Array("GIF89a".utf8), "a GIF picture"), ([0x42, 0x4D, 70, 0, 0, 0, 0, 0, 0, 0, 54], "a BMP picture"),
            ([0x49, 0x49, 0x2A, 0, 8], "a TIFF picture"), ([0, 0, 0, 28] + Array("ftypavif".utf8), "an AVIF picture"),
            ([0x50, 0x4B, 3, 4, 0], "a zip archive, or a PyTorch checkpoint"),
            ([80, 0, 0, 0, 0, 0, 0, 0] + Array("{\"a\"".utf8), "a safetensors file"),
            (Array("Dear reader, this is a letter.".utf8), nil), (Array("RIFF1234WAVE".utf8), nil), ([0xFF], nil),
        ] as [([UInt8], String?)])
    func foreign(bytes: [UInt8], name: String?) throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/x.png"
        try write(bytes, to: path)
        let error = try #require(imageError { try PixelImage(contentsOf: path) })
        #expect(error.reason == .notAPicture(looksLike: name))
        #expect(error.path == path)
        #expect(error.description.contains(path))
        #expect(error.description.contains("PNG"))
        #expect(imageError { try PixelImage(decoding: bytes) }?.reason == error.reason)
    }

    @Test("An empty file is called empty")
    func empty() {
        #expect(imageError { try PixelImage(contentsOf: "/dev/null") }?.reason == .empty)
        #expect(imageError { try PixelImage(decoding: []) }?.reason == .empty)
    }

    @Test("A file that is absent, or a folder, is named with what to do")
    func absent() {
        let absent = imageError { try PixelImage(contentsOf: "/no/such/picture.png") }
        #expect(absent?.reason == .absent)
        #expect(absent?.description.contains("'/no/such/picture.png'") == true)
        #expect(imageError { try PixelImage(contentsOf: "a\0b.png") }?.reason == .absent)
        let folder = imageError { try PixelImage(contentsOf: Fixture.folder) }
        #expect(folder?.description.contains("Name a file in it") == true)
    }

    @Test("A file without end is not read to its end")
    func endless() { #expect(imageError { try PixelImage(contentsOf: "/dev/zero") }?.path == "/dev/zero") }

    @Test("A picture is read from a pipe, with its metadata, in one go")
    func pipe() throws {
        let metadata = PNGMetadata(texts: [.init(key: "mvar:seed", value: "1")], tokens: [1, 2, 3])
        let bytes = try drawing(20, 14).encoded(as: .png, metadata: metadata)
        let pipe = Pipe()
        try pipe.fileHandleForWriting.write(contentsOf: Data(bytes))
        try pipe.fileHandleForWriting.close()
        let file = try ImageFile(path: "/dev/fd/\(pipe.fileHandleForReading.fileDescriptor)")
        #expect(file.format == .png)
        #expect(try file.image() == drawing(20, 14))
        #expect(try file.metadata() == metadata)
    }

    @Test("A pipe that nobody writes to is declined at once")
    func abandonedPipe() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/picture.png"
        #expect(mkfifo(path, 0o600) == 0)
        let error = imageError { try PixelImage(contentsOf: path) }
        #expect(error?.reason == .abandonedPipe)
        #expect(error?.description.contains("Start its writer first") == true)
    }

    @Test("A film is declined as one")
    func film() throws {
        let bytes = try Fixture.bytes("animated/film.webp")
        #expect(imageError { try PixelImage(decoding: bytes) }?.reason == .animated(.webp))
    }
}
