import Foundation
import Images

/// Decodes pictures in their order on several threads, and brings each to one size.
struct PictureReader {
    /// What became of a picture: `[3, side, side]`, or why there is nothing.
    typealias Planes = Result<[UInt8], UnreadablePicture>

    /// The side of the pictures; others are halved, resized and cropped to it as for evaluation.
    let side: Int
    /// How many threads decode. The pictures do not depend on it.
    let workers: Int

    /// As many as there are processors.
    static var usualWorkers: Int { ProcessInfo.processInfo.activeProcessorCount }

    /// Calls `visit` with the pictures of sources, while the next ones are decoded.
    ///
    /// - Parameters:
    ///   - paths: The archives, folders and lists.
    ///   - isWanted: Asked before a picture is decoded.
    ///   - visit: Gets the picture and what became of it; returns false to stop.
    /// - Returns: How long it waited for decoded pictures.
    /// - Throws: ``DataError`` where a source cannot be read, after all pictures that stand before the fault.
    func forEachPicture(
        in paths: [String], where isWanted: (FoundPicture) -> Bool, visit: (FoundPicture, Planes) -> Bool
    ) throws(DataError) -> Duration {
        let passage = Passage(side: side, workers: workers)
        var fault: DataError?
        for path in paths where passage.isOpen && fault == nil {
            func take(_ picture: FoundPicture) -> Bool {
                if isWanted(picture) { passage.enter(picture, visit) }
                return passage.isOpen
            }
            do throws(DataError) {
                _ = try PictureSource(path: path).forEachPicture(declaring: { _ in }, take)
            } catch {
                fault = error
            }
        }
        passage.clear(downTo: 0, visit)
        // Where enough came before the fault it is none, as it is without reading ahead.
        if passage.isOpen, let fault { throw fault }
        return passage.waited
    }

    /// Calls `visit` with pictures, while the next ones are decoded.
    ///
    /// - Parameters:
    ///   - pictures: The pictures.
    ///   - visit: Gets the picture and what became of it; returns false to stop.
    func forEach(of pictures: [FoundPicture], visit: (FoundPicture, Planes) -> Bool) {
        let passage = Passage(side: side, workers: workers)
        for picture in pictures where passage.isOpen { passage.enter(picture, visit) }
        passage.clear(downTo: 0, visit)
    }

    /// Pictures that are being decoded.
    private final class Passage {
        /// Whether more pictures are wanted.
        private(set) var isOpen = true
        private(set) var waited = Duration.zero
        private let preparation: PicturePreparation
        private let capacity: Int
        private let pool: WorkerPool<(FoundPicture, Planes)>

        init(side: Int, workers: Int) {
            preparation = PicturePreparation(side: side, crop: .center)
            // Enough that none is idle while the caller is busy with a batch, and memory stays bounded.
            capacity = 16 + 4 * workers
            pool = WorkerPool(workers: workers)
        }

        /// Lets a picture in, after others have left where there are many.
        func enter(_ picture: FoundPicture, _ visit: (FoundPicture, Planes) -> Bool) {
            clear(downTo: capacity - 1, visit)
            guard isOpen else { return }
            pool.add { [preparation] in
                do throws(UnreadablePicture) {
                    return (picture, .success(try preparation.planes(of: picture)))
                } catch {
                    return (picture, .failure(error))
                }
            }
        }

        /// Lets pictures out until so many are left.
        func clear(downTo count: Int, _ visit: (FoundPicture, Planes) -> Bool) {
            let clock = ContinuousClock()
            while isOpen, pool.count > count {
                let start = clock.now
                guard let (picture, planes) = pool.next() else { return }
                waited += start.duration(to: clock.now)
                isOpen = visit(picture, planes)
            }
        }
    }
}

/// The pictures that could not be read, and when they are too many.
struct UnreadableCount {
    private(set) var pictures: [UnreadablePicture] = []

    /// Takes note of one.
    mutating func add(_ picture: UnreadablePicture) { pictures.append(picture) }

    /// Throws where they are more than one in a hundred of all.
    func check(of total: Int) throws(DataError) {
        if let first = pictures.first, pictures.count > Self.limit(of: total) {
            throw .tooManyUnreadable(count: pictures.count, of: total, first: first)
        }
    }

    /// How many may be unreadable of a number of pictures.
    static func limit(of total: Int) -> Int { total / 100 }
}
