import FileOutput
import Foundation
import Images
import NumPyFiles
public import Torch

/// Generated pictures in one `.npz` file, as ADM's evaluation reads them: `arr_0`, uint8 `[N, H, W, 3]`, and `arr_1`, their
/// classes as int64 `[N]`.
///
/// Pictures are written as they come, by any number of processes that need not know each other: each goes to its own place
/// in a file of the final size, and then into the journal of the process. File and journals lie in the folder
/// `pictures.npz.unfinished`; whichever process finds that nothing is missing gives the file its name. So a run that was killed
/// goes on where it was, in as many processes as one likes, and the file is the same to the last bit.
public final class PictureArchive {
    /// Where the file will be.
    public let path: String
    /// Whether it is there already, whole.
    public private(set) var isFinished = false

    private let record: PictureArchiveRecord
    private let labels: [Int]
    private let process: ProcessNumber
    private let layout: ArrayArchive
    private let pictureSize: Int
    private var work: Work?

    /// What is open while pictures are missing.
    private struct Work {
        let file: SharedFile
        let journal: PictureJournal
    }

    /// The folder of an archive that is not finished.
    public static func folder(of path: String) -> String { path + ".unfinished" }

    private var folder: String { Self.folder(of: path) }
    private static let recordName = "settings.json"
    private static let fileName = "pictures.npz"

    /// Begins an archive, or goes on with one.
    ///
    /// - Parameters:
    ///   - path: Where the file will be.
    ///   - size: Columns and rows of a picture.
    ///   - labels: The class of every picture.
    ///   - record: What decides the pictures. Number, size and classes are added to it.
    ///   - process: Which of the processes this is.
    ///   - isResuming: Whether there may be something already, also a finished file.
    /// - Throws: ``PictureArchiveError``; `FileOutputError` where there is no room or nothing may be written.
    public init(
        path: String, size: (width: Int, height: Int), labels: [Int], record: PictureArchiveRecord,
        process: ProcessNumber = .alone, isResuming: Bool = false
    ) throws {
        self.path = path
        self.labels = labels
        self.process = process
        let labelBytes = Self.bytes(of: labels)
        let known = [
            "pictures": "\(labels.count)", "size": "\(size.width) × \(size.height)",
            "labels": PictureArchiveRecord.digits(Checksum(of: labelBytes).value),
        ]
        self.record = PictureArchiveRecord(record.facts.merging(known) { $1 })
        pictureSize = size.width * size.height * 3
        layout = ArrayArchive(
            [
                NumPyArray(.uint8, shape: [labels.count, size.height, size.width, 3]),
                NumPyArray(.int64, shape: [labels.count]),
            ], comment: self.record.text)
        try Self.check(path, process: process, isResuming: isResuming)
        if try !adoptFinished() { try begin(isResuming: isResuming) }
    }

    /// Throws where an archive cannot begin or go on at a path; changes nothing. For finding out before long work.
    public static func check(_ path: String, process: ProcessNumber = .alone, isResuming: Bool) throws {
        guard path.lowercased().hasSuffix(".npz") else { throw PictureArchiveError.noArchive(path) }
        // Starting a file meets every reason why it could not be written.
        try FileDestination(path).check()
        guard !isResuming else { return }
        if FileManager.default.fileExists(atPath: path) { throw PictureArchiveError.exists(path) }
        let folder = folder(of: path)
        guard FileManager.default.fileExists(atPath: folder) else { return }
        let own = PictureJournal.name(rank: process.rank, count: process.count)
        let siblings = (0..<process.count).map { PictureJournal.name(rank: $0, count: process.count) }
        let present = PictureJournal.names(in: folder)
        // Others of the same start may have been faster.
        if process.count == 1 || present.contains(own) || !Set(present).isSubset(of: siblings) {
            throw PictureArchiveError.unfinished(path, folder: folder)
        }
    }

    /// What decided the pictures that are at a path, finished or not; nil where there are none.
    public static func record(at path: String) -> PictureArchiveRecord? {
        if let record = finishedRecord(at: path) { return record }
        return FileManager.default.contents(atPath: folder(of: path) + "/" + recordName)
            .flatMap { PictureArchiveRecord(text: String(decoding: $0, as: UTF8.self)) }
    }

    private static func finishedRecord(at path: String) -> PictureArchiveRecord? {
        guard let file = FileHandle(forReadingAtPath: path) else { return nil }
        defer { try? file.close() }
        guard let size = try? file.seekToEnd() else { return nil }
        let length = min(size, UInt64(ArrayArchive.longestEnd))
        guard (try? file.seek(toOffset: size - length)) != nil, let end = try? file.readToEnd() else { return nil }
        return ArrayArchive.comment(inEnd: Array(end)).flatMap { PictureArchiveRecord(text: $0) }
    }

    // MARK: Beginning

    /// Takes a finished file for this archive, where there is one.
    private func adoptFinished() throws -> Bool {
        guard FileManager.default.fileExists(atPath: path) else { return false }
        guard let there = Self.finishedRecord(at: path) else { throw PictureArchiveError.foreign(path) }
        try compare(there)
        isFinished = true
        // One who has the file open still may be in the folder; nobody needs it.
        removeFolder()
        return true
    }

    private func compare(_ there: PictureArchiveRecord) throws {
        if let difference = record.firstDifference(from: there) {
            throw PictureArchiveError.otherPictures(
                path, key: difference.key, own: difference.own, there: difference.other)
        }
    }

    private func begin(isResuming: Bool) throws {
        let isNew = mkdir(folder, 0o777) == 0
        guard isNew || errno == EEXIST else {
            throw PictureArchiveError.noFolder(folder, reason: String(cString: strerror(errno)))
        }
        do {
            let text = [UInt8]((record.text + "\n").utf8)
            let recordFile = try AtomicFile(path: folder + "/" + Self.recordName)
            try recordFile.append(text)
            if try !recordFile.commitIfAbsent() {
                guard let there = Self.record(at: path) else { throw PictureArchiveError.noRecord(folder: folder) }
                try compare(there)
            }
            try checkOthers()
            let name = PictureJournal.name(rank: process.rank, count: process.count)
            let journal = try PictureJournal(path: folder + "/" + name, of: path)
            work = Work(
                file: try SharedFile(path: folder + "/" + Self.fileName, size: layout.byteCount), journal: journal)
        } catch {
            // What was begun here and cannot go on is not left behind.
            if isNew { removeFolder() }
            throw error
        }
        // Others may have finished since we looked, and taken the folder away that we have just made again.
        if try adoptFinished() { work = nil }
    }

    /// Throws where processes of another start, in another number, are writing still.
    private func checkOthers() throws {
        let siblings = Set((0..<process.count).map { PictureJournal.name(rank: $0, count: process.count) })
        for name in PictureJournal.names(in: folder) where !siblings.contains(name) {
            _ = try PictureJournal(path: folder + "/" + name, of: path)
        }
    }

    private static func bytes(of labels: [Int]) -> [UInt8] {
        labels.flatMap { label in withUnsafeBytes(of: Int64(label).littleEndian) { Array($0) } }
    }

    // MARK: Pictures

    /// This process's share of the pictures that are missing, in batches.
    ///
    /// Batches are the same however many processes there are and however often a run is broken off. What journals say is
    /// checked against the file: whatever a machine lost with its power is generated again.
    ///
    /// - Parameter batch: How many pictures are computed together.
    /// - Returns: The numbers of the pictures of each batch.
    /// - Throws: `FileOutputError` where the file cannot be read.
    public func missing(batch: Int) throws -> [Range<Int>] {
        guard work != nil else { return [] }
        let (checksums, _) = journaled()
        return try share(batch: batch).filter { range in
            try !range.allSatisfy { number in
                guard let value = checksums[number] else { return false }
                return try checksum(ofPicture: number) == value
            }
        }
    }

    /// How many pictures are this process's, there or missing.
    public func shareCount(batch: Int) -> Int { share(batch: batch).reduce(0) { $0 + $1.count } }

    private func share(batch: Int) -> [Range<Int>] {
        stride(from: process.rank * batch, to: labels.count, by: process.count * batch).map { start in
            start..<min(start + batch, labels.count)
        }
    }

    /// Writes pictures, and says in the journal that they are there.
    ///
    /// - Parameters:
    ///   - pictures: Their pixels, by number.
    ///   - isLast: Whether this process has no more.
    /// - Throws: `FileOutputError` where the disk is full or fails.
    public func write(_ pictures: [(number: Int, pixels: [UInt8])], isLast: Bool) throws {
        guard let work else { return }
        var lines: [(number: Int, value: UInt32)] = []
        for (number, pixels) in pictures {
            precondition(pixels.count == pictureSize, "Picture \(number) has \(pixels.count) bytes, not \(pictureSize)")
            try work.file.write(pixels, at: offset(ofPicture: number))
            lines.append((number, Checksum(of: pixels).value))
        }
        // Whoever finishes the file trusts the journals of those who have nothing more to write.
        if isLast { try work.file.synchronize() }
        try work.journal.append(lines)
    }

    private func offset(ofPicture number: Int) -> Int { layout.valueOffset(ofArray: 0) + number * pictureSize }

    private func checksum(ofPicture number: Int) throws -> UInt32? {
        guard let work else { return nil }
        return Checksum(of: try work.file.read(pictureSize, at: offset(ofPicture: number))).value
    }

    /// What all journals say. Where two of them differ, as two devices may by a rounding, the file has to be asked.
    private func journaled() -> (checksums: [UInt32?], disputed: Set<Int>) {
        var checksums = [UInt32?](repeating: nil, count: labels.count)
        var disputed: Set<Int> = []
        for name in PictureJournal.names(in: folder) {
            for (number, value) in PictureJournal.lines(of: folder + "/" + name) where labels.indices.contains(number) {
                if let known = checksums[number], known != value { disputed.insert(number) }
                checksums[number] = value
            }
        }
        return (checksums, disputed)
    }

    // MARK: The end

    /// Gives the file its name, if no picture of any process is missing.
    ///
    /// - Returns: How many are missing.
    /// - Throws: `FileOutputError` where the disk is full or fails.
    public func finish() throws -> Int {
        guard let work, !isFinished else { return 0 }
        var (checksums, disputed) = journaled()
        for number in disputed { checksums[number] = try checksum(ofPicture: number) }
        let known = checksums.compactMap(\.self)
        guard known.count == labels.count else {
            // Another may have finished while the journals were read, and taken them away.
            return try adoptFinished() ? 0 : labels.count - known.count
        }
        let labelBytes = Self.bytes(of: labels)
        let pictures = known.reduce(Checksum(of: [])) {
            $0.followed(by: Checksum(value: $1, count: pictureSize))
        }
        try work.file.write(labelBytes, at: layout.valueOffset(ofArray: 1))
        for (offset, bytes) in layout.frame(checksums: [pictures, Checksum(of: labelBytes)]) {
            try work.file.write(bytes, at: offset)
        }
        try work.file.synchronize()
        // Two may come here together, and do the same.
        if rename(work.file.path, path) != 0, try errno != ENOENT || !adoptFinished() {
            throw FileOutputError.failed(operation: "rename the finished file to", path: path, code: errno)
        }
        isFinished = true
        removeFolder()
        return 0
    }

    /// Removes the folder and what this program puts there. What cannot be removed is only in the way.
    private func removeFolder() {
        let names = PictureJournal.names(in: folder) + [Self.recordName, Self.fileName]
        for name in names { unlink(folder + "/" + name) }
        AtomicFile.removeAbandonedFiles(in: folder)
        rmdir(folder)
    }
}
