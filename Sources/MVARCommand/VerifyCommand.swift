import ArgumentParser
import Foundation
import MVAR

struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "verify")
    @Option var golden: String
    func run() async throws {
        let v = try GoldenVerifier(path: golden)
        let r = try v.verify()
        for c in r.checks { print(c.name, c.maximumAbsolute, c.maximumRelative, c.agreement ?? -1, c.pass) }
        print("unknown", r.unknown, "pass", r.pass)
    }
}
