import FileOutput
import Foundation

/// Where a run keeps its state: `run.json` (the settings), `checkpoints` (the latest two), `metrics.jsonl`. One process
/// at a time has it.
final class RunFolder {
    static let settingsName = "run.json"
    static let metricsName = "metrics.jsonl"
    /// The model folder that a run ends in.
    static let resultName = "model"

    let path: String
    let checkpoints: CheckpointHistory
    private let lock: FolderLock

    var metricsPath: String { path + "/" + Self.metricsName }

    /// Makes the folder, or checks that the run in it is this one.
    ///
    /// - Parameters:
    ///   - path: The folder.
    ///   - settings: What must stay the same from one sitting to the next.
    ///   - resuming: Whether a run is there to go on with.
    /// - Throws: ``TrainingError`` where the folder holds nothing to resume, or another run, or is in use.
    init(path: String, settings: some Codable, resuming: Bool) throws {
        try Self.check(path, settings: settings, resuming: resuming)
        self.path = path
        checkpoints = CheckpointHistory(ofRun: path)
        do {
            try FileManager.default.createDirectory(atPath: checkpoints.folder, withIntermediateDirectories: true)
        } catch {
            throw TrainingError.unusableFolder(folder: path, reason: "it cannot be made there")
        }
        lock = try FolderLock(checkpoints.folder, ofRun: path)
        // Whoever was killed while saving left a file as large as what it saved.
        for folder in [checkpoints.folder, path + "/" + Self.resultName] { AtomicFile.removeAbandonedFiles(in: folder) }
        guard !resuming else { return }
        try AtomicFile.write([], to: metricsPath)
        try AtomicFile.write(Self.text(of: settings), to: path + "/" + Self.settingsName)
    }

    /// Throws where a run with these settings cannot begin or go on in a folder; changes nothing.
    static func check(_ path: String, settings: some Codable, resuming: Bool) throws {
        let present = FileManager.default.contents(atPath: path + "/" + settingsName).map { [UInt8]($0) }
        guard resuming else {
            if !CheckpointHistory(ofRun: path).steps.isEmpty { throw TrainingError.folderInUse(folder: path) }
            return
        }
        guard let present else { throw TrainingError.nothingToResume(folder: path) }
        let text = try text(of: settings)
        if present != text {
            let (there, here) = difference(present, text)
            throw TrainingError.otherRun(folder: path, difference: "\(there) there, \(here) here")
        }
    }

    /// As ``settingsName`` has them.
    static func text(of settings: some Codable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return [UInt8](try encoder.encode(settings)) + [UInt8(ascii: "\n")]
    }

    /// The first line that differs, in both.
    static func difference(_ first: [UInt8], _ second: [UInt8]) -> (String, String) {
        let pair = zip(first.split(separator: 10), second.split(separator: 10)).first { $0 != $1 }
        func text(_ line: ArraySlice<UInt8>?) -> String {
            String(decoding: line ?? [], as: UTF8.self).trimmingCharacters(in: [" ", ","])
        }
        return (text(pair?.0), text(pair?.1))
    }
}
