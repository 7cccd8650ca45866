import MVAR

/// What several measurements of one thing say.
package struct Spread: Hashable, Sendable {
    /// The middle one; the mean of the two in the middle where their number is even.
    package let median: Double
    package let minimum: Double
    package let maximum: Double

    /// Of at least one value.
    package init(_ values: [Double]) {
        precondition(!values.isEmpty, "no values have no median")
        let sorted = values.sorted()
        median = (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
        minimum = sorted[0]
        maximum = sorted[sorted.count - 1]
    }
}

/// Takes the time of work on a device.
struct Stopwatch {
    let device: Device
    private let clock = ContinuousClock()

    init(on device: Device) { self.device = device }

    /// The seconds that `body` takes, with everything that it leaves in the device's queue.
    func seconds(_ body: () throws -> Void) throws -> Double {
        try waitForDevice()
        let start = clock.now
        try body()
        try waitForDevice()
        return (clock.now - start) / .seconds(1)
    }

    /// A GPU computes in the order of its queue, so a number that is read from it comes after all that was queued.
    private func waitForDevice() throws {
        guard device != .cpu else { return }
        _ = try Tensor.zeros([1], device: device).item()
    }

    /// Runs each of several bodies once to warm up, and then `runs` times, in turn: what disturbs the machine for a while
    /// disturbs all of them.
    ///
    /// - Parameters:
    ///   - runs: How often each is measured, 1 or more.
    ///   - bodies: What is compared. Each returns its seconds, since not all that it does may count.
    ///   - progress: Called after each of them.
    /// - Returns: For each of the bodies its seconds.
    /// - Throws: What a body throws.
    func interleaved(
        runs: Int, _ bodies: [() throws -> Double], progress: BenchProgress = { _, _ in }
    ) throws -> [Spread] {
        let total = (runs + 1) * bodies.count
        progress(0, total)
        var seconds = [[Double]](repeating: [], count: bodies.count)
        for run in 0...runs {
            for (index, body) in bodies.enumerated() {
                let time = try body()
                if run > 0 { seconds[index].append(time) }
                progress(run * bodies.count + index + 1, total)
            }
        }
        return seconds.map { Spread($0) }
    }
}

/// How far a bench is: parts that are finished, the warming up among them, and parts in all.
package typealias BenchProgress = (_ finished: Int, _ total: Int) -> Void
