import Checkpoints
import FileOutput
import Foundation
import Torch

/// Where a run keeps its state: `run.json` (the settings), `checkpoint.safetensors` (all tensors, and the counters in
/// its metadata, so that both are of one step), `metrics.jsonl`.
struct RunFolder {
    static let settingsName = "run.json"
    static let checkpointName = "checkpoint.safetensors"
    static let metricsName = "metrics.jsonl"

    let path: String
    private var checkpointPath: String { path + "/" + Self.checkpointName }
    private var metricsPath: String { path + "/" + Self.metricsName }

    /// What a checkpoint holds beside tensors.
    struct Counters: Codable, Hashable {
        /// Steps that are done.
        var step = 0
        /// Seconds of training over all sittings.
        var seconds = 0.0
        /// The optimizer's steps per parameter.
        var optimizerSteps: [Int] = []
    }

    /// Makes the folder, or checks that the run in it is this one.
    ///
    /// - Parameters:
    ///   - path: The folder; its parent must exist.
    ///   - settings: What must stay the same from one sitting to the next.
    ///   - resuming: Whether a run is there to go on with.
    /// - Throws: ``TrainingError`` where the folder holds nothing to resume, or another run.
    init(path: String, settings: some Codable, resuming: Bool) throws {
        try Self.check(path, settings: settings, resuming: resuming)
        self.path = path
        guard !resuming else { return }
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw TrainingError.unusableFolder(folder: path, reason: "it cannot be made there")
        }
        try AtomicFile.write(Self.text(of: settings), to: path + "/" + Self.settingsName)
        try AtomicFile.write([], to: metricsPath)
    }

    /// Throws where a run with these settings cannot begin or go on in a folder; changes nothing.
    static func check(_ path: String, settings: some Codable, resuming: Bool) throws {
        let present = FileManager.default.contents(atPath: path + "/" + settingsName).map { [UInt8]($0) }
        let hasCheckpoint = FileManager.default.fileExists(atPath: path + "/" + checkpointName)
        guard resuming else {
            if present != nil, hasCheckpoint { throw TrainingError.folderInUse(folder: path) }
            return
        }
        guard let present, hasCheckpoint else { throw TrainingError.nothingToResume(folder: path) }
        let text = try text(of: settings)
        if present != text { throw TrainingError.otherRun(folder: path, difference: difference(present, text)) }
    }

    private static func text(of settings: some Codable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return [UInt8](try encoder.encode(settings)) + [UInt8(ascii: "\n")]
    }

    /// The first line that differs.
    private static func difference(_ first: [UInt8], _ second: [UInt8]) -> String {
        let pair = zip(first.split(separator: 10), second.split(separator: 10)).first { $0 != $1 }
        func text(_ line: ArraySlice<UInt8>?) -> String {
            String(decoding: line ?? [], as: UTF8.self).trimmingCharacters(in: .whitespaces)
        }
        return "\(text(pair?.0)) there, \(text(pair?.1)) here"
    }

    // MARK: Checkpoints

    private static let countersKey = "counters"

    /// Writes a checkpoint, which replaces the one before when it is whole.
    func save(_ counters: Counters, tensors: [(name: String, tensor: Tensor)]) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let text = String(decoding: try encoder.encode(counters), as: UTF8.self)
        try Safetensors.write(tensors, metadata: [Self.countersKey: text], to: checkpointPath)
    }

    /// Reads the checkpoint.
    func load() throws -> (counters: Counters, tensor: (String) throws -> Tensor) {
        let file = try Safetensors(path: checkpointPath)
        let checkpointPath = checkpointPath
        guard let text = file.metadata[Self.countersKey],
            let counters = try? JSONDecoder().decode(Counters.self, from: Data(text.utf8))
        else { throw TrainingError.incompleteCheckpoint(file: checkpointPath, missing: "its counters") }
        return (
            counters,
            { name in
                guard let record = file.tensors[name] else {
                    throw TrainingError.incompleteCheckpoint(file: checkpointPath, missing: name)
                }
                // A copy: the mapped file is replaced by the next checkpoint, and is never written to.
                return try record.tensor().cloned()
            }
        )
    }

    // MARK: Metrics

    /// Appends a line to `metrics.jsonl`.
    func log(_ values: [(key: String, value: Double)]) throws {
        let fields = values.map { key, value in
            "\"\(key)\":" + (value.isFinite ? Self.number(value) : "null")
        }
        let line = "{" + fields.joined(separator: ",") + "}\n"
        guard let file = FileHandle(forWritingAtPath: metricsPath) else {
            try AtomicFile.write(Array(line.utf8), to: metricsPath)
            return
        }
        defer { try? file.close() }
        try file.seekToEnd()
        try file.write(contentsOf: Data(line.utf8))
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : String(Float(value))
    }

    /// Drops the lines after a step, which a resumed run will write again.
    func dropMetrics(after step: Int) throws {
        guard let data = FileManager.default.contents(atPath: metricsPath) else { return }
        let kept = data.split(separator: UInt8(ascii: "\n")).filter { line in
            let fields = (try? JSONSerialization.jsonObject(with: line)) as? [String: Any]
            return (fields?["step"] as? Int ?? 0) <= step
        }
        try AtomicFile.write(kept.flatMap { Array($0) + [UInt8(ascii: "\n")] }, to: metricsPath)
    }
}
