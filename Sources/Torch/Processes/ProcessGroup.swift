import CTorch

/// Processes that compute one thing together, over LibTorch's c10d: this one, and how tensors travel to the others.
///
/// All processes must call its functions in the same order. Where one of them is gone, they throw an error that names it,
/// within some 20 seconds. A group of one, ``alone``, does nothing and costs nothing.
public final class ProcessGroup {
    /// This process's number, from 0.
    public let rank: Int
    /// How many there are.
    public let count: Int
    private let link: Link?

    /// What connects this process with the others.
    private final class Link {
        let handle: CTorchGroup
        let watch: ProcessWatch
        /// Whether all processes are through.
        var isOver = false

        init(_ handle: CTorchGroup, watch: ProcessWatch) {
            self.handle = handle
            self.watch = watch
        }

        deinit {
            watch.stop()
            // Its end waits for what is on its way, for ever where another process is gone.
            if isOver { ctorch_group_release(handle) }
        }
    }

    /// The group of a process that was started by itself.
    public static var alone: ProcessGroup { ProcessGroup() }

    private init() {
        (rank, count) = (0, 1)
        link = nil
    }

    /// Meets the other processes.
    ///
    /// - Parameters:
    ///   - environment: What the launcher says.
    ///   - patience: How long to wait for the others.
    ///   - abandon: Ends this process, on a thread of the watch's, where another is gone and this one has not ended by
    ///     itself some time later; by default nothing does.
    /// - Throws: ``ProcessGroupError`` where they do not come together.
    public convenience init(
        _ environment: LauncherEnvironment, patience: Duration = .seconds(600),
        abandoning abandon: @escaping @Sendable (ProcessGroupError) -> Void = { _ in }
    ) throws(ProcessGroupError) {
        try self.init(environment, patience: patience, pace: .init(), abandoning: abandon)
    }

    /// The same, at another pace: tests are in a hurry.
    init(
        _ environment: LauncherEnvironment, patience: Duration, pace: ProcessWatch.Pace,
        abandoning abandon: @escaping @Sendable (ProcessGroupError) -> Void
    ) throws(ProcessGroupError) {
        (rank, count) = (environment.rank, environment.count)
        let isHost = environment.rank == 0 && !environment.launcherHosts
        do {
            let store = try SharedStore(
                host: environment.host, port: environment.port, isHost: isHost,
                prefix: "mvar/\(environment.restarts)", patience: patience)
            let watch = ProcessWatch(
                environment, store: try store.clone(patience: .seconds(10)), pace: pace, abandoning: abandon)
            do {
                try watch.introduce()
                try watch.awaitAll(patience: patience)
                watch.start()
                link = Link(try store.join(environment, patience: patience), watch: watch)
            } catch {
                watch.announce("it could not meet the others")
                watch.stop()
                throw error
            }
        } catch let error as ProcessGroupError {
            throw error
        } catch {
            let reason = (error as? TorchError)?.message ?? "\(error)"
            throw .noMeeting(host: environment.host, port: environment.port, isHost: isHost, reason: reason)
        }
    }

    /// Whether this process is the one that writes and reports.
    public var isFirst: Bool { rank == 0 }

    // MARK: Shares

    /// This process's share of so many things, of which each process has as many: neighbours, in the order of the numbers.
    ///
    /// Traps unless the number of processes divides the count.
    public func share(of total: Int) -> Range<Int> {
        precondition(total % count == 0, "\(total) cannot be shared equally by \(count)")
        return rank * (total / count)..<(rank + 1) * (total / count)
    }

    // MARK: Tensors

    /// A tensor that is on its way.
    public final class Transfer {
        private let work: CTorchWork?
        private let watch: ProcessWatch?
        private let operation: String

        fileprivate init(_ work: CTorchWork?, watch: ProcessWatch?, operation: String) {
            self.work = work
            self.watch = watch
            self.operation = operation
        }

        /// Seconds without a look of the watch.
        private static let longestSilence = 45

        deinit {
            if let work { ctorch_work_release(work) }
        }

        /// Waits until the tensor has its value from all processes.
        public func wait() throws(ProcessGroupError) {
            guard let work, let watch else { return }
            // A store whose machine is off does not even refuse to answer, and holds the watch up.
            var (looks, silence) = (watch.lookCount, 0)
            while true {
                var isDone = false
                guard ctorch_work_wait(work, 500, &isDone) == 0 else {
                    let reason = String(cString: ctorch_last_error()).prefix { $0 != "\n" }
                    throw watch.explanation(of: .broken(operation: operation, reason: String(reason)))
                }
                if isDone { return }
                if let failure = watch.knownFailure { throw failure }
                silence = watch.lookCount == looks ? silence + 1 : 0
                looks = watch.lookCount
                if silence >= 2 * Self.longestSilence { throw watch.storeFailure }
            }
        }
    }

    /// Begins to replace a tensor by its sum over all processes. Nothing may touch it before the transfer has ended.
    public func beginSum(_ tensor: Tensor) throws(ProcessGroupError) -> Transfer {
        try begin("adding up \(tensor.shape)", tensor) { ctorch_group_reduce($0, tensor.handle, .sum, $1) }
    }

    /// Replaces a tensor by its sum over all processes.
    public func sum(_ tensor: Tensor) throws(ProcessGroupError) { try beginSum(tensor).wait() }

    /// Replaces a tensor by that of process 0.
    public func broadcast(_ tensor: Tensor) throws(ProcessGroupError) {
        try begin("handing out \(tensor.shape)", tensor) { ctorch_group_broadcast($0, tensor.handle, $1) }.wait()
    }

    private func begin(
        _ operation: String, _ tensor: Tensor,
        _ body: (CTorchGroup, UnsafeMutablePointer<CTorchWork?>) -> CTorchStatus
    ) throws(ProcessGroupError) -> Transfer {
        guard let link else { return Transfer(nil, watch: nil, operation: operation) }
        var work: CTorchWork?
        guard body(link.handle, &work) == 0 else {
            throw link.watch.explanation(
                of: .broken(operation: operation, reason: String(cString: ctorch_last_error())))
        }
        return Transfer(work, watch: link.watch, operation: operation)
    }

    // MARK: Values

    /// The means of numbers over all processes.
    public func means(_ values: [Double]) throws -> [Double] {
        guard link != nil else { return values }
        let tensor = try Tensor(values, shape: [values.count])
        try sum(tensor)
        return try tensor.array(of: Double.self).map { $0 / Double(count) }
    }

    /// The largest of numbers over all processes, one by one.
    public func maxima(_ values: [Double]) throws -> [Double] {
        guard link != nil else { return values }
        let tensor = try Tensor(values, shape: [values.count])
        try begin("comparing", tensor) { ctorch_group_reduce($0, tensor.handle, .maximum, $1) }.wait()
        return try tensor.array(of: Double.self)
    }

    /// The bytes of process 0.
    public func broadcast(_ bytes: [UInt8]) throws -> [UInt8] {
        guard link != nil else { return bytes }
        let size = try Tensor([bytes.count], shape: [1])
        try broadcast(size)
        let count = Int(try size.item())
        let tensor =
            isFirst
            ? try Tensor(bytes, shape: [count]) : try Tensor([UInt8](repeating: 0, count: count), shape: [count])
        if count > 0 { try broadcast(tensor) }
        return try tensor.array(of: UInt8.self)
    }

    // MARK: The end

    /// Waits for all processes, and leaves them: from here on nobody minds how this one ends.
    public func leave() throws {
        guard let link else { return }
        _ = try maxima([0])
        link.watch.stop()
        link.isOver = true
    }

    /// Tells the others that this process ends, and why, on one line; they then end too.
    public func announceFailure(_ reason: String) {
        // Who ends because of another has nothing to tell.
        guard let watch = link?.watch, watch.knownFailure == nil else { return }
        watch.announce(reason)
    }
}
