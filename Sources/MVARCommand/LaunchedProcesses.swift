import ArgumentParser
import FileOutput
import Foundation
import MVAR

/// The processes that a launcher started together, around the body of a command.
struct LaunchedProcesses {
    private let environment: LauncherEnvironment?

    /// How many there are.
    var count: Int { environment?.count ?? 1 }

    /// This process's number among those of its machine, or of all where nothing says it.
    var localRank: Int { environment.map { $0.process.localRank ?? $0.rank } ?? 0 }

    /// Whether this process is the one that reports.
    var isFirst: Bool { environment?.rank ?? 0 == 0 }

    /// Reads the launcher's variables, and throws where they make no sense.
    init(_ variables: [String: String] = ProcessInfo.processInfo.environment) throws(LauncherError) {
        environment = try LauncherEnvironment.read(variables)
    }

    /// Runs a command's body in this process when the others have come, and waits for them at the end. Only the first
    /// process prints results.
    func run(_ body: (ProcessGroup) throws -> Void) throws {
        guard let environment else { return try body(.alone) }
        Interruption.outliveReaders()
        let group = try ProcessGroup(environment) { failure in
            StandardError.write("mvar: \(failure)")
            AtomicFile.removeUnfinishedFiles()
            _exit(1)
        }
        do {
            if !isFirst { OutputOptions.silenceResults() }
            try body(group)
            try group.leave()
        } catch let status as ExitCode {
            // An end that all have agreed on.
            try group.leave()
            throw status
        } catch {
            group.announceFailure("\(error)")
            throw error
        }
    }
}
