import MVAR

/// Tokens of pictures, as `mvar inspect` shows them: those in a PNG, and those in a file of tokens.
struct TokenListing: Encodable {
    struct Picture: Encodable {
        /// The class that it was made of; nil for none, and where a file does not say it.
        let label: Int?
        /// Its number.
        let image: Int
        let tokens: [Int32]

        enum CodingKeys: String, CodingKey {
            case image, tokens
            case label = "class"
        }
    }

    let schedule: ScaleSchedule?
    let vocabularySize: Int?
    let pictures: [Picture]

    enum CodingKeys: String, CodingKey {
        case schedule, pictures
        case vocabularySize = "vocab_size"
    }

    init(_ tokens: PictureTokens) {
        schedule = tokens.schedule
        vocabularySize = tokens.vocabularySize
        pictures = tokens.pictures.map { Picture(label: $0.label, image: $0.image, tokens: $0.tokens) }
    }

    init(_ file: TokenFile) {
        schedule = file.schedule
        vocabularySize = file.vocabularySize
        pictures = file.pictures.enumerated().map { Picture(label: nil, image: $0, tokens: $1) }
    }

    /// How many tokens of a scale are shown where not all are.
    private static let shownTokens = 8

    /// Rows for people.
    ///
    /// - Parameter showsAll: Whether to show every token, and not only the first of each scale of the first picture.
    /// - Returns: Names and values: the numbers of pictures and tokens, then a row for each scale.
    func rows(showsAll: Bool) -> [(String, String)] {
        let used = Set(pictures.flatMap(\.tokens)).count
        let tokens = pictures.first?.tokens.count ?? 0
        var rows = [
            (
                "tokens",
                "\(counted(pictures.count, "picture")) of \(counted(tokens, "token")), "
                    + (vocabularySize.map { "\(used) of \(counted($0, "code")) used" }
                        ?? "\(counted(used, "code")) used")
            )
        ]
        if let schedule { rows.append(("token maps", "\(schedule)")) }
        for picture in showsAll ? pictures[...] : pictures.prefix(1) {
            if pictures.count > 1 {
                rows.append(("picture \(picture.image)", picture.label.map { "class \($0)" } ?? "no class"))
            }
            rows += maps(of: picture).map { name, tokens in
                let shown = showsAll ? tokens : tokens.prefix(Self.shownTokens)
                let rest = shown.count < tokens.count ? " … \(tokens.count) in all" : ""
                return ("  " + name, shown.map(String.init).joined(separator: " ") + rest)
            }
        }
        return rows
    }

    /// The tokens by scale, where it is known what belongs to which.
    private func maps(of picture: Picture) -> [(name: String, tokens: ArraySlice<Int32>)] {
        guard let schedule, schedule.tokenCount == picture.tokens.count else { return [("all", picture.tokens[...])] }
        return schedule.sides.enumerated().map { scale, side in
            ("\(side) × \(side)", picture.tokens[schedule.range(ofScale: scale)])
        }
    }
}

/// What a file of tokens tells of itself.
struct TokenFileDetails: Encodable {
    let path: String
    private let tokens: TokenListing

    /// Reads a file; nil where it is none of tokens, and may be a model.
    init?(path: String) throws {
        guard TokenFile.isTokenFile(path) else { return nil }
        self.path = path
        tokens = TokenListing(try TokenFile(path: path))
    }

    /// Lines for people.
    func text(showsAll: Bool) -> String {
        aligned([("file", path), ("form", Self.form)] + tokens.rows(showsAll: showsAll))
    }

    private static let form = "tokens"

    private enum CodingKeys: String, CodingKey {
        case path, form
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(path, forKey: .path)
        try container.encode(Self.form, forKey: .form)
        try tokens.encode(to: encoder)
    }
}
