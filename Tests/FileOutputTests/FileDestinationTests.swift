import FileOutput
import Testing

@Suite("Where a command's file goes") struct FileDestinationTests {
    @Test("- is standard output, and nothing else is", arguments: ["-", "./-", "--", "a-", ""])
    func standardOutput(name: String) {
        let destination = FileDestination(name)
        #expect(destination.isStandardOutput == (name == "-"))
        #expect(destination.path == (name == "-" ? StandardOutput.path : name))
    }

    @Test("A terminal takes no file") func terminal() throws {
        #expect(throws: FileOutputError.isTerminal) { try FileDestination("-").check(isTerminal: true) }
        try FileDestination("-").check(isTerminal: false)
    }

    @Test("What standard output is says nothing about a named file") func named() throws {
        try FileDestination("/dev/null").check(isTerminal: true)
        #expect(throws: FileOutputError.self) { try FileDestination("/absent/a").check(isTerminal: false) }
    }
}
