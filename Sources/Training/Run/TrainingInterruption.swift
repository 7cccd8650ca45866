import FileOutput

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Ctrl-C, SIGTERM and a closed terminal during training: the first ends the step and saves, the second ends at once.
public enum TrainingInterruption {
    // Written by the handler, read by the loop; a word that is written once needs no more than that.
    nonisolated(unsafe) private static var received: sig_atomic_t = 0

    /// Whether the run should end after this step.
    public static var isRequested: Bool { received > 0 }

    /// What the program should exit with after the first signal: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP, as
    /// shells expect it; 143 too where another process of the run had the signal.
    public static var exitStatus: Int32 { 128 + Int32(received > 0 ? received : SIGTERM) }

    /// A line for standard error, in memory of its own: a handler may not touch what Swift counts references to.
    nonisolated(unsafe) private static var notice = UnsafeRawBufferPointer(start: nil, count: 0)

    /// Lets signals end the run in order. For programs; a library's caller decides for itself.
    ///
    /// - Parameter notice: What the first signal says on standard error: that it was heard, since a step may be long.
    public static func catchSignals(notice: String? = nil) {
        if let notice {
            let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: notice.utf8.count + 1, alignment: 1)
            copy.copyBytes(from: Array(notice.utf8) + [UInt8(ascii: "\n")])
            Self.notice = UnsafeRawBufferPointer(copy)
        }
        for signalNumber in [SIGINT, SIGTERM, SIGHUP] {
            let before = signal(signalNumber) { number in
                if TrainingInterruption.received > 0 {
                    AtomicFile.removeUnfinishedFiles()
                    _exit(128 + number)
                }
                TrainingInterruption.received = number
                let code = errno
                _ = write(STDERR_FILENO, TrainingInterruption.notice.baseAddress, TrainingInterruption.notice.count)
                errno = code
            }
            // nohup's wish is respected.
            if signalNumber == SIGHUP, before.map({ unsafeBitCast($0, to: Int.self) }) == Self.ignored {
                signal(signalNumber, SIG_IGN)
            }
        }
    }

    private static let ignored = unsafeBitCast(SIG_IGN, to: Int.self)
}
