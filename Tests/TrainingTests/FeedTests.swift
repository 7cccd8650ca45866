import Foundation
import ImageTokenizer
import Images
import Testing
import TokenPyramid

@testable import Training

@Suite("Feeding a trainer with pictures")
struct FeedTests {
    private let data: DrawnData

    init() throws { data = try DrawnData() }

    /// What so many steps see, from one on: the planes and the labels.
    private func seen(
        _ pictures: PictureSet, steps: Range<Int>, batch: Int = 4, part: Range<Int>? = nil
    ) throws -> [[UInt8]] {
        let order = ShuffledOrder(count: pictures.count, seed: 5, batch: batch, part: part)
        let feed = PictureFeed(pictures, order: order)
        return try steps.map { step in
            let batch = try feed.batch(step: step)
            #expect(batch.planes.count == order.part.count * 3 * 16 * 16)
            return batch.planes + batch.labels.map { UInt8($0) }
        }
    }

    private func set(
        _ path: String, crop: PictureCrop = .center, workers: Int = 2, keeping: Int = 0, limit: Int = .max
    ) throws -> PictureSet {
        try PictureSet([path], side: 16, crop: crop, limit: limit, workers: workers, keeping: keeping)
    }

    @Test("What steps see depends neither on threads, nor on whether pictures are kept, nor on how archives are packed")
    func sameWhateverTheWay() throws {
        // 11 pictures, 4 a step: epochs end within batches.
        let archive = try data.archive(count: 11, side: 20)
        let packed = data.folder + "/train.tgz"
        try Data(gzipped([UInt8](Data(contentsOf: URL(fileURLWithPath: archive))))).write(
            to: URL(fileURLWithPath: packed))
        let expected = try seen(set(archive, keeping: .max), steps: 0..<9)
        #expect(Set(expected).count == 9)
        for workers in [1, 4] {
            #expect(try seen(set(archive, workers: workers), steps: 0..<9) == expected, "\(workers) workers")
            #expect(try seen(set(packed, workers: workers), steps: 0..<9) == expected, "\(workers) workers, gzipped")
        }
        let random = try seen(set(archive, crop: .random, workers: 1, keeping: .max), steps: 0..<9)
        #expect(try seen(set(archive, crop: .random, workers: 4), steps: 0..<9) == random)
        #expect(random != expected)
    }

    @Test("A step is found without the steps before it, whichever was asked for last", arguments: PictureCrop.allCases)
    func anyStep(crop: PictureCrop) throws {
        let pictures = try set(data.archive(count: 11, side: 20), crop: crop)
        let whole = try seen(pictures, steps: 0..<12)
        #expect(try seen(pictures, steps: 5..<12) == Array(whole[5...]))
        let feed = PictureFeed(pictures, order: ShuffledOrder(count: 11, seed: 5, batch: 4))
        for step in [7, 8, 10, 3, 0, 11] {
            #expect(try feed.batch(step: step).planes == whole[step].dropLast(4), "step \(step)")
        }
    }

    @Test("Processes that share a batch see together what one sees", arguments: PictureCrop.allCases)
    func parts(crop: PictureCrop) throws {
        let pictures = try set(data.archive(count: 11, side: 20), crop: crop)
        let whole = try seen(pictures, steps: 0..<6)
        let parts = try [0..<1, 1..<4].map { try seen(pictures, steps: 0..<6, part: $0) }
        for step in 0..<6 {
            let planes = parts.flatMap { $0[step].prefix($0[step].count / 769 * 768) }
            #expect(planes == whole[step].dropLast(4))
        }
    }

    @Test("Of pictures that are not kept, those in plain archives stay on the disk, and a limit is held")
    func staysOnDisk() throws {
        let pictures = try set(data.archive(count: 11, side: 32), limit: 5)
        #expect(!pictures.isKept && pictures.count == 5)
        let isElsewhere = pictures.sources.map { if case .part = $0.content { true } else { false } }
        #expect(isElsewhere == [Bool](repeating: true, count: 5))
        let kept = try set(data.archive(count: 11, side: 32), keeping: 11 * 3 * 256)
        #expect(kept.isKept && kept.sources.isEmpty)
        #expect(try !set(data.archive(count: 11, side: 32), keeping: 11 * 3 * 256 - 1).isKept)
    }

    /// 150 pictures, of which the one at the index 70 is damaged.
    private func archiveWithDamage(_ damaged: [Int] = [70]) throws -> String {
        let entries: [(name: String, bytes: [UInt8])] = try (0..<150).map { number in
            let bytes = try DrawnData.picture(of: number % 2, number: number, side: 16).encoded(as: .png)
            return ("\(["disc", "square"][number % 2])/\(number).png", damaged.contains(number) ? [1, 2] : bytes)
        }
        let path = data.folder + "/damaged.tar"
        try Data(tarArchive(of: entries)).write(to: URL(fileURLWithPath: path))
        return path
    }

    @Test("The next picture takes the place of a damaged one, with its own class, in every sitting; it is named once")
    func replacement() throws {
        let pictures = try set(archiveWithDamage())
        #expect(pictures.count == 150 && pictures.unreadable.isEmpty)
        let order = ShuffledOrder(count: 150, seed: 5, batch: 10)
        let feed = PictureFeed(pictures, order: order)
        var batches: [PictureBatch] = []
        for step in 0..<30 { batches.append(try feed.batch(step: step)) }
        #expect(feed.takeReport().skipped.map(\.name) == [data.folder + "/damaged.tar:disc/70.png"])
        #expect(feed.takeReport().skipped.isEmpty)

        var again = order
        let step = try #require((0..<15).first { again.samples(ofStep: $0).contains { $0.index == 70 } })
        let sample = try #require(again.samples(ofStep: step).first { $0.index == 70 })
        let expected = DrawnData.picture(of: 1, number: 71, side: 16)
        #expect(batches[step][sample.position] == (sample.isMirrored ? expected.flippedHorizontally : expected))
        #expect(batches[step].labels[sample.position] == 1)
        // Another sitting, with another number of threads.
        let resumed = PictureFeed(try set(archiveWithDamage(), workers: 1), order: order)
        for later in step..<30 { #expect(try resumed.batch(step: later).planes == batches[later].planes) }
    }

    @Test("Kept pictures, and those that are checked, are without the damaged ones from the start")
    func leftOut() throws {
        let path = try archiveWithDamage()
        let kept = try set(path, keeping: .max)
        let checked = try PictureSet([path], side: 16, keeping: 0, checking: true)
        for pictures in [kept, checked] {
            #expect(pictures.count == 149 && pictures.unreadable.count == 1)
            #expect(try pictures.images().count == 149)
        }
        #expect(try kept.images() == checked.images())
        // What could be read once is missed aloud.
        try FileManager.default.removeItem(atPath: path)
        #expect(throws: DataError.self) { try checked.images() }
    }

    @Test(
        "More than one damaged picture in a hundred ends a run while it goes on, whoever meets them", arguments: [1, 4])
    func tooMany(workers: Int) throws {
        let pictures = try set(archiveWithDamage([20, 70]), workers: workers)
        #expect(throws: DataError.self) { try seen(pictures, steps: 0..<38) }
        let behindEachOther = try set(archiveWithDamage([70, 71]), workers: workers)
        #expect(throws: DataError.self) { try seen(behindEachOther, steps: 0..<38) }
        // Where files are no pictures at all, the first step ends.
        let none = try set(archiveWithDamage(Array(0..<150)), workers: workers)
        #expect(throws: DataError.self) { try seen(none, steps: 0..<1) }
    }

    @Test("A class of which every picture is damaged is an error from the start where all are read then")
    func emptyClass() throws {
        let archive = try data.archive(count: 220, side: 16, extra: [("ring/1.png", [1, 2])])
        #expect(throws: DataError.emptyClasses(["ring"], paths: [archive])) { try set(archive, keeping: .max) }
    }

    @Test(
        "A class of which every picture is damaged is an error within an epoch where they are decoded as they come",
        arguments: [1, 4])
    func emptyClassWhileGoingOn(workers: Int) throws {
        let damaged: [(String, [UInt8])] = [("ring/1.png", [1, 2]), ("ring/2.png", [1, 2])]
        let archive = try data.archive(count: 218, side: 16, extra: damaged)
        let expected = DataError.emptyClasses(["ring"], paths: [archive])
        let pictures = try set(archive, crop: .random, workers: workers)
        #expect(throws: expected) { try seen(pictures, steps: 0..<55) }
        #expect(throws: expected) { try set(archive).images() }
        // One that can be read is enough.
        let whole = try DrawnData.picture(of: 0, number: 1, side: 16).encoded(as: .png)
        let other = try data.archive("other.tar", count: 218, side: 16, extra: [damaged[0], ("ring/2.png", whole)])
        #expect(try seen(set(other, crop: .random, workers: workers), steps: 0..<110).count == 110)
    }

    // MARK: Decoding in order

    /// What a reader with so many threads visits, up to a limit.
    private func visited(_ path: String, workers: Int, limit: Int = .max) throws -> [String] {
        var visited: [String] = []
        _ = try PictureReader(side: 8, workers: workers).forEachPicture(
            in: [path], where: { _ in true },
            visit: { picture, planes in
                switch planes {
                case .success(let planes): visited.append("\(picture.name) \(planes.hashValue)")
                case .failure(let failure): visited.append("\(failure.name): \(failure.reason)")
                }
                return visited.count < limit
            })
        return visited
    }

    @Test("The number of threads changes neither pictures nor their order, nor what is skipped", arguments: [2, 7])
    func order(workers: Int) throws {
        // More than all threads together hold, large ones among small ones.
        var extra = try (0..<9).map { number in
            ("disc/large-\(number).png", try DrawnData.picture(of: 0, number: number, side: 150).encoded(as: .png))
        }
        extra.insert(("disc/broken.png", [0x89, 0x50, 1, 2]), at: 4)
        let archive = try data.archive(count: 110, side: 16, extra: extra)
        let alone = try visited(archive, workers: 1)
        #expect(alone.count == 120)
        #expect(alone[4].hasPrefix(archive + ":disc/broken.png: "))
        #expect(try visited(archive, workers: workers) == alone)
        #expect(try visited(archive, workers: workers, limit: 7) == Array(alone[..<7]))
    }

    @Test("A fault in an archive counts only behind the pictures that are wanted", arguments: [1, 2, 7])
    func faults(workers: Int) throws {
        let whole = try data.archive(count: 40, side: 16)
        let cut = data.folder + "/cut.tar"
        try Data(contentsOf: URL(fileURLWithPath: whole)).dropLast(1024 + 600).write(to: URL(fileURLWithPath: cut))
        #expect(try visited(cut, workers: workers, limit: 39).count == 39)
        #expect(throws: DataError.self) { try visited(cut, workers: workers) }
    }
}
