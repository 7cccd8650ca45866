/// Which of the processes that a launcher started together this one is.
public struct ProcessNumber: Hashable, Sendable {
    /// This process's number, from 0.
    public let rank: Int
    /// How many processes there are.
    public let count: Int
    /// This process's number among those of its machine; nil where nothing says it.
    public let localRank: Int?

    /// A number. Traps unless it is below the count.
    public init(rank: Int, count: Int, localRank: Int? = nil) {
        precondition((0..<count).contains(rank), "process \(rank) of \(count)")
        self.rank = rank
        self.count = count
        self.localRank = localRank
    }

    /// That of a process that was started by itself.
    public static let alone = ProcessNumber(rank: 0, count: 1)

    /// Whether this process is the one that reports.
    public var isFirst: Bool { rank == 0 }
}
