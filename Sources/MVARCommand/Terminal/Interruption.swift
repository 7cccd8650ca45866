import FileOutput
import Foundation

/// How a signal ends the program: at once, and with no file half-written.
///
/// A handler and not a dispatch source: it runs on whatever thread the system picks while all of ours are deep inside
/// LibTorch. It may only call what is safe there: `unlink`, `write` and `_exit` are.
enum Interruption {
    /// The signals that end a command: Ctrl-C, a polite request, a closed terminal, a reader that has gone.
    private static let signals = [SIGINT, SIGTERM, SIGHUP, SIGPIPE]

    /// Takes over the signals. A command that ends otherwise, like training, installs its own handler afterwards.
    static func install() {
        // Makes the table of unfinished files now: a handler must not be the first to touch it.
        AtomicFile.removeUnfinishedFiles()
        endsLine = StandardError.isTerminal
        // Beyond the limit of a file's size `write` fails then, and says so like any other failure.
        signal(SIGXFSZ, SIG_IGN)
        // Whoever started this program from a thread that hears no signals did not mean that nothing can end it.
        var heard = sigset_t()
        sigemptyset(&heard)
        for number in signals { sigaddset(&heard, number) }
        pthread_sigmask(SIG_UNBLOCK, &heard, nil)
        for number in signals {
            // nohup's wish is respected. A shell's wish that background jobs ignore Ctrl-C is not: who sends it means it.
            var before = sigaction()
            sigaction(number, nil, &before)
            if number == SIGHUP && isIgnored(before) || number == SIGPIPE && outlivesReaders { continue }
            var action = sigaction()
            setHandler(&action)
            sigemptyset(&action.sa_mask)
            sigaction(number, &action, nil)
        }
    }

    /// Lets the program outlive those that it writes to: another process of a run that is gone is told by name. A write to
    /// a reader that has gone fails then.
    static func outliveReaders() {
        outlivesReaders = true
        signal(SIGPIPE, SIG_IGN)
    }

    // Only ever touched by the main thread.
    nonisolated(unsafe) private static var outlivesReaders = false

    private static func end(_ number: Int32) {
        AtomicFile.removeUnfinishedFiles()
        if endsLine, number == SIGINT {
            var newline = UInt8(ascii: "\n")
            _ = Foundation.write(STDERR_FILENO, &newline, 1)
        }
        _exit(128 + number)
    }

    /// Whether the cursor stands in a line of progress. Written once, before there is a handler that reads it.
    nonisolated(unsafe) private static var endsLine = false

    #if canImport(Glibc)
        private static func setHandler(_ action: inout sigaction) {
            action.__sigaction_handler.sa_handler = { Interruption.end($0) }
        }

        private static func isIgnored(_ action: sigaction) -> Bool {
            unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
        }
    #else
        private static func setHandler(_ action: inout sigaction) {
            action.__sigaction_u.__sa_handler = { Interruption.end($0) }
        }

        private static func isIgnored(_ action: sigaction) -> Bool {
            unsafeBitCast(action.__sigaction_u.__sa_handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
        }
    #endif
}
