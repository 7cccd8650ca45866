import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A temporary file, or a new folder that is still empty, that has to go if the program is ended before it is whole.
///
/// Its path lies as a C string in a table of fixed size that a signal handler can walk: the handler may neither allocate
/// nor take a lock. Whoever swaps a pointer out of the table owns it, so the path is freed once, and never by the handler.
final class UnfinishedFile {
    let path: String
    private let entry: UnsafeMutablePointer<CChar>?
    private let slot: Int?
    private var isFinished = false

    init(path: String) {
        self.path = path
        entry = strdup(path)
        // A full table only costs the removal by a signal; every other way of removal still works.
        slot = Self.table.claim(entry)
    }

    deinit { finish() }

    /// Forgets the file, which has got its name by now.
    func finish() {
        guard !isFinished else { return }
        isFinished = true
        if let slot, !Self.table.release(slot, holding: entry) { return }
        free(entry)
    }

    /// Removes the file, unless it is finished.
    func remove() {
        guard !isFinished else { return }
        if unlink(path) != 0 { rmdir(path) }
        finish()
    }

    static func removeAll() { table.removeAll() }

    private static let table = Table()
}

extension UnfinishedFile {
    private typealias Path = UnsafeMutablePointer<CChar>

    /// Paths, one per slot; nil where a slot is free.
    ///
    /// `@unchecked`: the pointer is set once and every access to what it points to is atomic.
    private final class Table: @unchecked Sendable {
        private let capacity = 64
        private let slots: UnsafeMutablePointer<Atomic<Path?>>

        init() {
            slots = .allocate(capacity: capacity)
            for index in 0..<capacity { (slots + index).initialize(to: Atomic(nil)) }
        }

        /// Puts a path into a free slot, if there is one.
        func claim(_ path: Path?) -> Int? {
            guard let path else { return nil }
            return (0..<capacity).first { index in
                slots[index].compareExchange(expected: nil, desired: path, ordering: .acquiringAndReleasing).exchanged
            }
        }

        /// Frees the slot; false where the handler has taken the path.
        func release(_ slot: Int, holding path: Path?) -> Bool {
            slots[slot].compareExchange(expected: path, desired: nil, ordering: .acquiringAndReleasing).exchanged
        }

        func removeAll() {
            // Backwards, because a folder stands before the files in it.
            for index in (0..<capacity).reversed() {
                guard let path = slots[index].exchange(nil, ordering: .acquiringAndReleasing) else { continue }
                if unlink(path) != 0 { rmdir(path) }
            }
        }
    }
}
