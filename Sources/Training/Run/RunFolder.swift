import FileOutput
import Foundation
import Images

/// Where a run keeps its state: `run.json` (the settings), `checkpoints` (the latest two), `metrics.jsonl`. One process
/// at a time has it, until the value is released.
public final class RunFolder {
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
        var record = [Self.settingsKey: try JSONValue(encoding: settings)]
        for (key, section) in sections { record[key] = try JSONValue(encoding: section) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try AtomicFile.write(
            [UInt8](encoder.encode(JSONValue.object(record))) + [UInt8(ascii: "\n")],
            to: path + "/" + Self.settingsName)
        // Last: where there is a log, the run can be resumed.
        try AtomicFile.write([], to: metricsPath)
    }

    /// The section of `run.json` that must stay the same.
    static let settingsKey = "training"

    /// Throws where a run with these settings cannot begin or go on in a folder; changes nothing.
    ///
    /// - Parameters:
    ///   - path: The folder.
    ///   - settings: Those of the run.
    ///   - unknown: The place of a setting that is not known yet, and so not compared.
    ///   - resuming: Whether a run is there to go on with.
    /// - Throws: ``TrainingError``.
    static func check(_ path: String, settings: some Codable, butFor unknown: [String] = [], resuming: Bool) throws {
        try checkWritable(path)
        guard resuming else {
            if !CheckpointHistory(ofRun: path).steps.isEmpty { throw TrainingError.folderInUse(folder: path) }
            return
        }
        guard let data = FileManager.default.contents(atPath: path + "/" + settingsName) else {
            throw TrainingError.nothingToResume(folder: path)
        }
        let present = try? JSONDecoder().decode(JSONValue.self, from: data).members[settingsKey]
        guard var present else {
            throw TrainingError.otherRun(folder: path, difference: "its run.json has no '\(settingsKey)'")
        }
        var own = try JSONValue(encoding: settings)
        present.remove(unknown[...])
        own.remove(unknown[...])
        if let difference = present.firstDifference(from: own) {
            throw TrainingError.otherRun(
                folder: path,
                difference: "\(difference.path) is \(difference.own) there, \(difference.other) here")
        }
    }

    /// Throws where nothing can be written in a folder, or it cannot be made.
    private static func checkWritable(_ path: String) throws(TrainingError) {
        guard !path.isEmpty else { throw .unusableFolder(folder: path, reason: "it has no name") }
        var present = URL(fileURLWithPath: path)
        var isFolder = ObjCBool(false)
        while !FileManager.default.fileExists(atPath: present.path, isDirectory: &isFolder), present.path != "/" {
            present.deleteLastPathComponent()
        }
        guard isFolder.boolValue else {
            throw .unusableFolder(folder: path, reason: "'\(present.path)' is no folder")
        }
        guard FileManager.default.isWritableFile(atPath: present.path) else {
            throw .unusableFolder(folder: path, reason: "'\(present.path)' cannot be written to")
        }
    }

    /// Keeps a picture for people, without which the run goes on as well.
    ///
    /// - Parameters:
    ///   - image: The picture.
    ///   - name: Its file in the run's folder.
    ///   - notice: Gets why it could not be written.
    /// - Throws: What `notice` throws.
    func keep(_ image: PixelImage, as name: String, _ notice: (TrainingNotice) throws -> Void) throws {
        let file = URL(fileURLWithPath: path + "/" + name)
        try? FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: false)
        do throws(ImageError) {
            try image.write(to: path + "/" + name)
        } catch {
            try notice(.pictureMissing(reason: "\(error)"))
        }
    }
}
