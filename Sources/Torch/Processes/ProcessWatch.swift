import Foundation

/// Sees to it that a process hears of another's end, on a thread of its own.
///
/// Every process says once a second that it is there, and looks at the next one. Who finds it silent tells all. A thread
/// that is held up, or a machine that sleeps, counts nothing meanwhile, so that nobody is declared dead for it.
///
/// `@unchecked`: what changes is behind the lock.
final class ProcessWatch: @unchecked Sendable {
    /// How soon a process is missed.
    struct Pace: Sendable {
        var secondsBetweenLooks = 1.0
        /// How many looks without a sign of life make a process dead.
        var missedLooks = 15
        /// How many seconds a process has to end in order when another is gone, before ``abandon``.
        var graceSeconds = 20.0
    }

    private enum Key {
        static let failure = "failure"
        static func sign(_ rank: Int) -> String { "sign/\(rank)" }
        static func place(_ rank: Int) -> String { "place/\(rank)" }
    }

    private let environment: LauncherEnvironment
    private let store: SharedStore
    private let pace: Pace
    /// Called where the process has not ended by itself some time after another was gone: it may be in a long
    /// computation, or wait for what never comes.
    private let abandon: @Sendable (ProcessGroupError) -> Void
    private let lock = NSLock()
    private var failure: ProcessGroupError?
    private var isOver = false
    private var looks = 0

    /// - Parameters:
    ///   - environment: Who this process is.
    ///   - store: A connection for the watch alone.
    ///   - pace: How soon a process is missed.
    ///   - abandon: Ends the process.
    init(
        _ environment: LauncherEnvironment, store: SharedStore, pace: Pace = Pace(),
        abandoning abandon: @escaping @Sendable (ProcessGroupError) -> Void
    ) {
        self.environment = environment
        self.store = store
        self.pace = pace
        self.abandon = abandon
    }

    /// What this process tells of itself.
    static var place: String {
        "pid \(ProcessInfo.processInfo.processIdentifier) on \(ProcessInfo.processInfo.hostName)"
    }

    // MARK: Before the start

    /// Says that this process is there; throws where another has its number or another count.
    func introduce() throws {
        let others = try store.claim("count", String(environment.count))
        guard others == String(environment.count) else {
            throw ProcessGroupError.otherCount(own: environment.count, others: others)
        }
        let place = Self.place
        let found = try store.claim(Key.place(environment.rank), place)
        guard found == place else { throw ProcessGroupError.takenRank(environment.rank, by: found) }
        try store.set(Key.sign(environment.rank), "0")
    }

    /// Waits until all processes are there.
    func awaitAll(patience: Duration) throws {
        let seconds = Int(patience.components.seconds)
        // The first tells the others, and has some time for it when it gives up.
        let isFirst = environment.rank == 0
        let end = ContinuousClock.now + patience + (isFirst ? .zero : .seconds(5))
        var missing = Array(0..<environment.count)
        while true {
            if isFirst {
                try missing.removeAll { try store.has(Key.sign($0)) }
                if missing.isEmpty { return try store.set("all", "") }
            } else if try store.has("all") {
                return
            }
            if let failure = try reportedFailure() { throw failure }
            guard ContinuousClock.now < end else {
                throw ProcessGroupError.missing(
                    ranks: isFirst ? missing : [0], count: environment.count, seconds: seconds)
            }
            Thread.sleep(forTimeInterval: 0.05)
        }
    }

    // MARK: While it lasts

    /// Starts the thread.
    func start() {
        let thread = Thread { self.run() }
        thread.name = "process watch"
        thread.start()
    }

    /// Ends the thread, once all processes are through.
    func stop() { lock.withLock { isOver = true } }

    /// Why the processes can no longer compute together; nil as long as they can.
    var knownFailure: ProcessGroupError? { lock.withLock { failure } }

    /// How often the thread has looked: it stands still where the store's machine does not answer at all.
    var lookCount: Int { lock.withLock { looks } }

    /// What has ended an operation that failed, as soon as it is known.
    func explanation(of error: ProcessGroupError) -> ProcessGroupError {
        let end = ContinuousClock.now + .seconds(2 * pace.secondsBetweenLooks * Double(pace.missedLooks))
        while ContinuousClock.now < end {
            if let failure = knownFailure { return failure }
            Thread.sleep(forTimeInterval: 0.1)
        }
        return error
    }

    /// Tells the others why this process ends.
    func announce(_ reason: String) {
        if (try? store.claim(Key.failure, "\(environment.rank) \(reason)")) != nil { letOthersLook() }
    }

    /// The store ends with its host; whoever looks once a second should find the message before.
    private func letOthersLook() {
        guard environment.rank == 0, !environment.launcherHosts else { return }
        Thread.sleep(forTimeInterval: 2.5 * pace.secondsBetweenLooks)
    }

    private func run() {
        let neighbour = (environment.rank + 1) % environment.count
        var (sign, missed, unanswered) = ("", 0, 0)
        while knownFailure == nil {
            Thread.sleep(forTimeInterval: pace.secondsBetweenLooks)
            if lock.withLock({ isOver }) { return }
            do {
                try store.set(Key.sign(environment.rank), String(lookCount + 1))
                let latest = try store.value(of: Key.sign(neighbour))
                missed = latest == sign ? missed + 1 : 0
                sign = latest
                if missed >= pace.missedLooks { _ = try store.claim(Key.failure, "\(neighbour)") }
                let reported = try reportedFailure()
                if reported != nil { letOthersLook() }
                lock.withLock {
                    failure = reported
                    looks += 1
                }
                unanswered = 0
            } catch {
                unanswered += 1
                if unanswered >= 3 { lock.withLock { failure = storeFailure } }
            }
        }
        Thread.sleep(forTimeInterval: pace.graceSeconds)
        if let failure = knownFailure, !lock.withLock({ isOver }) { abandon(failure) }
    }

    /// What a process has told all: the number of one, and why it ended if that is known.
    private func reportedFailure() throws(TorchError) -> ProcessGroupError? {
        guard try store.has(Key.failure) else { return nil }
        let words = try store.value(of: Key.failure).split(separator: " ", maxSplits: 1)
        let rank = words.first.flatMap { Int($0) } ?? 0
        let place = try store.has(Key.place(rank)) ? store.value(of: Key.place(rank)) : "which never came"
        guard words.count > 1 else { return .lost(rank: rank, count: environment.count, place: place) }
        return .ended(rank: rank, count: environment.count, place: place, reason: String(words[1]))
    }

    /// What it means that the store is gone.
    var storeFailure: ProcessGroupError {
        environment.launcherHosts
            ? .lostLauncher(host: environment.host, port: environment.port)
            : .lost(rank: 0, count: environment.count, place: "at \(environment.host):\(environment.port)")
    }
}
