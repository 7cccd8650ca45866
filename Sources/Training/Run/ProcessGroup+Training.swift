import Foundation
import Torch

extension TrainingError {
    /// Throws unless so many processes can have equal shares of a batch: for finding out before they meet.
    public static func requireEqualShares(ofBatch batch: Int, processes: Int) throws(TrainingError) {
        if processes > 1, batch % processes != 0 { throw .unequalShares(batch: batch, processes: processes) }
    }
}

extension ProcessGroup {
    /// Throws where this process trains something else than the first, or from other pictures or tokens.
    func requireAgreement(
        on settings: some TrainingSettings & Codable, samples: Int, identity: PictureIdentity, device: Device
    ) throws {
        try TrainingError.requireEqualShares(ofBatch: settings.batch, processes: count)
        let own = JSONValue.object([
            "device": .text(device == .cpu ? "cpu" : "cuda"), "pictures": .integer(samples),
            "training": try JSONValue(encoding: settings),
            "fingerprints": try JSONValue(encoding: identity),
        ])
        let sent = try broadcast([UInt8](JSONEncoder().encode(own)))
        let first = try JSONDecoder().decode(JSONValue.self, from: Data(sent))
        if let difference = own.firstDifference(from: first) {
            throw TrainingError.otherProcess(
                rank: rank, found: "\(difference.path) \(difference.own)",
                expected: "\(difference.path) \(difference.other)")
        }
    }
}
