public import Models
import Sampling

/// Which classes pictures are asked for, as on the command line.
public enum ClassChoice: Hashable, Sendable {
    /// One for each picture, drawn from the seed and the picture's number.
    case drawn
    /// These, taken in turn; the number of classes stands for the null class.
    case inTurn([Int])

    /// The word for the null class: a picture of no class.
    public static let noneWord = "none"

    /// Reads a comma-separated list of numbers, WordNet identifiers, names, and `none`.
    ///
    /// - Parameters:
    ///   - text: As typed; nil to have classes drawn.
    ///   - names: The model's classes.
    /// - Throws: ``ClassNameError`` where one of them is unknown or ambiguous.
    public init(_ text: String?, among names: ClassNames) throws(ClassNameError) {
        guard let text else {
            self = .drawn
            return
        }
        var classes: [Int] = []
        for part in Self.parts(of: text) {
            classes.append(part.lowercased() == Self.noneWord ? names.count : try names.index(of: part))
        }
        self = .inTurn(classes)
    }

    /// The classes of a list as typed, without the spaces around them.
    public static func parts(of text: String) -> [String] {
        text.split(separator: ",", omittingEmptySubsequences: false).map { part in
            String(part.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
        }
    }

    /// The classes of pictures 0..<count.
    ///
    /// - Parameters:
    ///   - count: The number of pictures.
    ///   - seed: What the pictures are drawn with.
    ///   - classCount: How many classes the model has.
    /// - Returns: A class for every picture.
    /// - Throws: ``Torch/TorchError`` if memory runs out.
    public func classes(count: Int, seed: UInt64, classCount: Int) throws -> [Int] {
        try (0..<count).map { image in
            switch self {
            case .drawn: try GenerationRequest.drawnClass(seed: seed, image: image, classes: classCount)
            case .inTurn(let classes): classes[image % classes.count]
            }
        }
    }
}
