import Torch

extension TrainingError {
    /// Throws unless so many processes can have equal shares of a batch: for finding out before they meet.
    public static func requireEqualShares(ofBatch batch: Int, processes: Int) throws(TrainingError) {
        if processes > 1, batch % processes != 0 { throw .unequalShares(batch: batch, processes: processes) }
    }
}

extension ProcessGroup {
    /// Throws where this process trains something else than the first, or from other pictures.
    func requireAgreement(on settings: some TrainingSettings & Codable, samples: Int) throws {
        try TrainingError.requireEqualShares(ofBatch: settings.batch, processes: count)
        let own = try [UInt8]("pictures: \(samples)\n".utf8) + RunFolder.text(of: settings)
        let first = try broadcast(own)
        if first != own {
            let (expected, found) = RunFolder.difference(first, own)
            throw TrainingError.otherProcess(rank: rank, found: found, expected: expected)
        }
    }
}
