import Foundation
import Torch

@testable import Checkpoints

/// Files under Tests/Fixtures, and bytes made from them.
enum Fixture {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures").path

    /// The project's larger fixtures, which stand beside a clone where there are any.
    static let shared = folder + "/../../../shared/parity"
    static let hasShared = FileManager.default.fileExists(atPath: shared + "/trainer64/model.pth")

    /// A Python with PyTorch and safetensors, for the tests that ask the original.
    static let python = ProcessInfo.processInfo.environment["MVAR_PYTHON"]

    static func path(_ name: String) -> String { folder + "/" + name }

    static func bytes(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(filePath: path(name)))) }

    static func files(in folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder)
    }

    /// Runs `body` with the path of a new folder, and removes the folder.
    static func withFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appending(path: "mvar-checkpoints-\(UUID().uuidString)")
            .path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        return try body(folder)
    }
}

/// The message of the `CheckpointError` that `body` throws; what happened otherwise if it throws none.
func message(_ body: () throws -> Void) -> String {
    do {
        try body()
    } catch let error as CheckpointError {
        return error.description
    } catch {
        return "another error: \(error)"
    }
    return "no error"
}

/// Opens a checkpoint and reads every element of it. What it throws is for the caller to judge.
func readWhole(_ bytes: [UInt8]) throws {
    let file = try MappedFile(content: bytes, name: "damaged")
    let checkpoint = try Checkpoint(file)
    for record in (checkpoint.model?.records ?? []) + (checkpoint.tokenizer?.records ?? []) {
        try readWhole(record)
    }
    _ = try? checkpoint.modelShape()
    _ = try? checkpoint.tokenizerShape()
    if let optimizer = checkpoint.training?.optimizer { _ = optimizer["state"]?.pairs?.count }
}

func readWhole(_ record: TensorRecord) throws {
    let tensor = try record.tensor()
    // A damaged shape may claim a gigabyte of repetitions, which is no error, and slow.
    guard record.byteCount < 1 << 22 else { return }
    _ = try tensor.withContiguousBytes { $0.reduce(into: UInt8(0)) { $0 ^= $1 } }
}
