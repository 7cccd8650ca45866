import ArgumentParser
import MVAR

/// `mvar classes`: the names of a model's classes.
struct ClassesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "classes",
        abstract: "List a model's classes, or those whose names hold a word.",
        discussion: """
              mvar classes
              mvar classes dog
              mvar classes --model var_d16.pth retriever
            """)

    @Argument(help: "A part of a name, or a WordNet identifier such as n02099601. (default: all classes)")
    var word: String?

    @OptionGroup var model: ModelOptions
    @OptionGroup var output: OutputOptions

    /// One class, as `--json` tells it.
    struct Entry: Codable, Hashable {
        let index: Int
        let identifier: String?
        let names: [String]

        enum CodingKeys: String, CodingKey {
            case names
            case index = "class"
            case identifier = "id"
        }
    }

    func run() async throws {
        let names = try LoadedModel.classes(model.source())
        let found = word.map(names.matching) ?? Array(names.names.indices)
        let entries = found.map { Entry(index: $0, identifier: names.identifiers[$0], names: names.names[$0]) }
        if output.json { return try output.printJSON(entries) }
        for entry in entries {
            try OutputOptions.printResult(
                ([String(entry.index), entry.identifier].compactMap(\.self)
                    + (entry.names.isEmpty ? [] : [entry.names.joined(separator: ", ")])).joined(separator: "\t"))
        }
        if let word, entries.isEmpty { output.remark("No class of \(names.count) has '\(word)' in its names.") }
    }
}
