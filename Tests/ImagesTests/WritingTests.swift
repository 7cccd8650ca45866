import FileOutput
import Foundation
import Images
import Testing

/// Writes bytes that need not be a picture.
func write(_ bytes: [UInt8], to path: String) throws { try Data(bytes).write(to: URL(filePath: path)) }

@Suite("Writing pictures")
struct WritingTests {
    @Test("What is written lossless is read back equal", arguments: [ImageFormat.png, .webp])
    func lossless(format: ImageFormat) throws {
        for (width, height) in [(1, 1), (1, 9), (17, 3), (64, 48)] {
            let picture = drawing(width, height)
            let bytes = try picture.encoded(as: format)
            #expect(ImageFormat(signatureOf: bytes) == format)
            #expect(try PixelImage(decoding: bytes) == picture)
        }
    }

    @Test(
        "What is written lossy is read back near, and nearer at higher quality", arguments: [ImageFormat.jpeg, .webp])
    func lossy(format: ImageFormat) throws {
        let picture = drawing(64, 48).resized(width: 128, height: 96, filter: .bicubic)
        let decibels = try [10, 60, 95].map { quality in
            let read = try PixelImage(decoding: picture.encoded(as: format, quality: quality))
            return try picture.peakSignalToNoiseRatio(to: read)
        }
        #expect(decibels == decibels.sorted())
        // WebP's half-resolution colours cost a drawing more than its quality does.
        #expect(decibels[2] > (format == .jpeg ? 30 : 25))
    }

    @Test("JPEG's default is quality 95, and colours are not subsampled")
    func jpegDefault() throws {
        let picture = drawing(64, 48)
        #expect(try picture.encoded(as: .jpeg) == picture.encoded(as: .jpeg, quality: 95))
        #expect(try picture.encoded(as: .jpeg, quality: 1000) == picture.encoded(as: .jpeg, quality: 100))
        // One-pixel stripes of two colours of like brightness: subsampling would mix them.
        let stripes = PixelImage(
            width: 16, height: 16, pixels: (0..<256).flatMap { $0 % 2 == 0 ? [255, 0, 0] : [0, 130, 0] })
        let read = try PixelImage(decoding: stripes.encoded(as: .jpeg))
        #expect(try stripes.peakSignalToNoiseRatio(to: read) > 25)
    }

    @Test("The extension names the format, in upper case too", arguments: ["a.png", "a.JPG", "a.b.jpeg", "a.WebP"])
    func extensions(name: String) throws {
        let folder = try TemporaryFolder()
        let picture = drawing(20, 14)
        try picture.write(to: "\(folder.path)/\(name)")
        #expect(folder.names == [name])
        let bytes = try #require(FileManager.default.contents(atPath: "\(folder.path)/\(name)"))
        #expect(try ImageFormat(signatureOf: [UInt8](bytes)) == ImageFormat(extensionOf: name))
    }

    @Test("An unknown extension is refused with those that are known", arguments: ["gif", "tiff", "", "pn"])
    func unknownExtension(name: String) throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/dot.ted/picture" + (name.isEmpty ? "" : ".\(name)")
        let error = try #require(imageError { try drawing(2, 2).write(to: path) })
        #expect(error.reason == .unsupportedExtension(name))
        for known in [".png", ".jpg", ".jpeg", ".webp"] { #expect(error.description.contains(known)) }
        #expect(folder.names.isEmpty)
    }

    @Test("An absent folder is named and not made")
    func absentFolder() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/no/a.png"
        let error = try #require(imageError { try drawing(2, 2).write(to: path) })
        #expect(error.reason == .output(.folderMissing(path: path, folder: "\(folder.path)/no")))
        #expect(error.description.contains("Create it first"))
        #expect(folder.names.isEmpty)
    }

    @Test("A picture that the format cannot hold is refused before anything is written")
    func tooLargeForFormat() throws {
        let folder = try TemporaryFolder()
        let long = PixelImage(width: 16_384, height: 1, filledWith: .black)
        let error = imageError { try long.write(to: "\(folder.path)/a.webp") }
        #expect(error?.reason == .tooLargeFor(.webp, width: 16_384, height: 1))
        #expect(error?.description.contains("16383") == true)
        #expect(folder.names.isEmpty)
        #expect(try PixelImage(decoding: long.encoded(as: .png)) == long)
    }
}

@Suite("Texts and tokens of a PNG")
struct PNGMetadataTests {
    private let metadata = PNGMetadata(
        texts: [
            .init(key: "mvar", value: "{\"seed\": 7}"), .init(key: "Title", value: "Gärten – 庭 🌳"),
            .init(key: "empty", value: ""),
        ],
        tokens: (0..<680).map { UInt8($0 & 255) })

    @Test("They are read back equal, in order, and the pixels too")
    func roundTrip() throws {
        let picture = drawing(20, 14)
        let bytes = try picture.encoded(as: .png, metadata: metadata)
        #expect(try PNGMetadata(decoding: bytes) == metadata)
        #expect(try PixelImage(decoding: bytes) == picture)
        #expect(metadata["Title"] == "Gärten – 庭 🌳")
        #expect(metadata["absent"] == nil)

        let folder = try TemporaryFolder()
        try picture.write(to: "\(folder.path)/a.png", metadata: metadata)
        #expect(try PNGMetadata(contentsOf: "\(folder.path)/a.png") == metadata)
    }

    @Test("A PNG without any has none")
    func none() throws {
        #expect(try PNGMetadata(decoding: drawing(4, 4).encoded(as: .png)) == PNGMetadata())
        #expect(try PNGMetadata(decoding: Fixture.bytes("palette.png")).tokens == nil)
    }

    @Test("A JPEG is refused by name")
    func otherFormat() throws {
        let bytes = try drawing(4, 4).encoded(as: .jpeg)
        #expect(imageError { try PNGMetadata(decoding: bytes) }?.description.contains("JPEG") == true)
    }

    @Test("A changed byte of the tokens is found; a changed text is left out")
    func checksums() throws {
        var bytes = try drawing(20, 14).encoded(as: .png, metadata: metadata)
        let text = try #require((0..<bytes.count).first { bytes[$0...].starts(with: Array("seed".utf8)) })
        bytes[text] ^= 1
        #expect(try PNGMetadata(decoding: bytes).texts.map(\.key) == ["Title", "empty"])
        let tokens = try #require((0..<bytes.count).first { bytes[$0...].starts(with: Array("mvTK".utf8)) })
        bytes[tokens + 100] ^= 1
        let error = imageError { try PNGMetadata(decoding: bytes) }
        #expect(error?.description.contains("checksum of the tokens") == true)
    }

    @Test(
        "A text that PNG cannot hold is refused",
        arguments: [("", "a"), (String(repeating: "k", count: 80), "a"), (" k", "a"), ("ключ", "a"), ("k", "a\0b")])
    func unstorable(key: String, value: String) {
        let metadata = PNGMetadata(texts: [.init(key: key, value: value)])
        let error = imageError { try drawing(4, 4).encoded(as: .png, metadata: metadata) }
        #expect(error?.description.contains("1 to 79") == true)
    }
}
