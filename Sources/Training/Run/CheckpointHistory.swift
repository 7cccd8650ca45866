import Checkpoints
import Foundation
import Torch

/// The latest two checkpoints of a run, `checkpoints/step-00001200.safetensors` and so on.
///
/// Each is one file that appears whole, with a checksum at its end: all tensors, and the counters in its metadata, so that
/// both are of one step.
final class CheckpointHistory {
    /// What a checkpoint holds beside tensors.
    struct Counters: Codable, Hashable {
        /// Steps that are done.
        var step = 0
        /// The step after which held-out pictures were measured last.
        var measuredStep = 0
        /// Of the latest step.
        var learningRate = 0.0
        /// Seconds of training over all sittings.
        var seconds = 0.0
        /// The lines of `metrics.jsonl` up to here.
        var lines = 0
        /// How many pictures are learned from.
        var samples = 0
        /// Which ones; nil in checkpoints from before this was kept.
        var identity: PictureIdentity?
        /// The optimizer's steps per parameter.
        var optimizerSteps: [Int] = []

        /// Throws where these are the counters of a run with other pictures.
        func check(_ identity: PictureIdentity, folder: String) throws(TrainingError) {
            guard let before = self.identity, before != identity else { return }
            guard before.tokenizer == identity.tokenizer else { throw .exchangedTokenizer(folder: folder) }
            throw .exchangedPictures(folder: folder, isMeasured: before.learned == identity.learned)
        }
    }

    /// A checkpoint that is whole.
    struct Saved {
        let path: String
        var counters: Counters
        fileprivate let tensors: TensorTable

        /// Overwrites a tensor with the saved one of that name.
        func restore(_ tensor: Tensor, _ name: String) throws {
            guard let record = tensors[name], record.shape == tensor.shape, record.dtype == tensor.dtype else {
                throw TrainingError.incompleteCheckpoint(
                    file: path, missing: "'\(name)' as \(tensor.dtype.name) \(tensor.shape)")
            }
            try withoutGradients { try tensor.assign(record.tensor()) }
        }
    }

    static let folderName = "checkpoints"
    private static let countersKey = "counters"

    let folder: String
    /// The step of the checkpoint that this sitting wrote or read last; it is whole.
    private(set) var latest: Int?

    /// The history of the run in a folder, which need not exist yet.
    init(ofRun run: String) { folder = run + "/" + Self.folderName }

    /// The steps that there are files of, ascending.
    var steps: [Int] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).compactMap(Self.step).sorted()
    }

    /// The file of a step.
    func path(ofStep step: Int) -> String { folder + "/" + Self.name(ofStep: step) }

    private static func name(ofStep step: Int) -> String {
        let digits = String(step)
        return "step-" + String(repeating: "0", count: max(0, 8 - digits.count)) + digits + ".safetensors"
    }

    private static func step(ofName name: String) -> Int? {
        guard let step = Int(name.dropFirst(5).prefix { $0.isASCII && $0.isNumber }), name == self.name(ofStep: step)
        else { return nil }
        return step
    }

    /// Writes a checkpoint, and removes all but it and the one before.
    func save(_ counters: Counters, tensors: [(name: String, tensor: Tensor)]) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let text = String(decoding: try encoder.encode(counters), as: UTF8.self)
        try Safetensors.write(
            tensors, metadata: [Self.countersKey: text], checksummed: true, to: path(ofStep: counters.step))
        // Damaged ones go too, now that a newer whole one is there; until then they may be all that is left of some steps.
        for step in steps where step != counters.step && step != latest {
            try? FileManager.default.removeItem(atPath: path(ofStep: step))
        }
        latest = counters.step
    }

    /// Finds the newest checkpoint that is whole.
    ///
    /// - Parameter notice: Gets what was passed over, and why.
    /// - Returns: The checkpoint; nil where none was written yet.
    /// - Throws: ``TrainingError`` where there are checkpoints and all are damaged, or what reading throws.
    func newestWhole(_ notice: (TrainingNotice) throws -> Void) throws -> Saved? {
        var damaged: [String] = []
        for step in steps.reversed() {
            let path = path(ofStep: step)
            do throws(CheckpointError) {
                let saved = try read(path, step: step)
                latest = step
                return saved
            } catch {
                switch error.problem {
                // The file may well be whole: no reason to give up its steps.
                case .unreadable, .unmappable, .absent: throw error
                default: break
                }
                damaged.append(path)
                try notice(.passedOver(file: path, reason: Self.reason(error)))
            }
        }
        if let first = damaged.first { throw TrainingError.allDamaged(first: first, count: damaged.count) }
        return nil
    }

    /// The counters of the newest checkpoint that has readable ones, whole or not: for a look before anything is computed.
    var newestCounters: Counters? {
        steps.reversed().lazy.compactMap { try? Self.counters(in: Safetensors(path: self.path(ofStep: $0))) }.first
    }

    private static func counters(in file: Safetensors) -> Counters? {
        file.metadata[countersKey].flatMap { try? JSONDecoder().decode(Counters.self, from: Data($0.utf8)) }
    }

    private static func reason(_ error: CheckpointError) -> String {
        if case .corrupt(let what) = error.problem { return what }
        return "it " + error.problem.description
    }

    private func read(_ path: String, step: Int) throws(CheckpointError) -> Saved {
        let file = try Safetensors(path: path)
        try file.verifyChecksum()
        guard let counters = Self.counters(in: file), counters.step == step else {
            throw CheckpointError(file: path, .corrupt("it holds no counters of step \(step)"))
        }
        return Saved(path: path, counters: counters, tensors: file.tensors)
    }
}
