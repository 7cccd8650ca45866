/// Where a command's result goes: a file, or standard output for `-`.
public struct FileDestination: Hashable, Sendable {
    /// As typed.
    public let name: String

    /// A destination as typed. Nothing is looked up yet.
    public init(_ name: String) { self.name = name }

    /// Whether the result goes to standard output.
    public var isStandardOutput: Bool { name == "-" }

    /// The path for whatever writes the file.
    public var path: String { isStandardOutput ? StandardOutput.path : name }

    /// Throws unless a file can be written there: for finding out before long work.
    ///
    /// - Parameter isTerminal: Whether standard output is a terminal, which a file would only fill with rubbish.
    /// - Throws: ``FileOutputError``.
    public func check(isTerminal: Bool = StandardOutput.isTerminal) throws(FileOutputError) {
        guard !isStandardOutput else {
            if isTerminal { throw .isTerminal }
            return
        }
        // Starting a file meets every reason why it could not be written.
        try AtomicFile(path: path).discard()
    }
}
