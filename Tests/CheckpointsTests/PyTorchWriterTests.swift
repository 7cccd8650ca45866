import Foundation
import Testing
import Torch

@testable import Checkpoints

@Suite("Writing PyTorch's form") struct PyTorchWriterTests {
    @Test("Every value and every type of tensor is read back")
    func roundTrip() throws {
        let values: [(name: String, value: PicklableValue)] = [
            ("none", .none), ("true", .bool(true)), ("small", .integer(255)), ("negative", .integer(-1)),
            ("wide", .integer(1 << 40)), ("least", .integer(.min)), ("float", .float(-0.1)), ("text", .string("Köln")),
            ("list", .list([.integer(1), .integer(2)])), ("tuple", .tuple([])),
        ]
        let dtypes: [DType] = [
            .float32, .float64, .float16, .bfloat16, .int64, .int32, .int16, .int8, .uint8, .bool, .complex64,
            .complex128,
        ]
        let ones = try Tensor([0, 1, 0, 1, 0, 1] as [Float], shape: [2, 3])
        let tensors = try dtypes.map { (name: $0.name, tensor: try ones.converted(to: $0)) }
        try Fixture.withFolder { folder in
            let path = folder + "/all.pth"
            try PyTorchArchive.write(.fields(values + [("tensors", .stateDict(tensors))]), to: path)
            let archive = try PyTorchArchive(path: path)
            let root = archive.root
            #expect(root["true"]?.bool == true && root["small"]?.integer == 255 && root["negative"]?.integer == -1)
            #expect(root["wide"]?.integer == 1 << 40 && root["least"]?.integer == .min && root["float"]?.number == -0.1)
            #expect(
                root["text"]?.string == "Köln" && root["list"]?.integers == [1, 2] && root["tuple"]?.integers == [])
            let table = try archive.stateDict(try #require(root["tensors"]))
            #expect(table.names == dtypes.map(\.name))
            for record in table.records {
                #expect(record.offset % 64 == 0)
                #expect(try record.tensor().converted(to: .float32).array(of: Float.self) == [0, 1, 0, 1, 0, 1])
            }
        }
    }

    @Test("A type without a storage class is declined, and nothing is left behind")
    func unwritable() throws {
        let tensor = try Tensor([1] as [Float], shape: [1]).converted(to: .float8e5m2)
        try Fixture.withFolder { folder in
            let text = message { try PyTorchArchive.write(.stateDict([("a", tensor)]), to: folder + "/a.pth") }
            #expect(text.contains("float8_e5m2"))
            let left = try Fixture.files(in: folder)
            #expect(left.isEmpty)
        }
    }

    @Test(
        "PyTorch and safetensors themselves read what is written",
        .enabled(if: Fixture.python != nil, "no Python with PyTorch named by MVAR_PYTHON"))
    func original() throws {
        let script = """
            import sys, torch
            from safetensors.torch import load_file
            saved = torch.load(sys.argv[1] + "/a.pth", weights_only=True)
            assert list(saved) == ["mvar_wo_ddp", "epoch", "rate"], list(saved)
            assert saved["epoch"] == 1 << 40 and saved["rate"] == -0.5
            for state in (saved["mvar_wo_ddp"], load_file(sys.argv[1] + "/a.safetensors")):
                assert state["grid"].tolist() == [[1, 4], [2, 5], [3, 6]]
                assert state["half"].dtype == torch.float16 and state["half"].shape == (2, 3)
                assert state["scalar"].shape == () and state["scalar"].item() == 7
                assert state["empty"].shape == (0, 5)
            mapped = torch.load(sys.argv[1] + "/a.pth", weights_only=True, mmap=True)
            assert mapped["mvar_wo_ddp"]["grid"].tolist() == [[1, 4], [2, 5], [3, 6]]
            """
        let grid = try Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
        let state: [(name: String, tensor: Tensor)] = [
            ("grid", try grid.permuted(1, 0)), ("half", try grid.converted(to: .float16)),
            ("scalar", try Tensor([7] as [Int64], shape: [])), ("empty", try Tensor([] as [Float], shape: [0, 5])),
        ]
        try Fixture.withFolder { folder in
            let root = PicklableValue.fields([
                ("mvar_wo_ddp", .stateDict(state)), ("epoch", .integer(1 << 40)), ("rate", .float(-0.5)),
            ])
            try PyTorchArchive.write(root, to: folder + "/a.pth")
            try Safetensors.write(state, metadata: ["note": "é\n"], to: folder + "/a.safetensors")
            let process = Process()
            process.executableURL = URL(filePath: try #require(Fixture.python))
            process.arguments = ["-c", script, folder]
            try process.run()
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
        }
    }
}
