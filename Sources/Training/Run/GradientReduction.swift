import Torch

/// Averages the gradients of a step over all processes: a bucket at a time, while `backward` still computes the others.
///
/// As PyTorch's DDP does (Li et al., "PyTorch Distributed", 2020, section 3.2.3): buckets are filled from the last parameter
/// to the first, about in the order in which their gradients come, and travel in this order in every process.
final class GradientReduction {
    /// How many bytes travel together.
    static let bucketBytes = 25 << 20

    private let processes: ProcessGroup
    private let parameters: TrainableParameters
    private var buckets: [Bucket] = []
    /// The bucket of every parameter.
    private var homes: [Int]
    private var hasArrived: [Bool]
    /// The first bucket that is not yet on its way.
    private var next = 0
    private var isArmed = false
    private var failure: (any Error)?

    /// Some parameters, and their gradients on the way.
    private final class Bucket {
        let members: [Int]
        /// How many gradients are still to come.
        var awaited = 0
        /// Float32, one gradient behind the other.
        var values: Tensor?
        var transfer: ProcessGroup.Transfer?
        /// Whether a gradient has grown since it was sent.
        var isOutdated = false

        init(_ members: [Int]) { self.members = members }
    }

    /// - Parameters:
    ///   - parameters: All of them, in an order that is the same in all processes.
    ///   - processes: Whose gradients are averaged.
    ///   - bucketBytes: How many bytes travel together, if one parameter has not more.
    /// - Throws: ``Torch/TorchError`` where a parameter takes no gradient.
    init(
        _ parameters: TrainableParameters, over processes: ProcessGroup,
        bucketBytes: Int = GradientReduction.bucketBytes
    ) throws(TorchError) {
        self.parameters = parameters
        self.processes = processes
        let copies = parameters.copies
        homes = [Int](repeating: 0, count: copies.count)
        hasArrived = [Bool](repeating: false, count: copies.count)
        var members: [Int] = []
        var bytes = 0
        func close() {
            for index in members { homes[index] = buckets.count }
            if !members.isEmpty { buckets.append(Bucket(members)) }
            (members, bytes) = ([], 0)
        }
        for index in copies.indices.reversed() {
            let size = copies[index].count * DType.float32.byteCount
            if bytes + size > bucketBytes { close() }
            members.append(index)
            bytes += size
        }
        close()
        for (index, copy) in copies.enumerated() {
            try copy.observeGradient { [weak self] in self?.arrived(index) }
        }
        reset()
    }

    /// Before the last `backward` of a step: from now on a gradient that comes is complete. What comes before only adds up.
    func expectLast() { isArmed = true }

    /// Gives the masters the means of the gradients over all processes.
    ///
    /// A parameter without a gradient has none in any process, for all compute the same passes.
    func finish() throws {
        isArmed = false
        if let failure { throw failure }
        for bucket in buckets[next...] { try send(bucket) }
        for bucket in buckets {
            try bucket.transfer?.wait()
            if bucket.isOutdated {
                try send(bucket)
                try bucket.transfer?.wait()
            }
            try handOut(bucket)
        }
        reset()
    }

    private func reset() {
        for bucket in buckets {
            bucket.awaited = bucket.members.count
            (bucket.values, bucket.transfer, bucket.isOutdated) = (nil, nil, false)
        }
        for index in hasArrived.indices { hasArrived[index] = false }
        next = 0
        failure = nil
    }

    /// Called from within `backward`, which only hears of an error afterwards.
    private func arrived(_ index: Int) {
        guard isArmed, failure == nil else { return }
        let bucket = buckets[homes[index]]
        // Where activations are computed again, `backward` runs within itself, and one gradient comes several times.
        if bucket.transfer != nil { bucket.isOutdated = true }
        guard !hasArrived[index] else { return }
        hasArrived[index] = true
        bucket.awaited -= 1
        do {
            while next < buckets.count, buckets[next].awaited == 0 {
                try send(buckets[next])
                next += 1
            }
        } catch {
            failure = error
        }
    }

    private func send(_ bucket: Bucket) throws {
        try withoutGradients {
            var parts: [Tensor] = []
            for index in bucket.members {
                let gradient = try parameters.copies[index].gradient ?? parameters.copies[index].zerosLike()
                parts.append(try gradient.converted(to: .float32).reshaped(-1))
            }
            let values = try Tensor.concatenated(parts)
            bucket.values = values
            bucket.transfer = try processes.beginSum(values)
        }
    }

    private func handOut(_ bucket: Bucket) throws {
        guard let values = bucket.values else { return }
        try withoutGradients {
            try values.multiply(by: 1 / Double(processes.count))
            var start = 0
            for index in bucket.members {
                let (master, end) = (parameters.masters[index].tensor, start + parameters.copies[index].count)
                if parameters.copies[index].gradient != nil {
                    try master.setGradient(
                        values.narrowed(axis: 0, start..<end).reshaped(master.shape))
                }
                start = end
            }
        }
    }
}
