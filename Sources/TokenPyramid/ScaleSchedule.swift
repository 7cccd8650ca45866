/// The side lengths of an image's token maps, coarse to fine: `s_1 < … < s_S` (VAR, arXiv:2404.02905, section 3.2).
///
/// Scales are counted from 0 in code, from 1 in the papers. The tokens of all scales stand one after another, each map
/// row by row; `L` is their number.
public struct ScaleSchedule: Hashable, Sendable {
    /// The side length of each square map.
    public let sides: [Int]

    /// Checks that the sides are positive and grow.
    public init(_ sides: [Int]) throws(ScheduleError) {
        guard let first = sides.first else { throw .empty }
        guard first > 0, zip(sides, sides.dropFirst()).allSatisfy({ $0 < $1 }) else { throw .notGrowing(sides) }
        guard let last = sides.last, last <= Self.largestSide else { throw .tooLarge(sides) }
        self.sides = sides
    }

    private init(published sides: [Int]) { self.sides = sides }

    /// Far beyond any picture; keeps hostile files from asking for absurd memory.
    static let largestSide = 1024

    /// The published schedule for 256 pixels: 680 tokens.
    public static let published256 = ScaleSchedule(published: [1, 2, 3, 4, 5, 6, 8, 10, 13, 16])
    /// The published schedule for 512 pixels: 2240 tokens.
    public static let published512 = ScaleSchedule(published: [1, 2, 3, 4, 6, 9, 13, 18, 24, 32])

    /// The published schedule with that many tokens in all, if there is one.
    public static func published(tokenCount: Int) -> ScaleSchedule? {
        [published256, published512].first { $0.tokenCount == tokenCount }
    }

    /// The number of scales, S.
    public var count: Int { sides.count }

    /// The number of tokens of all scales, L.
    public var tokenCount: Int { sides.reduce(0) { $0 + $1 * $1 } }

    /// The side of the finest map, which is that of the latent.
    public var latentSide: Int { sides[sides.count - 1] }

    /// The number of tokens of one scale, T.
    public func tokenCount(ofScale scale: Int) -> Int { sides[scale] * sides[scale] }

    /// Where the tokens of one scale stand among all.
    public func range(ofScale scale: Int) -> Range<Int> {
        let start = sides[..<scale].reduce(0) { $0 + $1 * $1 }
        return start..<start + tokenCount(ofScale: scale)
    }

    /// Where the tokens of several neighbouring scales stand among all.
    public func range(ofScales scales: Range<Int>) -> Range<Int> {
        let start = sides[..<scales.lowerBound].reduce(0) { $0 + $1 * $1 }
        return start..<start + sides[scales].reduce(0) { $0 + $1 * $1 }
    }

    /// How far a scale is from the first to the last: 0 … 1, and 0 where there is only one.
    public func progress(ofScale scale: Int) -> Double { count > 1 ? Double(scale) / Double(count - 1) : 0 }

    /// The scale from which a model without a recorded one attends in windows: the first whose side is at least 13, else
    /// none.
    public var defaultFirstSpatialScale: Int { sides.firstIndex { $0 >= 13 } ?? count }
}

/// Why a list of sides is no schedule.
public enum ScheduleError: Error, Hashable, Sendable, CustomStringConvertible {
    case empty
    case notGrowing([Int])
    case tooLarge([Int])

    /// What is wrong and what to do, on one line.
    public var description: String {
        switch self {
        case .empty: "A schedule needs at least one side, as in 1,2,3,4,5,6,8,10,13,16."
        case .notGrowing(let sides): "The sides of a schedule must be positive and grow; these do not: \(sides)."
        case .tooLarge(let sides):
            "The schedule \(sides) goes beyond \(ScaleSchedule.largestSide), the largest side that a map may have."
        }
    }
}

extension ScaleSchedule: Codable, CustomStringConvertible {
    /// Reads a list of sides.
    public init(from decoder: any Decoder) throws {
        try self.init(decoder.singleValueContainer().decode([Int].self))
    }

    /// Writes a list of sides.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(sides)
    }

    /// The sides as on the command line: `1,2,3`.
    public var description: String { sides.map(String.init).joined(separator: ",") }
}
