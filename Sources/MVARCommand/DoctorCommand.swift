import ArgumentParser
import MVAR

/// `mvar doctor`: what is found on this machine.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Say what is found on this machine, and what is wrong with it.",
        discussion: "The status is 1 if something is missing without which mvar cannot work.")

    @OptionGroup(title: "Output") var output: OutputOptions

    func run() async throws {
        let diagnosis = Diagnosis()
        if output.json {
            try output.printJSON(diagnosis)
        } else {
            try OutputOptions.printResult(Self.text(of: diagnosis))
        }
        if !diagnosis.isHealthy { throw ExitCode(1) }
    }

    static func text(of diagnosis: Diagnosis) -> String {
        let library = diagnosis.library
        var rows = [
            ("mvar", MVARCommand.version),
            ("LibTorch", "\(library.version) in \(library.folder)"),
            ("CUDA library", library.whyNoCUDA.map { "no: \($0)" } ?? "loaded"),
            (
                "CUDA driver, compiler",
                "\(diagnosis.cuda.driver ?? "none"), \(diagnosis.cuda.compiler.map { "NVRTC \($0)" } ?? "no NVRTC")"
            ),
            ("devices", diagnosis.devices.joined(separator: ", ")),
            ("processor", diagnosis.processor ?? "unknown"),
            (
                "instruction sets",
                diagnosis.instructionSets.isEmpty ? "unknown" : diagnosis.instructionSets.joined(separator: " ")
            ),
            ("threads", "\(diagnosis.threads) on \(counted(diagnosis.cores, "core"))"),
            (
                "cache",
                diagnosis.cache.bytes.map { "\(diagnosis.cache.folder), \(spoken(bytes: $0))" }
                    ?? "\(diagnosis.cache.folder) (not there)"
            ),
            ("default model", diagnosis.defaultModel ?? "not found"),
        ]
        if diagnosis.problems.isEmpty { rows.append(("problems", "none")) }
        let problems = diagnosis.problems.map { problem in
            "\(problem.isFatal ? "problem" : "remark"): \(problem.problem) \(problem.advice)"
        }
        return ([aligned(rows)] + problems).joined(separator: "\n")
    }
}
