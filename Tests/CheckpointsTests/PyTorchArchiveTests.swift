import FileOutput
import Testing
import Torch

@testable import Checkpoints

@Suite("Files of torch.save") struct PyTorchArchiveTests {
    private func archive(_ name: String) throws -> PyTorchArchive {
        try PyTorchArchive(path: Fixture.path("checkpoints/" + name))
    }

    @Test("Every type of storage is read", arguments: ["dtypes.pth"])
    func types(name: String) throws {
        let archive = try archive(name)
        let table = try archive.stateDict(archive.root)
        #expect(table.records.count == 17)
        for record in table.records {
            #expect(record.name == record.dtype.name)
            #expect(record.shape == [2, 3] && record.strides == [3, 1])
            let tensor = try record.tensor()
            #expect(tensor.dtype == record.dtype)
            #expect(try tensor.converted(to: .float32).array(of: Float.self) == [0, 1, 0, 1, 0, 1], "\(record.name)")
        }
    }

    @Test("Strides, offsets, shared storages and parameters are read")
    func layouts() throws {
        let archive = try archive("layouts.pth")
        let table = try archive.stateDict(archive.root)
        func values(_ name: String) throws -> [Float] { try #require(table[name]).tensor().array(of: Float.self) }
        let all = (0..<24).map(Float.init)
        #expect(try values("contiguous") == all)
        #expect(try values("shared") == all)
        #expect(table["transposed"]?.shape == [4, 2, 3])
        #expect(table["transposed"]?.strides == [1, 12, 4])
        var transposed: [Float] = []
        for k in 0..<4 {
            for i in 0..<2 {
                for j in 0..<3 { transposed.append(Float(12 * i + 4 * j + k)) }
            }
        }
        #expect(try values("transposed") == transposed)
        #expect(try values("row") == [20, 21, 22, 23])
        #expect(try values("every second") == all.filter { Int($0) % 2 == 1 })
        #expect(try values("expanded") == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3])
        #expect(try values("scalar") == [7.5])
        #expect(table["scalar"]?.shape == [])
        #expect(try values("empty") == [])
        #expect(table["empty"]?.shape == [0, 5])
        #expect(try values("parameter") == [1, 1])
    }

    @Test("The values of a trainer's file are read from every protocol", arguments: 2...5)
    func protocols(version: Int) throws {
        let root = try archive("protocol\(version).pth").root
        #expect(root["none"].map { if case .none = $0.value { true } else { false } } == true)
        #expect(root["true"]?.bool == true && root["false"]?.bool == false)
        #expect(root["small"]?.integer == 7 && root["negative"]?.integer == -3)
        #expect(root["large"]?.integer == 1 << 20 && root["wide"]?.integer == -(1 << 40))
        #expect(root["float"]?.number == 0.25 && root["text"]?.string == "Köln")
        for (name, expected) in [("bytes", [0x00, 0x80, 0xFF]), ("bytearray", [0x61, 0x62])] as [(String, [UInt8])] {
            guard case .bytes(let bytes)? = root[name]?.value else {
                Issue.record("'\(name)' is \(root[name]?.value.kind ?? "absent")")
                continue
            }
            #expect(bytes == expected)
        }
        #expect(root["list"]?.elements?.last?.integers == [2, 3])
        #expect(root["tuple"]?.integers == [1, 2, 3, 4])
        #expect(root["set"]?.integers == [5] && root["frozenset"]?.integers == [6])
        #expect(root["namespace"]?["depth"]?.integer == 16 && root["namespace"]?["pn"]?.string == "256")
        #expect(root["path"]?.string == "runs/ar")
        #expect(root["dtype"].map { if case .dtype(.bfloat16) = $0.value { true } else { false } } == true)
        #expect(root["size"]?.integers == [2, 3])
        #expect(root["numpy float"]?.number == 1.5 && root["numpy float32"]?.number == 0.5)
        #expect(root["numpy int"]?.integer == -9 && root["numpy bool"]?.bool == true)
        #expect(root["defaultdict"]?["a"]?.integers == [1])
        #expect(root["counter"]?["a"]?.integer == 2)
        #expect(root["weight"]?.isTensor == true)
    }

    @Test(
        "What is no checkpoint is told by what it is",
        arguments: [
            ("checkpoints/old.pth", "the form that PyTorch wrote before version 1.6; save it again"),
            ("checkpoints/big-endian.pth", "its numbers are big-endian"),
            ("checkpoints/script.pt", "a TorchScript program and not a state dict"),
            ("checkpoints/no-pickle.zip", "it has no 'data.pkl'"),
            ("checkpoints/plain.pth", "is in no form that mvar knows"),
            ("checkpoints/protocol2.pth", "of its state dict is None and no tensor"),
            ("mini64/config.json", "neither a PyTorch file (.pth) nor safetensors"),
            ("mini64/golden.safetensors", "is in no form that mvar knows"),
        ])
    func otherFiles(name: String, expected: String) {
        let text = message { _ = try Checkpoint(path: Fixture.path(name)) }
        #expect(text.contains(expected), "\(text)")
    }

    @Test("A file without checksums is read")
    func noChecksums() throws {
        let archive = try archive("no-checksums.pth")
        #expect(try archive.stateDict(archive.root)["weight"]?.tensor().array(of: Float.self) == [0, 1, 2])
    }

    /// An archive of one storage of three floats and a pickle that describes a tensor over it in any way.
    private func archive(
        offset: Int, shape: [Int], strides: [Int], count: Int = 3, key: String = "0", storage: String = "FloatStorage"
    ) throws -> PyTorchArchive {
        func integer(_ number: Int) -> [UInt8] {
            var bytes: [UInt8] = [0x8A, 8]
            bytes.append(littleEndian: Int64(number))
            return bytes
        }
        func tuple(_ numbers: [Int]) -> [UInt8] { Array("(".utf8) + numbers.flatMap(integer) + Array("t".utf8) }
        func text(_ text: String) -> [UInt8] { [0x8C, UInt8(text.utf8.count)] + Array(text.utf8) }
        var pickle: [UInt8] = [0x80, 2] + Array("}".utf8) + text("weight")
        pickle += Array("ctorch._utils\n_rebuild_tensor_v2\n((".utf8) + text("storage")
        pickle += Array("ctorch\n\(storage)\n".utf8) + text(key) + text("cpu") + integer(count) + Array("tQ".utf8)
        pickle += integer(offset) + tuple(shape) + tuple(strides) + [0x89] + Array("}tRs.".utf8)
        return try Fixture.withFolder { folder in
            let path = folder + "/hand.pth"
            try AtomicFile.write(to: path, durably: false) { file in
                var writer = ZipWriter(file)
                try writer.append("hand/data.pkl", pickle)
                try writer.append("hand/data/0", [UInt8](repeating: 0, count: 12))
                try writer.finish()
            }
            return try PyTorchArchive(path: path)
        }
    }

    @Test(
        "A tensor that ends where its storage ends is read",
        arguments: [(0, [3], [1]), (1, [2], [1]), (2, [5], [0]), (3, [0], [1])])
    func inside(offset: Int, shape: [Int], strides: [Int]) throws {
        let archive = try archive(offset: offset, shape: shape, strides: strides)
        #expect(try archive.stateDict(archive.root)["weight"]?.tensor().array(of: Float.self).count == shape[0])
    }

    @Test(
        "A tensor that reaches beyond its storage is refused",
        arguments: [
            (0, [4], [1]), (1, [3], [1]), (0, [2], [3]), (-1, [1], [1]), (0, [3], [-1]), (0, [-1], [1]), (4, [0], [1]),
            (0, [.max, .max], [.max, .max]), (0, [2], [.max]), (.max, [1], [1]), (.min, [1], [1]), (0, [1 << 31], [0]),
            (0, [1], []), (0, [1 << 40, 1 << 40], [0, 0]), (1 << 61, [1], [1]),
            (0, [Int](repeating: 1, count: 65), [Int](repeating: 1, count: 65)),
        ] as [(Int, [Int], [Int])])
    func outside(offset: Int, shape: [Int], strides: [Int]) throws {
        let text = message {
            let archive = try archive(offset: offset, shape: shape, strides: strides)
            _ = try archive.stateDict(archive.root)
        }
        #expect(text.contains("tensor"), "\(text)")
    }

    @Test("A storage that is absent, too small, negative or of an unknown class is refused")
    func storages() throws {
        func text(count: Int = 3, key: String = "0", storage: String = "FloatStorage") -> String {
            message {
                let archive = try archive(offset: 0, shape: [1], strides: [1], count: count, key: key, storage: storage)
                _ = try archive.stateDict(archive.root)
            }
        }
        #expect(text() == "no error")
        #expect(text(count: 4).contains("storage '0' has 12 bytes, too few for 4 elements of float32"))
        #expect(text(count: .max).contains("too few"))
        #expect(text(count: -1).contains("refers to a storage wrongly"))
        #expect(text(key: "../../etc/passwd").contains("'data/../../etc/passwd', which is not there"))
        #expect(text(storage: "QInt8Storage").contains("asks to call torch.QInt8Storage"))
        #expect(text(storage: "UntypedStorage").contains("a storage without a type"))
    }
}
