import FileOutput
import Foundation
import Images

/// Where a run keeps its state: `run.json` (the settings), `checkpoints` (the latest two), `metrics.jsonl`. One process
/// at a time has it.
final class RunFolder {
    static let settingsName = "run.json"
    static let samplesName = "samples"
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
    ///   - sections: What else `run.json` records, by its key there.
    ///   - resuming: Whether a run is there to go on with.
    /// - Throws: ``TrainingError`` where the folder holds nothing to resume, or another run, or is in use.
    init(
        path: String, settings: some Codable, recording sections: [String: any Encodable] = [:], resuming: Bool
    ) throws {
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
        var record = [Self.settingsKey: try JSONValue(encoding: settings)]
        for (key, section) in sections { record[key] = try JSONValue(encoding: section) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try AtomicFile.write(
            [UInt8](encoder.encode(JSONValue.object(record))) + [UInt8(ascii: "\n")],
            to: path + "/" + Self.settingsName)
    }

    /// The section of `run.json` that must stay the same.
    static let settingsKey = "training"

    /// Throws where a run with these settings cannot begin or go on in a folder; changes nothing.
    static func check(_ path: String, settings: some Codable, resuming: Bool) throws {
        guard resuming else {
            if !CheckpointHistory(ofRun: path).steps.isEmpty { throw TrainingError.folderInUse(folder: path) }
            return
        }
        guard let data = FileManager.default.contents(atPath: path + "/" + settingsName) else {
            throw TrainingError.nothingToResume(folder: path)
        }
        let present = try? JSONDecoder().decode(JSONValue.self, from: data).members[settingsKey]
        guard let present else {
            throw TrainingError.otherRun(folder: path, difference: "its run.json has no '\(settingsKey)'")
        }
        if let difference = try present.firstDifference(from: JSONValue(encoding: settings)) {
            throw TrainingError.otherRun(
                folder: path,
                difference: "\(difference.path) is \(difference.own) there, \(difference.other) here")
        }
    }

    /// Keeps sample pictures.
    func write(_ image: PixelImage, samplesOfStep step: Int) throws {
        let folder = path + "/" + Self.samplesName
        try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        try image.write(to: folder + "/step-\(step).png")
    }
}
