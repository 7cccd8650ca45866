import ArgumentParser
import MVAR

/// `mvar classes`: the names of a model's classes.
struct ClassesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "classes",
        abstract: "List a model's classes, or those whose names hold a word.",
        discussion: """
            For each class a line is printed: number, WordNet identifier where there is one, names. 'mvar sample --class' \
            takes any of them.

              mvar classes
              mvar classes fish
              mvar classes --model var_d16.pth retriever
            """)

    @Argument(help: "A part of a name, or a WordNet identifier such as n02099601. (default: all classes)")
    var word: String?

    @OptionGroup(title: "Model") var model: ModelFileOption
    @OptionGroup(title: "Output") var output: OutputOptions

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
        let names = try LoadedModel.classes(ModelSource(model: model.model))
        let found = word.map(names.matching) ?? Array(names.names.indices)
        let entries = found.map { Entry(index: $0, identifier: names.identifiers[$0], names: names.names[$0]) }
        if output.json { return try output.printJSON(entries) }
        for entry in entries {
            try OutputOptions.printResult(
                ([String(entry.index), entry.identifier].compactMap(\.self)
                    + (entry.names.isEmpty ? [] : [entry.names.joined(separator: ", ")])).joined(separator: "\t"))
        }
        if let word, entries.isEmpty {
            output.remark("None of the model's classes has '\(word)' in its names.")
        }
    }
}
