import FileOutput

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Ctrl-C and SIGTERM during training: the first ends the step and saves, the second ends at once.
public enum TrainingInterruption {
    // Written by the handler, read by the loop; a word that only ever grows needs no more than that.
    nonisolated(unsafe) private static var received: sig_atomic_t = 0

    /// Whether the run should end after this step.
    public static var isRequested: Bool { received > 0 }

    /// Lets signals end the run in order. For programs; a library's caller decides for itself.
    public static func catchSignals() {
        for signalNumber in [SIGINT, SIGTERM] {
            signal(signalNumber) { number in
                if TrainingInterruption.received > 0 {
                    AtomicFile.removeUnfinishedFiles()
                    _exit(128 + number)
                }
                TrainingInterruption.received += 1
            }
        }
    }
}
