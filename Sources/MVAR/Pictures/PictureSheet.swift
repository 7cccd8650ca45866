public import ImageTokenizer
public import Images

/// One picture file of one or several generated pictures, with what it tells of them.
public struct PictureSheet: Hashable, Sendable {
    /// The tokens and how they lie.
    public let tokens: PictureTokens
    /// The pixels.
    public let image: PixelImage

    /// Pixels between neighbours.
    private static let spacing = 2

    /// Lays generated pictures out: one as it is, several in a grid; with steps a row for each.
    ///
    /// - Parameters:
    ///   - pictures: One or more.
    ///   - isProgressive: Whether to show each picture after every scale.
    ///   - tokenizer: The shape of what made them.
    ///   - classCount: The class that stands for none.
    /// - Throws: ``Images/ImageError`` where the whole would be too large.
    public init(
        _ pictures: [ImageGenerator.Picture], isProgressive: Bool, tokenizer: TokenizerConfiguration, classCount: Int
    ) throws {
        let columns = Self.columns(
            pictures: pictures.count, isProgressive: isProgressive, scales: tokenizer.schedule.count)
        tokens = PictureTokens(
            schedule: tokenizer.schedule, vocabularySize: tokenizer.vocabularySize,
            layout: isProgressive ? .progressive : .grid, columns: columns,
            pictures: pictures.map {
                .init(label: $0.label == classCount ? nil : $0.label, image: $0.number, tokens: $0.tokens)
            })
        image = try Self.layOut(pictures.flatMap { isProgressive ? $0.steps : [$0.image] }, columns: columns)
    }

    /// Makes the picture of a file's tokens again.
    ///
    /// - Parameters:
    ///   - tokens: What a PNG holds.
    ///   - tokenizer: The one that the model was trained with.
    /// - Throws: ``TokenFileError`` where tokens and tokenizer do not go together, ``Images/ImageError`` where the whole
    ///   would be too large.
    public init(rebuilding tokens: PictureTokens, with tokenizer: VisualTokenizer) throws {
        guard tokens.schedule == tokenizer.configuration.schedule else {
            throw TokenFileError.tokenCount(
                found: tokens.schedule.tokenCount, expected: tokenizer.configuration.schedule.tokenCount,
                schedule: tokenizer.configuration.schedule.sides)
        }
        self.tokens = tokens
        let images = try tokens.pictures.flatMap { picture in
            tokens.layout == .progressive
                ? try tokenizer.steps(ofTokens: picture.tokens) : [try tokenizer.picture(ofTokens: picture.tokens)]
        }
        image = try Self.layOut(images, columns: tokens.columns)
    }

    /// Columns and rows of a sheet in pixels.
    ///
    /// - Parameters:
    ///   - pictures: How many.
    ///   - isProgressive: Whether each is shown after every scale.
    ///   - tokenizer: The shape of what makes them.
    /// - Returns: The size of the whole.
    public static func size(
        pictures: Int, isProgressive: Bool, tokenizer: TokenizerConfiguration
    ) -> (width: Int, height: Int) {
        let columns = columns(pictures: pictures, isProgressive: isProgressive, scales: tokenizer.schedule.count)
        let rows = isProgressive ? pictures : (pictures + columns - 1) / columns
        let side = tokenizer.imageSide
        return (columns * (side + spacing) - spacing, rows * (side + spacing) - spacing)
    }

    private static func columns(pictures: Int, isProgressive: Bool, scales: Int) -> Int {
        isProgressive ? scales : Int(Double(pictures).squareRoot().rounded(.up))
    }

    private static func layOut(_ images: [PixelImage], columns: Int) throws -> PixelImage {
        images.count == 1 ? images[0] : try PixelImage.grid(images, columns: columns, spacing: spacing)
    }
}
