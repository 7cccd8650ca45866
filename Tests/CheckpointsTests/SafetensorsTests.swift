import Foundation
import Testing
import Torch

@testable import Checkpoints

@Suite("Safetensors") struct SafetensorsTests {
    private func file(_ header: String, data: Int = 0, length: UInt64? = nil) throws -> Safetensors {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: length ?? UInt64(header.utf8.count))
        bytes += Array(header.utf8) + [UInt8](repeating: 0, count: data)
        return try Safetensors(try MappedFile(content: bytes, name: "hand.safetensors"))
    }

    @Test("The reference's file is read, every type of it")
    func reference() throws {
        let file = try Safetensors(path: Fixture.path("checkpoints/dtypes.safetensors"))
        #expect(file.metadata == ["note": "a \"quoted\"\nline"])
        #expect(file.tensors.records.count == 18)
        for record in file.tensors.records where record.shape == [2, 3] {
            #expect(record.name == record.dtype.name)
            #expect(try record.tensor().converted(to: .float32).array(of: Float.self) == [0, 1, 0, 1, 0, 1])
        }
        #expect(try file.tensors["scalar"]?.tensor().item() == 7.5)
        #expect(file.tensors["empty"]?.shape == [0, 5])
    }

    @Test("What is written is the reference's file, byte for byte")
    func identical() throws {
        let path = Fixture.path("checkpoints/dtypes.safetensors")
        let file = try Safetensors(path: path)
        let tensors = try file.tensors.records.shuffled().map { ($0.name, try $0.tensor()) }
        try Fixture.withFolder { folder in
            try Safetensors.write(tensors, metadata: file.metadata, to: folder + "/copy.safetensors")
            let copy = try Data(contentsOf: URL(filePath: folder + "/copy.safetensors"))
            #expect(copy == (try Data(contentsOf: URL(filePath: path))))
        }
    }

    @Test("A file with a checksum is whole, and no longer with any byte changed, one added or the checksum left out")
    func checksum() throws {
        try Fixture.withFolder { folder in
            let path = folder + "/x.safetensors"
            let tensors = [("a", try Tensor([1, 2] as [Float], shape: [2])), ("b", try Tensor.zeros([0, 3]))]
            try Safetensors.write(tensors, metadata: ["k": "v"], checksummed: true, to: path)
            try Safetensors(path: path).verifyChecksum()
            // Others can recompute it: it is zlib's crc32 of all bytes but the last four.
            let content = try [UInt8](Data(contentsOf: URL(filePath: path)))
            for index in content.indices {
                var changed = content
                changed[index] ^= 0x10
                #expect(throws: CheckpointError.self) {
                    try Safetensors(try MappedFile(content: changed, name: "x")).verifyChecksum()
                }
            }
            #expect(throws: CheckpointError.self) {
                try Safetensors(try MappedFile(content: content + [0], name: "x")).verifyChecksum()
            }
            try Safetensors.write(tensors, to: path)
            #expect(message { try Safetensors(path: path).verifyChecksum() }.contains("checksum that should end it"))
            let named = [("crc32", tensors[0].1)]
            #expect(message { try Safetensors.write(named, checksummed: true, to: path) }.contains("'crc32'"))
        }
    }

    @Test("A transposed tensor is written row by row")
    func transposed() throws {
        let tensor = try Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3]).permuted(1, 0)
        try Fixture.withFolder { folder in
            try Safetensors.write([("t", tensor)], to: folder + "/t.safetensors")
            let read = try #require(try Safetensors(path: folder + "/t.safetensors").tensors["t"])
            #expect(read.shape == [3, 2])
            #expect(try read.tensor().array(of: Float.self) == [1, 4, 2, 5, 3, 6])
        }
    }

    @Test("A name that comes twice and a type that the format lacks are not written")
    func unwritable() throws {
        let tensor = try Tensor([1, 2] as [Float], shape: [2])
        try Fixture.withFolder { folder in
            let path = folder + "/x.safetensors"
            #expect(
                message { try Safetensors.write([("a", tensor), ("a", tensor)], to: path) }.contains(
                    "two tensors named 'a'"))
            let complex = try tensor.converted(to: .complex128)
            #expect(message { try Safetensors.write([("a", complex)], to: path) }.contains("complex128"))
            let left = try Fixture.files(in: folder)
            #expect(left.isEmpty)
        }
    }

    @Test("Escapes in names are read and written", arguments: ["é\u{1F600}", "a\"b\\c/\n\t\u{1}", ""])
    func escapes(name: String) throws {
        try Fixture.withFolder { folder in
            try Safetensors.write(
                [(name, try Tensor([1] as [Float], shape: [1]))], metadata: [name: name], to: folder + "/x")
            let file = try Safetensors(path: folder + "/x")
            #expect(file.tensors.names == [name])
            #expect(file.metadata == [name: name])
        }
        let escaped = "{\"\\u00e9\\ud83d\\ude00\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}"
        #expect(try file(escaped).tensors.names == ["é\u{1F600}"])
    }

    private static func tensor(_ shape: String, _ begin: Int, _ end: Int, type: String = "F32") -> String {
        "{\"dtype\":\"\(type)\",\"shape\":\(shape),\"data_offsets\":[\(begin),\(end)]}"
    }

    @Test(
        "A header that contradicts itself or the file is refused",
        arguments: [
            ("{\"a\":\(tensor("[2]", 0, 8))}", 4, "ends at byte 8"),
            ("{\"a\":\(tensor("[2]", 0, 8))}", 12, "12 follow the header"),
            ("{\"a\":\(tensor("[3]", 0, 8))}", 8, "reaches beyond its storage"),
            ("{\"a\":\(tensor("[1]", 0, 8))}", 8, "needs 4 bytes and has 8"),
            ("{\"a\":\(tensor("[1]", 4, 8))}", 8, "begins at byte 4"),
            ("{\"a\":\(tensor("[2]", 0, 8)),\"b\":\(tensor("[1]", 4, 8))}", 8, "begins at byte 4"),
            ("{\"a\":\(tensor("[1]", 8, 4))}", 8, "ends at byte 4"),
            ("{\"a\":\(tensor("[1]", 0, 4)),\"a\":\(tensor("[1]", 4, 8))}", 8, "has 'a' twice"),
            ("{\"a\":\(tensor("[4294967296,4294967296,4]", 0, 8))}", 8, "impossible shape"),
            ("{\"a\":\(tensor("[99999999999999999999]", 0, 8))}", 8, "size beyond 64 bits"),
            ("{\"a\":\(tensor("[-1]", 0, 8))}", 8, "no whole number"),
            ("{\"a\":\(tensor("[1.5]", 0, 8))}", 8, "lacks a ']'"),
            ("{\"a\":\(tensor("[2]", 0, 8, type: "F4"))}", 8, "type 'F4'"),
            ("{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8, "lacks its dtype, shape or data_offsets"),
            ("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"x\":\"y\"}}", 8, "unknown field 'x'"),
            ("{\"a\":5}", 0, "no part of safetensors"),
            ("{\"__metadata__\":{\"a\":[1]}}", 0, "metadata 'a' is no text"),
            ("{\"__metadata__\":[1]}", 0, "metadata is no list of texts"),
            ("{\"a\":{\"b\":{\"c\":{}}}}", 0, "no part of safetensors"),
            ("{\"a", 0, "breaks off in a string"), ("{\"\\ud83d\":[]}", 0, "half a character"),
            ("{\"\\u+123\":[]}", 0, "broken escape"), ("{\"\\", 0, "breaks off"), ("{ ", 0, "lacks a"),
            ("{}x", 0, "text behind its end"), ("{},{}", 0, "text behind its end"),
        ])
    func contradictions(header: String, data: Int, expected: String) {
        let text = message { _ = try file(header, data: data) }
        #expect(text.contains(expected) && !text.contains("\n"), "\(text)")
    }

    @Test("Absurd header lengths and nesting are refused", arguments: [3, 1 << 20, 100_000_001, UInt64.max, 1 << 63])
    func lengths(length: UInt64) {
        #expect(message { _ = try file("{}", length: length) } != "no error")
        #expect(
            message { _ = try file(String(repeating: "{\"a\":", count: 100_000)) }.contains("no part of safetensors"))
        #expect(message { _ = try file(String(repeating: "[", count: 100_000)) } != "no error")
    }

    @Test("A tensor whose memory was given back has its values again at the next use, its neighbours too")
    func discarded() throws {
        let tensors = try Checkpoint(path: Fixture.path("mini64/model.pth")).requireModel().records.map {
            try $0.tensor()
        }
        let before = try tensors.map { try $0.converted(to: .float64).array(of: Double.self) }
        for tensor in tensors { tensor.discardMemory() }
        #expect(try tensors.map { try $0.converted(to: .float64).array(of: Double.self) } == before)
        let own = try Tensor([Float(1), 2], shape: [2])
        own.discardMemory()
        #expect(try own.array(of: Float.self) == [1, 2])
    }

    @Test("A tensor at an odd place is copied and right")
    func misaligned() throws {
        // One byte before the floats: the reference would have put them first.
        let header = "{\"b\":\(Self.tensor("[1]", 0, 1, type: "U8")),\"a\":\(Self.tensor("[2]", 1, 9))}"
        let file = try file(header, data: 9)
        #expect(try file.tensors["a"]?.tensor().array(of: Float.self) == [0, 0])
    }
}
