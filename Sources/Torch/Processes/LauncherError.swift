/// Why the variables of a launcher make no sense.
public enum LauncherError: Error, Hashable, Sendable {
    /// A variable is not set, though another is that needs it.
    case missing(variable: String, beside: String)
    /// The value is no whole number, or one outside its range.
    case noNumber(variable: String, value: String, smallest: Int, largest: Int)
    /// The process's number is not below the number of processes.
    case rankOutside(variable: String, rank: Int, countVariable: String, count: Int)
    /// The value is no list of nodes.
    case noNodes(variable: String, value: String)
}

extension LauncherError: CustomStringConvertible {
    /// What is wrong and what to do, on one line.
    public var description: String {
        switch self {
        case .missing(let variable, let other):
            "\(variable) is not set, though \(other) is: start all processes by torchrun or srun, or set "
                + "RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT for each; unset all for a single process."
        case .noNumber(let variable, let value, let smallest, let largest):
            "\(variable) is '\(value)', and must be a whole number "
                + (largest == .max ? "of at least \(smallest)." : "in \(smallest)...\(largest).")
        case .rankOutside(let variable, let rank, let countVariable, let count):
            "\(variable) is \(rank) and \(countVariable) is \(count): processes are numbered from 0 to \(count - 1)."
        case .noNodes(let variable, let value):
            "\(variable) is '\(value)', which is no list of nodes: set MASTER_ADDR to the machine of process 0."
        }
    }
}
