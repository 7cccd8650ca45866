import FileOutput
import Foundation
import Images
import TestSupport
import Testing

@testable import TensorBoard

@Suite("Event files")
struct EventFileTests {
    private static let picture = PixelImage(width: 2, height: 1, pixels: [255, 0, 0, 0, 0, 255])

    /// The contents of a file's records, by their lengths; the rest, where the last is cut.
    private func records(of path: String) throws -> [[UInt8]] {
        var rest = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))[...]
        var contents: [[UInt8]] = []
        while rest.count >= 12 {
            let length = rest.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
            let content = [UInt8](rest.dropFirst(12).prefix(length))
            #expect([UInt8](rest.prefix(16 + length)) == EventRecord.framed(content))
            contents.append(content)
            rest = rest.dropFirst(16 + length)
        }
        #expect(rest.isEmpty)
        return contents
    }

    private func names(in folder: URL) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    }

    @Test("The messages have the field numbers and types of the public format")
    func wireFormat() throws {
        try Fixture.withTemporaryFolder { folder in
            let file = try EventFile(folder: folder.path, firstStep: 0)
            try file.write([("a", 0.5), ("b", -.infinity)], step: 300)
            try file.write(Self.picture, tag: "c", step: 7)
            let records = try records(of: file.path)
            try #require(records.count == 4)
            // Each begins with the time: field 1, eight bytes.
            for record in records { #expect(record.first == 0x09) }
            let contents = records.map { [UInt8]($0.dropFirst(9)) }
            #expect(contents[0] == [0x1a, 13] + [UInt8]("brain.Event:2".utf8))
            #expect(contents[1] == [0x3a, 2, 0x08, 1])
            let scalars: [UInt8] =
                [0x0a, 8, 0x0a, 1, 0x61, 0x15, 0, 0, 0, 0x3f] + [0x0a, 8, 0x0a, 1, 0x62, 0x15, 0, 0, 0x80, 0xff]
            #expect(contents[2] == [0x10, 0xac, 0x02, 0x2a, 20] + scalars)
            let png = try Self.picture.encoded(as: .png)
            let image: [UInt8] = [0x08, 1, 0x10, 2, 0x18, 3, 0x22, UInt8(png.count)] + png
            let value: [UInt8] = [0x0a, 1, 0x63, 0x22, UInt8(image.count)] + image
            try #require(value.count < 128)
            #expect(
                contents[3] == [0x10, 7, 0x2a, UInt8(value.count + 2), 0x0a, UInt8(value.count)] + value)
        }
    }

    @Test("A sitting's file is named after all that are there, whatever the clock says and whoever wrote them")
    func order() throws {
        try Fixture.withTemporaryFolder { folder in
            let others = ["9123456789.host.77.0", "x.mvar", "99999999999.mvar", "9223372036854775807.h", "", "-5.mvar"]
            for other in others {
                try Data().write(to: folder.appendingPathComponent("events.out.tfevents." + other))
            }
            let paths = try (1...3).map { try EventFile(folder: folder.path, firstStep: $0).path }
            #expect(
                paths.map { URL(fileURLWithPath: $0).lastPathComponent }
                    == (90...92).map { "events.out.tfevents.91234567\($0).mvar" })
        }
    }

    @Test("A new run removes our event files of the one before, and nothing else")
    func newRun() throws {
        try Fixture.withTemporaryFolder { folder in
            let old = try EventFile(folder: folder.path, firstStep: 0)
            let foreign = "events.out.tfevents.1234567890.host"
            for name in [foreign, "metrics.jsonl"] { try Data([1]).write(to: folder.appendingPathComponent(name)) }
            let new = try EventFile(folder: folder.path, firstStep: 0)
            #expect(new.path > old.path)
            let newName = URL(fileURLWithPath: new.path).lastPathComponent
            #expect(try names(in: folder) == [foreign, newName, "metrics.jsonl"].sorted())
        }
    }

    @Test("A folder that is not there is refused, and not made")
    func noFolder() throws {
        try Fixture.withTemporaryFolder { folder in
            let absent = folder.path + "/absent"
            #expect(throws: FileOutputError.self) { try EventFile(folder: absent, firstStep: 0) }
            #expect(!FileManager.default.fileExists(atPath: absent))
        }
    }

    @Test(
        "TensorBoard shows every number and picture once, after a sitting that was killed while it wrote",
        .enabled(if: TensorBoard.isInstalled, "\(TensorBoard.absence)"))
    func readBack() throws {
        try Fixture.withTemporaryFolder { folder in
            func sit(_ steps: ClosedRange<Int>, from firstStep: Int, offset: Double) throws -> String {
                let file = try EventFile(folder: folder.path, firstStep: firstStep)
                for step in steps {
                    try file.write([("train/loss", Double(step) + offset), ("train/NaN", .nan)], step: step)
                    if step % 2 == 0 { try file.write(Self.picture, tag: "validation/grün", step: step) }
                }
                return file.path
            }
            let killed = try sit(1...8, from: 0, offset: 0)
            let size = try Data(contentsOf: URL(fileURLWithPath: killed)).count
            #expect(truncate(killed, size - 5) == 0)
            // From the checkpoint of step 4, twice.
            _ = try sit(5...6, from: 5, offset: 0.25)
            _ = try sit(5...8, from: 5, offset: 0.5)
            let png = Data(try Self.picture.encoded(as: .png))
            let readers = try TensorBoard.readers(of: folder.path)
            #expect(readers.count == 3)
            for (name, shown) in readers {
                #expect(shown.scalars.keys.sorted() == ["train/NaN", "train/loss"], "\(name)")
                #expect(shown.scalars["train/loss"]?.map(\.step) == Array(1...8), "\(name)")
                #expect(
                    shown.scalars["train/loss"]?.map(\.value) == [1, 2, 3, 4, 5.5, 6.5, 7.5, 8.5], "\(name)")
                #expect(shown.scalars["train/NaN"]?.map(\.value) == Array(repeating: nil, count: 8), "\(name)")
                let images = shown.images["validation/grün"] ?? []
                #expect(images.map(\.step) == [2, 4, 6, 8], "\(name)")
                for image in images { #expect(image.width == 2 && image.height == 1 && image.png == png, "\(name)") }
            }
        }
    }
}
