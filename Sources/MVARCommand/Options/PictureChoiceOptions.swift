import ArgumentParser
import MVAR

/// Which pictures are generated.
struct PictureChoiceOptions: ParsableArguments {
    @Option(
        name: .customLong("class"),
        parsing: .unconditional,
        help: ArgumentHelp(
            "Classes, taken in turn: numbers or names with commas between; none is a picture of no class.",
            discussion: """
                'mvar classes' lists them. Without it, the class of each picture is drawn from the seed and the \
                picture's number.
                """,
            valueName: "class[,…]"))
    var classes: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Pictures in all, 1 or more. (default: one for each class given, else one)", valueName: "N"))
    var count: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Instead of --count: so many pictures of each class given, or of all classes; the classes taken in turn.",
            valueName: "N"))
    var perClass: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "The seed, 0 to 2⁶⁴ − 1: the same seed makes the same pictures. (default: a random one, which is printed)",
            valueName: "N"))
    var seed: UInt64?

    @Flag(help: "Show each picture after every scale, coarse to fine: a row for each picture.")
    var progressive = false

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Pictures computed together, 1 or more: more are faster, up to a point, and take more memory. auto: on a GPU as many as it has memory for, up to 512.",
            valueName: "N|auto"))
    var batch = BatchChoice.count(ImageGenerator.usualBatch)

    /// How many pictures are computed together, as somebody says it.
    enum BatchChoice: ExpressibleByArgument, Hashable, CustomStringConvertible {
        case automatic
        case count(Int)

        init?(argument: String) {
            guard argument != "auto" else {
                self = .automatic
                return
            }
            guard let count = Int(argument) else { return nil }
            self = .count(count)
        }

        var description: String {
            switch self {
            case .automatic: "auto"
            case .count(let count): "\(count)"
            }
        }
    }

    /// How many of so many pictures are computed together.
    func batch(of pictures: Int, by generator: ImageGenerator, _ parameters: SamplingParameters) throws -> Int {
        switch batch {
        case .automatic: try generator.automaticBatch(parameters, of: pictures)
        case .count(let count): count
        }
    }

    /// How many pictures are meant, where the model's number of classes does not matter; else the least there can be.
    var leastCount: Int {
        let given = classes.map { ClassChoice.parts(of: $0).count }
        return count ?? perClass.map { $0 * (given ?? 1) } ?? given ?? 1
    }

    /// Which classes are meant.
    ///
    /// - Throws: Where one of them is unknown or ambiguous.
    func choice(among names: ClassNames) throws -> ClassChoice {
        if perClass != nil, classes == nil { return .inTurn(Array(0..<names.count)) }
        return try ClassChoice(classes, among: names)
    }

    /// The classes of all pictures.
    ///
    /// - Throws: Where one of them is unknown or ambiguous, or they are too many.
    func labels(among names: ClassNames, seed: UInt64) throws -> [Int] {
        let count = classes == nil ? perClass.map { $0 * names.count } ?? leastCount : leastCount
        guard Self.counts.contains(count) else {
            throw OptionError(
                option: "--per-class", value: "\(perClass ?? 0)",
                need: "such that the pictures are in \(Self.counts), not \(count)")
        }
        return try choice(among: names).classes(count: count, seed: seed, classCount: names.count)
    }

    /// Twenty times what an evaluation needs; more is a slip of the finger, and would fill the memory.
    private static let counts = 1...1_000_000

    func validate() throws {
        if let count, !Self.counts.contains(count) {
            throw OptionError(option: "--count", value: "\(count)", need: "in \(Self.counts)")
        }
        if let perClass, !Self.counts.contains(perClass) {
            throw OptionError(option: "--per-class", value: "\(perClass)", need: "in \(Self.counts)")
        }
        if count != nil, perClass != nil {
            throw ValidationError("--count and --per-class both tell how many pictures: give one of them")
        }
        if case .count(let batch) = batch, !Self.counts.contains(batch) {
            throw OptionError(option: "--batch", value: "\(batch)", need: "in \(Self.counts)")
        }
        if let classes, ClassChoice.parts(of: classes).contains("") {
            throw ValidationError("--class '\(classes)' has an empty entry")
        }
    }
}
