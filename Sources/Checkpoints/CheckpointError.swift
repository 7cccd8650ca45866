/// Why a checkpoint cannot be read.
///
/// Its description is one line that names the file, what is wrong with it, and what to do.
public struct CheckpointError: Error, Hashable, Sendable {
    /// What can be wrong with a checkpoint.
    public enum Problem: Hashable, Sendable {
        /// The system would not open or map the file.
        case unreadable(reason: String)
        /// The process may not have so much memory.
        case unmappable(bytes: Int)
        /// There is no file of this name.
        case absent
        /// A file was needed and this is a folder.
        case isFolder
        /// The file holds nothing.
        case empty
        /// The file is of another kind: what it seems to be, and what to do about it.
        case otherKind(String)
        /// The file ends before, or contradicts, what its own tables say.
        case corrupt(String)
        /// The file is whole, but needs something that is not supported: what, and what to do about it.
        case unsupported(String)
        /// A pickle asks for a Python function or class that is not on the list of harmless ones.
        case forbiddenGlobal(module: String, name: String)
        /// The file holds tensors or values, but not in one of the known forms.
        case unknownForm(found: [String])
        /// A part was asked for that the file does not hold.
        case partMissing(part: String, found: [String])
        /// Tensors that the shape of the network is read from are not there.
        case tensorsMissing(names: [String])
        /// A tensor that the shape of the network is read from has an impossible shape.
        case wrongShape(name: String, expected: String, found: [Int])
        /// A JSON file does not say what it should.
        case invalidConfiguration(String)
        /// Something that was to be written has no place in the format.
        case unwritable(String)
    }

    /// The file that was read.
    public let file: String

    /// What is wrong with it.
    public let problem: Problem

    /// An error about a file.
    ///
    /// - Parameters:
    ///   - file: The path of the file, as the user wrote it.
    ///   - problem: What is wrong with it.
    public init(file: String, _ problem: Problem) {
        self.file = file
        self.problem = problem
    }
}

extension CheckpointError: CustomStringConvertible {
    /// One line: what is wrong, with names and numbers, and what to do.
    public var description: String { printable("\(quoted(file)) \(problem)") }
}

extension CheckpointError.Problem: CustomStringConvertible {
    /// The line without the name of the file, which is its subject.
    public var description: String {
        switch self {
        case .unreadable(let reason): "cannot be read: \(reason)."
        case .unmappable(let bytes):
            "has \((bytes + 999_999) / 1_000_000) MB, for which this process has no memory left: raise its limit (ulimit -v), or "
                + "take a smaller model."
        case .absent: "does not exist; check the path."
        case .isFolder: "is a folder; name a file in it, or a folder with config.json and model.safetensors."
        case .empty: "is empty; fetch or save it again."
        case .otherKind(let what): "is \(what)."
        case .corrupt(let what): "is corrupt: \(what); fetch or save it again."
        case .unsupported(let what): "cannot be used: \(what)."
        case .forbiddenGlobal(let module, let name):
            "asks to call \(module).\(name); mvar runs no code from checkpoints and has no need of it. "
                + "Trust no such file from a stranger; re-save its tensors alone with torch.save(model.state_dict(), …)."
        case .unknownForm(let found):
            "is in no form that mvar knows (a state dict of VAR, MVAR or the tokenizer, or a trainer's file); "
                + "it holds \(listed(found))."
        case .partMissing(let part, let found): "holds no \(part); it holds \(listed(found, limit: 4))."
        case .tensorsMissing(let names): "lacks \(listed(names)), from which the network's shape is read."
        case .wrongShape(let name, let expected, let found):
            "has tensor \(quoted(name)) of shape \(found); expected \(expected)."
        case .invalidConfiguration(let what): "is no valid configuration: \(what)."
        case .unwritable(let what): "cannot be written: \(what)."
        }
    }
}

/// The first names of a list and how many more there are, so that a message stays one readable line.
func listed(_ names: [String], limit: Int = 12) -> String {
    if names.isEmpty { return "nothing" }
    let shown = names.prefix(limit).map { printable($0, limit: 120) }.joined(separator: ", ")
    return names.count > limit ? shown + " and \(names.count - limit) more" : shown
}

/// A name out of a file in quotes, shortened and without control characters.
func quoted(_ name: String) -> String { "'" + printable(name, limit: 1024) + "'" }

/// Text from a file is shown to the user: it must neither break the line nor steer the terminal.
package func printable(_ text: String, limit: Int = 4096) -> String {
    var shown = ""
    var count = 0
    for scalar in text.unicodeScalars {
        if count == limit { return shown + "…" }
        let steers: Bool
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: steers = true
        default: steers = false
        }
        shown.unicodeScalars.append(steers ? "?" : scalar)
        count += 1
    }
    return shown
}
