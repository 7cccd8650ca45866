import ArgumentParser
import Foundation
import MVAR

/// This command again, in a process for each device.
enum DeviceProcesses {
    /// Tells a process that it ends with the one that started it.
    private static let parentVariable = "MVAR_STARTED_BY"

    /// Runs this command line in one process for each device, numbered as a launcher does, and waits for them.
    ///
    /// - Parameter devices: Two or more.
    /// - Throws: `ExitCode` where one of them fails, which has said why; ``Lost`` where one was killed.
    static func run(for devices: [Device]) throws {
        let processes = try devices.indices.map { rank in
            let process = Process()
            process.executableURL = Bundle.main.executableURL
            process.arguments = Array(CommandLine.arguments.dropFirst())
            let variables = [
                "RANK": "\(rank)", "WORLD_SIZE": "\(devices.count)", "LOCAL_RANK": "\(rank)",
                parentVariable: "\(getpid())",
            ]
            process.environment = ProcessInfo.processInfo.environment.merging(variables) { $1 }
            try process.run()
            return process
        }
        for process in processes { process.waitUntilExit() }
        for (process, device) in zip(processes, devices) {
            if process.terminationReason == .uncaughtSignal { throw Lost(device: device) }
            if process.terminationStatus != 0 { throw ExitCode(process.terminationStatus) }
        }
    }

    /// Ends this process when the one that started it has ended: nothing is lost by that, and nobody wants the rest.
    static func endWithParent() {
        let parent = ProcessInfo.processInfo.environment[parentVariable].flatMap { pid_t($0) }
        guard let parent else { return }
        Thread.detachNewThread {
            while getppid() == parent { sleep(1) }
            _exit(1)
        }
    }

    /// A process that was killed.
    struct Lost: Error, CustomStringConvertible {
        let device: Device

        var description: String {
            "The process for \(device) was killed; the others made their share. The same command with --resume makes the "
                + "rest."
        }
    }
}
