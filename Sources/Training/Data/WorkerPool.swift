import Foundation
import Synchronization

/// Threads that carry out work, and give its results in the order in which it came.
final class WorkerPool<Output: Sendable> {
    private let queue = OperationQueue()
    /// What was added and, from ``first`` on, not yet taken.
    private var jobs: [Job<Output>] = []
    private var first = 0

    /// - Parameter workers: How many threads, 1 or more.
    init(workers: Int) {
        precondition(workers >= 1, "\(workers) threads do no work")
        queue.maxConcurrentOperationCount = workers
    }

    deinit { queue.cancelAllOperations() }

    /// How much was added and not taken.
    var count: Int { jobs.count - first }

    /// Takes work in, which is carried out while the caller goes on.
    func add(_ work: @escaping @Sendable () -> Output) {
        let job = Job(work)
        jobs.append(job)
        queue.addOperation(job.operation)
    }

    /// Waits for the oldest work and takes its result; nil where there is none.
    func next() -> Output? {
        guard first < jobs.count else { return nil }
        let job = jobs[first]
        first += 1
        if first >= 64, 2 * first >= jobs.count {
            jobs.removeFirst(first)
            first = 0
        }
        job.operation.waitUntilFinished()
        return job.result
    }
}

/// One piece of work on its way through the pool.
private final class Job<Output: Sendable> {
    let operation: Operation
    private let outcome: Outcome<Output>

    init(_ work: @escaping @Sendable () -> Output) {
        let outcome = Outcome<Output>()
        self.outcome = outcome
        operation = BlockOperation {
            let output = work()
            outcome.value.withLock { $0 = output }
        }
    }

    /// After the operation.
    var result: Output? { outcome.value.withLock { $0 } }
}

/// What one thread writes and another reads.
private final class Outcome<Output: Sendable>: Sendable {
    let value = Mutex<Output?>(nil)
}
