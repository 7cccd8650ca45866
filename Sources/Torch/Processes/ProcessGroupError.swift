/// Why processes cannot compute together, or no longer.
public enum ProcessGroupError: Error, Hashable, Sendable {
    /// The meeting place cannot be opened or reached.
    case noMeeting(host: String, port: Int, isHost: Bool, reason: String)
    /// Some processes did not come.
    case missing(ranks: [Int], count: Int, seconds: Int)
    /// The processes were told different counts.
    case otherCount(own: Int, others: String)
    /// Two processes have one number.
    case takenRank(Int, by: String)
    /// A process gives no sign of life any more; `place` says where it ran.
    case lost(rank: Int, count: Int, place: String)
    /// A process has ended with an error.
    case ended(rank: Int, count: Int, place: String, reason: String)
    /// The launcher, which keeps the processes together, cannot be reached any more.
    case lostLauncher(host: String, port: Int)
    /// A collective operation failed, and all processes are alive.
    case broken(operation: String, reason: String)
}

extension ProcessGroupError: CustomStringConvertible {
    /// What is wrong and what to do, on one line.
    public var description: String {
        switch self {
        case .noMeeting(let host, let port, true, let reason):
            "Port \(port) cannot be opened for the other processes, which look for it at \(host): \(reason). Choose "
                + "another MASTER_PORT."
        case .noMeeting(let host, let port, false, let reason):
            "Process 0 cannot be reached at \(host):\(port): \(reason). Check MASTER_ADDR, MASTER_PORT and that "
                + "process 0 runs there."
        case .missing(let ranks, let count, let seconds):
            "\(Self.named(ranks)) of \(count) did not come within \(seconds) s: start every one of the \(count) that "
                + "the launcher's variables tell of."
        case .otherCount(let own, let others):
            "This process was started as one of \(own), others at the same port as one of \(others): give each run a "
                + "MASTER_PORT of its own."
        case .takenRank(let rank, let place):
            "There are two processes with the number \(rank), one of them \(place): give each its own RANK, and each "
                + "run its own MASTER_PORT."
        case .lost(let rank, let count, let place):
            "Process \(rank) of \(count) (\(place)) is gone: it was killed, or its machine is off or out of reach."
        case .ended(let rank, let count, let place, let reason):
            "Process \(rank) of \(count) (\(place)) has ended: \(reason)"
        case .lostLauncher(let host, let port):
            "The launcher at \(host):\(port) is gone, by which the processes hear of each other."
        case .broken(let operation, let reason): "The processes lost each other while \(operation): \(reason)."
        }
    }

    private static func named(_ ranks: [Int]) -> String {
        let listed = ranks.prefix(8).map(String.init).joined(separator: ", ")
        let rest = ranks.count > 8 ? " and \(ranks.count - 8) more" : ""
        return (ranks.count == 1 ? "Process " : "Processes ") + listed + rest
    }
}
