/// What a trainer waited for and passed over while it got its samples.
struct FeedReport {
    /// How long it had to wait.
    var waited = Duration.zero
    /// What could not be read, and was not told before.
    var skipped: [UnreadablePicture] = []
}

/// Gives a trainer the pictures of one step after another, and decodes those of the next ones meanwhile.
///
/// What a step sees depends on the pictures, the order and the step's number alone. The place of a picture that cannot be
/// read is taken by the next one of the set that can, so that this holds for it, too.
final class PictureFeed {
    private let pictures: PictureSet
    private var order: ShuffledOrder
    private var pool: WorkerPool<Decoded>
    /// The steps whose samples are in the pool.
    private var queued = 0..<0
    private var unreadable = UnreadableCount()
    private var knownUnreadable: Set<Int> = []
    /// By label, how many pictures are not known to be unreadable.
    private var left: [Int]
    private var report = FeedReport()

    /// What a worker gives back.
    private struct Decoded {
        /// Which picture it is, and its planes; nil where none could be read.
        var picture: (index: Int, planes: [UInt8])?
        /// Those before it, which cannot be read.
        var failures: [(index: Int, picture: UnreadablePicture)] = []
    }

    /// - Parameters:
    ///   - pictures: What is shown.
    ///   - order: When it is shown, and how.
    init(_ pictures: PictureSet, order: ShuffledOrder) {
        precondition(order.count == pictures.count, "an order of \(order.count) is none of \(pictures.count) pictures")
        self.pictures = pictures
        self.order = order
        left = [Int](repeating: 0, count: pictures.classes.count)
        for label in pictures.labels { left[label] += 1 }
        pool = WorkerPool(workers: pictures.workers)
        for picture in pictures.unreadable { unreadable.add(picture) }
    }

    /// The pictures of a step, from 0. Steps that follow one another are decoded ahead.
    ///
    /// - Throws: ``DataError`` where too many pictures cannot be read, or all of a class.
    func batch(step: Int) throws(DataError) -> PictureBatch {
        let clock = ContinuousClock()
        let start = clock.now
        defer { report.waited += start.duration(to: clock.now) }
        if pictures.isKept, let batch = pictures.batch(order.samples(ofStep: step)) { return batch }
        if !queued.contains(step) {
            pool = WorkerPool(workers: pictures.workers)
            queued = step..<step
        }
        // One step ahead, or as many as keep all workers busy: so much and no more is in memory.
        let ahead = max(1, (2 * pictures.workers + order.part.count - 1) / max(order.part.count, 1))
        while queued.upperBound <= step + ahead { queue(queued.upperBound) }
        while queued.lowerBound < step { _ = try taken() }
        return try taken()
    }

    /// What happened since the last call.
    func takeReport() -> FeedReport {
        defer { report = FeedReport() }
        return report
    }

    private func queue(_ step: Int) {
        let (sources, limit) = (pictures.sources, UnreadableCount.limit(of: pictures.count))
        let preparation = PicturePreparation(side: pictures.side, crop: pictures.crop)
        for sample in order.samples(ofStep: step) {
            pool.add { Self.decoded(sample, of: sources, preparation, failures: limit) }
        }
        queued = queued.lowerBound..<step + 1
    }

    /// The oldest batch of the pool.
    private func taken() throws(DataError) -> PictureBatch {
        queued = queued.lowerBound + 1..<queued.upperBound
        var labels: [Int] = []
        var planes: [UInt8] = []
        planes.reserveCapacity(order.part.count * 3 * pictures.side * pictures.side)
        for _ in order.part {
            guard let decoded = pool.next() else { break }
            for (index, picture) in decoded.failures where knownUnreadable.insert(index).inserted {
                unreadable.add(picture)
                report.skipped.append(picture)
                left[pictures.labels[index]] -= 1
            }
            try unreadable.check(of: pictures.count + pictures.unreadable.count)
            try pictures.requireNone(Set(decoded.failures.map { pictures.labels[$0.index] }.filter { left[$0] == 0 }))
            guard let picture = decoded.picture else {
                preconditionFailure("a worker gave up after \(decoded.failures.count) pictures, which are not too many")
            }
            labels.append(pictures.labels[picture.index])
            planes += picture.planes
        }
        return PictureBatch(side: pictures.side, labels: labels, planes: planes)
    }

    /// What a sample shows. More failures than the limit end the run anyway.
    private static func decoded(
        _ sample: Sample, of sources: [FoundPicture], _ preparation: PicturePreparation, failures limit: Int
    ) -> Decoded {
        var decoded = Decoded()
        var index = sample.index
        while decoded.failures.count <= limit {
            do throws(UnreadablePicture) {
                decoded.picture = (index, try preparation.planes(of: sources[index], as: sample))
                return decoded
            } catch {
                decoded.failures.append((index, error))
                index = (index + 1) % sources.count
            }
        }
        return decoded
    }
}
