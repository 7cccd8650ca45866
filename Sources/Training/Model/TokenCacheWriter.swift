import Checkpoints
import FileInput
import FileOutput
import Foundation
public import ImageTokenizer
import TokenPyramid
import Torch

extension TokenCache {
    /// What ``write(_:classes:by:fingerprint:to:workers:reportingUnreadable:reporting:)`` wrote.
    public struct Summary: Hashable, Sendable {
        /// How many pictures the cache holds.
        public let pictures: Int
        /// How many could not be read.
        public let skipped: Int
        /// The classes in the order of their labels.
        public let classes: [String]
        /// The tokens of a picture.
        public let tokenCount: Int
        /// The size of the file.
        public let byteCount: Int
        /// How long the tokenizer waited for pictures.
        public let waited: Duration
    }

    /// Encodes the pictures of a data set, one small batch after another, into a file that appears when it is whole.
    ///
    /// The sources are read twice: first to count and to find every fault that can be seen without decoding.
    ///
    /// - Parameters:
    ///   - paths: Folders, archives and lists, as for ``PictureSet``; no pipes.
    ///   - chosen: The chosen classes, in the order of their labels; `nil` for all.
    ///   - tokenizer: What makes the tokens.
    ///   - fingerprint: Its fingerprint.
    ///   - path: Where the file will be.
    ///   - workers: How many threads decode, 1 or more; nil for as many as there are processors.
    ///   - reportUnreadable: Gets every picture that is passed over.
    ///   - report: Gets how many pictures are done, and how many there are.
    /// - Returns: What was written.
    /// - Throws: ``DataError`` about the pictures, ``TokenCacheError`` or `FileOutputError` about the file.
    public static func write(
        _ paths: [String], classes chosen: [String]? = nil, by tokenizer: VisualTokenizer,
        fingerprint: TokenizerFingerprint, to path: String,
        workers: Int? = nil,
        reportingUnreadable reportUnreadable: (UnreadablePicture) -> Void = { _ in },
        reporting report: (Int, Int) -> Void = { _, _ in }
    ) throws -> Summary {
        let configuration = tokenizer.configuration
        guard configuration.vocabularySize <= 65_536 else {
            throw TokenCacheError.tooManyCodes(configuration.vocabularySize)
        }
        let file = try AtomicFile(path: path)
        defer { file.discard() }
        guard file.canOverwrite else { throw TokenCacheError.noPlace(path: path) }
        let (classes, expected) = try survey(paths, classes: chosen, reportingStrays: reportUnreadable)

        let list = String(decoding: try JSONEncoder().encode(classes), as: UTF8.self)
        let metadata = [
            formKey: form, scheduleKey: configuration.schedule.description, tokenizerKey: fingerprint.description,
            vocabularyKey: String(configuration.vocabularySize), classesKey: list,
        ]
        func header(_ count: Int, size: Int = 0) throws -> [UInt8] {
            try Safetensors.header(
                of: [
                    (tokensName, .uint16, [count, 2, configuration.schedule.tokenCount]), (labelsName, .int32, [count]),
                ], metadata: metadata, size: size, for: path)
        }
        let start = try header(expected)
        try file.append(start)
        var encoding = TokenEncoding(tokenizer: tokenizer, file: file)
        let chosenOnes = ClassRegister(chosen: classes)
        var register = chosenOnes
        var unreadable = UnreadableCount()
        var failure: (any Error)?
        func take(_ picture: FoundPicture, _ planes: Result<[UInt8], UnreadablePicture>) throws {
            switch planes {
            case .success(let planes): try encoding.add(planes, label: register.add(picture))
            case .failure(let failure):
                unreadable.add(failure)
                reportUnreadable(failure)
                // Nothing that may come can make it right.
                try unreadable.check(of: expected)
            }
            report(encoding.labels.count, expected)
        }
        let waited = try PictureReader(side: configuration.imageSide, workers: workers ?? PictureReader.usualWorkers)
            .forEachPicture(
                in: paths, where: { chosenOnes.isWanted($0) },
                visit: { picture, planes in
                    do {
                        try take(picture, planes)
                    } catch {
                        failure = error
                    }
                    return failure == nil
                })
        if let failure { throw failure }
        try encoding.flush()
        let count = encoding.labels.count
        // Where all is readable now, the sources have changed since they were counted.
        guard count + unreadable.pictures.count == expected else {
            throw TokenCacheError.changedMeanwhile(paths: paths)
        }
        try unreadable.check(of: expected)
        // All pictures of a class may turn out to be damaged.
        _ = try register.labels(paths: paths)
        try encoding.labels.withUnsafeBytes { try file.append($0) }
        // Some were skipped: the same header with smaller numbers, filled up with spaces.
        if count != expected { try file.overwriteStart(header(count, size: start.count)) }
        let summary = Summary(
            pictures: count, skipped: unreadable.pictures.count, classes: classes,
            tokenCount: configuration.schedule.tokenCount, byteCount: file.count, waited: waited)
        try file.commit()
        return summary
    }

    /// Goes through the sources without decoding: the classes, and how many pictures there are.
    private static func survey(
        _ paths: [String], classes: [String]?, reportingStrays reportStrays: (UnreadablePicture) -> Void
    ) throws -> (classes: [String], count: Int) {
        var register = ClassRegister(chosen: classes)
        var unusable = UnreadableCount()
        for path in paths where !isReadTwice(path) { throw TokenCacheError.readOnce(path: path) }
        try register.addAll(in: paths, reportingUnusable: { unusable.add($0) })
        try unusable.check(of: register.count + unusable.pictures.count)
        if let strays = register.strayFiles { reportStrays(strays) }
        let classes = try register.labels(paths: paths).classes
        if classes.count == 1 { throw DataError.oneClass(classes[0], pictures: register.count) }
        return (classes, register.count + unusable.pictures.count)
    }

    /// Whether it is no pipe; what is absent is somebody else's to tell.
    private static func isReadTwice(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue { return true }
        guard let file = try? InputFile(path: path) else { return true }
        return file.size != nil
    }
}

/// Encodes pictures in the batches in which ``TokenSet`` does, and appends their tokens to a file.
private struct TokenEncoding {
    let tokenizer: VisualTokenizer
    let file: AtomicFile
    /// Of all pictures so far, as the file holds them.
    private(set) var labels: [Int32] = []
    private var waiting: [UInt8] = []
    private var waitingCount = 0

    init(tokenizer: VisualTokenizer, file: AtomicFile) {
        self.tokenizer = tokenizer
        self.file = file
    }

    mutating func add(_ planes: [UInt8], label: Int) throws {
        labels.append(Int32(label))
        waiting += planes
        waitingCount += 1
        if waitingCount == TokenSet.batchSize { try flush() }
    }

    mutating func flush() throws {
        guard waitingCount > 0 else { return }
        let batch = PictureBatch(
            side: tokenizer.configuration.imageSide, labels: labels.suffix(waitingCount).map { Int($0) },
            planes: waiting)
        try TokenSet.tokens(of: batch, by: tokenizer).withUnsafeBytes { try file.append($0) }
        waiting = []
        waitingCount = 0
    }
}
