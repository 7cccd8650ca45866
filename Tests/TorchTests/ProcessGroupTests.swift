import Foundation
import TestSupport
import Testing

@testable import Torch

/// Every process is a thread here: what they share goes through sockets all the same.
@Suite("Processes that compute together", .serialized, .timeLimit(.minutes(1)))
struct ProcessGroupTests {
    /// In a hurry, but for a machine that is busy with other tests.
    private static let pace = ProcessWatch.Pace(secondsBetweenLooks: 0.1, missedLooks: 20, graceSeconds: 0.3)

    private static func environment(_ rank: Int, of count: Int, port: Int) throws -> LauncherEnvironment {
        try #require(
            try LauncherEnvironment.read([
                "RANK": "\(rank)", "WORLD_SIZE": "\(count)", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "\(port)",
            ]))
    }

    private static func group(
        _ rank: Int, of count: Int, port: Int, patience: Int = 40,
        abandoning abandon: @escaping @Sendable (ProcessGroupError) -> Void = { _ in }
    ) throws -> ProcessGroup {
        try ProcessGroup(
            environment(rank, of: count, port: port), patience: .seconds(patience), pace: pace, abandoning: abandon)
    }

    /// What came of a body on each of some threads.
    private static func together<Value: Sendable>(
        _ count: Int, _ body: @escaping @Sendable (Int) throws -> Value
    ) async -> [Result<Value, any Error>] {
        await withTaskGroup { tasks in
            for index in 0..<count {
                tasks.addTask {
                    let result = await withCheckedContinuation { continuation in
                        Thread { continuation.resume(returning: Result { try body(index) }) }.start()
                    }
                    return (index, result)
                }
            }
            var results: [Int: Result<Value, any Error>] = [:]
            for await (index, result) in tasks { results[index] = result }
            return (0..<count).compactMap { results[$0] }
        }
    }

    private static func failure<Value>(_ result: Result<Value, any Error>) -> ProcessGroupError? {
        if case .failure(let error) = result { error as? ProcessGroupError } else { nil }
    }

    @Test("Sums, largest values, and what the first hands out are the same for all") func collectives() async throws {
        let port = freePort()
        let results = await Self.together(3) { rank in
            let group = try Self.group(rank, of: 3, port: port)
            let tensor = try Tensor([Float(rank), 10, -1], shape: [3])
            let other = try Tensor([rank + 1], shape: [1])
            let (first, second) = (try group.beginSum(tensor), try group.beginSum(other))
            try second.wait()
            try first.wait()
            let sums = try tensor.array(of: Double.self) + other.array(of: Double.self)
            let means = try group.means([Double(rank), 4])
            let maxima = try group.maxima([Double(rank), -Double(rank)])
            let bytes = try group.broadcast([UInt8](repeating: UInt8(rank + 7), count: rank + 2))
            let share = group.share(of: 12)
            try group.leave()
            return [sums, means, maxima, bytes.map(Double.init), [Double(share.lowerBound), Double(share.upperBound)]]
        }
        for (rank, result) in results.enumerated() {
            let start = Double(4 * rank)
            #expect(try result.get() == [[3, 30, -3, 6], [1, 4], [2, 0], [7, 7], [start, start + 4]])
        }
    }

    @Test("A process alone computes nothing with others") func alone() throws {
        let group = ProcessGroup.alone
        let tensor = try Tensor([1.5, 2], shape: [2])
        try group.sum(tensor)
        try group.broadcast(tensor)
        #expect(try tensor.array(of: Double.self) == [1.5, 2])
        #expect(try group.maxima([1, 2]) == [1, 2] && group.share(of: 5) == 0..<5)
        try group.leave()
    }

    @Test("Those that do not come are named to those that do") func missing() async throws {
        let port = freePort()
        let results = await Self.together(2) { rank in _ = try Self.group(rank * 2, of: 4, port: port, patience: 8) }
        #expect(Self.failure(results[0]) == .missing(ranks: [1, 3], count: 4, seconds: 8))
        let told = "\(Self.failure(results[1]).map { "\($0)" } ?? "")"
        #expect(told.hasPrefix("Process 0 of 4 (pid ") && told.contains("could not meet the others"), "\(told)")
        let nobody = #expect(throws: ProcessGroupError.self) { try Self.group(1, of: 2, port: freePort(), patience: 1) }
        #expect(nobody.map { "\($0)".hasPrefix("Process 0 cannot be reached at 127.0.0.1:") } == true)
    }

    @Test("Two processes with one number, or with other counts, are refused") func mixedUp() async throws {
        let port = freePort()
        let results = await Self.together(3) { index in
            _ = try Self.group([0, 1, 2][index], of: [3, 3, 4][index], port: port)
        }
        let counts = results.compactMap { result -> Bool? in
            if case .otherCount = Self.failure(result) { true } else { nil }
        }
        #expect(!counts.isEmpty, "\(results)")
        let store = try Self.environment(1, of: 2, port: freePort())
        let host = try SharedStore(host: store.host, port: store.port, isHost: true, prefix: "x", patience: .seconds(5))
        _ = try host.claim("place/1", "pid 1 on elsewhere")
        #expect(throws: ProcessGroupError.takenRank(1, by: "pid 1 on elsewhere")) {
            try ProcessWatch(store, store: host) { _ in }.introduce()
        }
    }

    @Test("A port that is taken is one line that says so") func takenPort() async throws {
        let port = freePort()
        let host = try SharedStore(host: "127.0.0.1", port: port, isHost: true, prefix: "x", patience: .seconds(5))
        let error = #expect(throws: ProcessGroupError.self) { try Self.group(0, of: 2, port: port, patience: 1) }
        let text = error.map { "\($0)" } ?? ""
        #expect(text.hasPrefix("Port \(port) cannot be opened") && text.contains("MASTER_PORT"), "\(text)")
        withExtendedLifetime(host) {}
    }

    @Test("A process that falls silent is named to all that wait for it, also where the meeting place ends with them")
    func silent() async throws {
        let port = freePort()
        let results = await Self.together(3) { rank in
            let group = try Self.group(rank, of: 3, port: port)
            guard rank != 1 else { return }
            try group.sum(Tensor([1.0], shape: [1]))
        }
        for rank in [0, 2] {
            guard case .lost(rank: 1, count: 3, let place) = Self.failure(results[rank]) else {
                Issue.record("\(results[rank])")
                continue
            }
            #expect(place.hasPrefix("pid "))
        }
    }

    @Test("Why a process ends is told to the others") func ended() async throws {
        let port = freePort()
        let results = await Self.together(3) { rank in
            let group = try Self.group(rank, of: 3, port: port)
            if rank == 1 { return group.announceFailure("The disk is full.") }
            try group.sum(Tensor([1.0], shape: [1]))
        }
        for index in [0, 2] {
            let text = Self.failure(results[index]).map { "\($0)" } ?? "\(results[index])"
            #expect(text.hasPrefix("Process 1 of 3 (pid ") && text.hasSuffix("has ended: The disk is full."), "\(text)")
        }
    }

    @Test("A process that is busy when another is gone is ended from outside") func abandoned() async throws {
        let port = freePort()
        let results = await Self.together(2) { rank in
            let heard = NSCondition()
            nonisolated(unsafe) var failure: ProcessGroupError?
            let group = try Self.group(rank, of: 2, port: port) { error in
                heard.withLock {
                    failure = error
                    heard.broadcast()
                }
            }
            guard rank == 0 else { return false }
            return withExtendedLifetime(group) {
                heard.withLock {
                    while failure == nil, heard.wait(until: Date(timeIntervalSinceNow: 30)) {}
                    if case .lost(rank: 1, _, _) = failure { return true }
                    return false
                }
            }
        }
        #expect(try results[0].get())
    }
}
