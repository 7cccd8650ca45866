/// What a launcher has told this process, by variables, of the others that it started: `torchrun`, Slurm's `srun`, or any
/// that sets the same.
public struct LauncherEnvironment: Hashable, Sendable {
    /// Which of 2 or more processes this one is.
    public let process: ProcessNumber
    /// The machine where the processes meet.
    public let host: String
    /// The port there.
    public let port: Int
    /// Whether the launcher itself keeps the meeting place, as torchrun does; else process 0 does.
    public let launcherHosts: Bool
    /// How often the launcher has started all processes anew.
    public let restarts: Int

    /// This process's number, from 0.
    public var rank: Int { process.rank }
    /// How many processes there are.
    public var count: Int { process.count }

    /// Reads the variables.
    ///
    /// - Parameter variables: The process's environment.
    /// - Returns: What they say; nil where this process is the only one.
    /// - Throws: ``LauncherError`` where they contradict each other, or some are missing.
    public static func read(_ variables: [String: String]) throws(LauncherError) -> LauncherEnvironment? {
        let variables = variables.filter { !$0.value.isEmpty }
        guard let source = try source(of: variables) else { return nil }
        let process = try number(variables, source: source)
        if process.count == 1 { return nil }
        let reader = VariableReader(variables)
        return LauncherEnvironment(
            process: process,
            host: try reader.host(for: source),
            port: try reader.port(for: source),
            launcherHosts: variables["TORCHELASTIC_USE_AGENT_STORE"] == "True",
            restarts: try reader.numberIfPresent("TORCHELASTIC_RESTART_COUNT", in: 0...Int.max) ?? 0)
    }

    /// Reads which process this is, for work in which the processes need not meet.
    ///
    /// - Parameter variables: The process's environment.
    /// - Returns: What they say; ``ProcessNumber/alone`` where this process is the only one.
    /// - Throws: ``LauncherError`` where they contradict each other, or some are missing.
    public static func number(_ variables: [String: String]) throws(LauncherError) -> ProcessNumber {
        let variables = variables.filter { !$0.value.isEmpty }
        guard let source = try source(of: variables) else { return .alone }
        return try number(variables, source: source)
    }

    private static func source(of variables: [String: String]) throws(LauncherError) -> Source? {
        if variables["WORLD_SIZE"] != nil { return .torch }
        if variables["RANK"] != nil { throw .missing(variable: "WORLD_SIZE", beside: "RANK") }
        let isSlurm = variables["SLURM_NTASKS"] != nil && variables["SLURM_PROCID"] != nil
        return isSlurm && !isOutsideStep(variables) ? .slurm : nil
    }

    private static func number(
        _ variables: [String: String], source: Source
    ) throws(LauncherError) -> ProcessNumber {
        let reader = VariableReader(variables)
        let count = try reader.number(source.count, in: 1...1_000_000, beside: source.rank)
        let found = try reader.numberIfPresent(source.rank, in: 0...1_000_000)
        guard let rank = count == 1 ? found ?? 0 : found else {
            throw .missing(variable: source.rank, beside: source.count)
        }
        guard rank < count else {
            throw .rankOutside(variable: source.rank, rank: rank, countVariable: source.count, count: count)
        }
        if count == 1 { return .alone }
        return ProcessNumber(
            rank: rank, count: count, localRank: try reader.numberIfPresent(source.localRank, in: 0...count - 1))
    }

    /// The names under which a launcher says it.
    enum Source {
        case torch, slurm

        var rank: String { self == .torch ? "RANK" : "SLURM_PROCID" }
        var count: String { self == .torch ? "WORLD_SIZE" : "SLURM_NTASKS" }
        var localRank: String { self == .torch ? "LOCAL_RANK" : "SLURM_LOCALID" }
    }

    /// Whether this runs in a job of Slurm's but was not started by `srun`: a batch script, or a shell of `salloc`. It is
    /// one process then, however many tasks the job may have; its step has no number, or one of the last few of 32 bits.
    private static func isOutsideStep(_ variables: [String: String]) -> Bool {
        guard variables["SLURM_JOB_ID"] != nil else { return false }
        guard let step = (variables["SLURM_STEP_ID"] ?? variables["SLURM_STEPID"]).flatMap(UInt64.init) else {
            return true
        }
        return step >= 0xFFFF_FFF0
    }
}

/// Looks variables up, and throws with their names.
private struct VariableReader {
    private let variables: [String: String]

    init(_ variables: [String: String]) { self.variables = variables }

    func numberIfPresent(_ name: String, in range: ClosedRange<Int>) throws(LauncherError) -> Int? {
        guard let text = variables[name] else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw .noNumber(variable: name, value: text, smallest: range.lowerBound, largest: range.upperBound)
        }
        return number
    }

    func number(_ name: String, in range: ClosedRange<Int>, beside other: String) throws(LauncherError) -> Int {
        guard let number = try numberIfPresent(name, in: range) else { throw .missing(variable: name, beside: other) }
        return number
    }

    /// Slurm has no variable for a meeting place: its first node runs process 0.
    func host(for source: LauncherEnvironment.Source) throws(LauncherError) -> String {
        if let host = variables["MASTER_ADDR"] { return host }
        for name in ["SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST", "SLURM_NODELIST"] {
            if let list = variables[name] {
                guard let first = Self.firstNode(of: list) else { throw .noNodes(variable: name, value: list) }
                return first
            }
        }
        if let address = variables["SLURM_LAUNCH_NODE_IPADDR"] { return address }
        throw .missing(variable: "MASTER_ADDR", beside: source.count)
    }

    func port(for source: LauncherEnvironment.Source) throws(LauncherError) -> Int {
        if let port = try numberIfPresent("MASTER_PORT", in: 1...65_535) { return port }
        guard source == .slurm else { throw .missing(variable: "MASTER_PORT", beside: source.count) }
        // Two jobs that share a node should not share a port; below those that systems give out.
        let job = try numberIfPresent("SLURM_JOB_ID", in: 0...Int.max) ?? 0
        return 12_000 + job % 16_000
    }

    /// The first of Slurm's list of nodes: `node[007-010,12],gpu3` begins with node007.
    private static func firstNode(of list: String) -> String? {
        var name = ""
        var rest = Substring(list)
        while let character = rest.popFirst(), character != "," {
            guard character == "[" else {
                name.append(character)
                continue
            }
            guard let end = rest.firstIndex(of: "]"),
                let first = rest[..<end].split(whereSeparator: { ",-".contains($0) }).first
            else { return nil }
            name += first
            rest = rest[rest.index(after: end)...]
        }
        return name.isEmpty ? nil : name
    }
}
