/// What stands at one place of a step's batch, and how it is shown.
struct Sample: Hashable, Sendable {
    /// The place in the whole batch, from 0.
    let position: Int
    /// Which one of the data set.
    let index: Int
    /// Whether it is mirrored left to right.
    let isMirrored: Bool
    /// Where a random crop is cut out, in 0..<1 of the way from the left to the right, and from the top to the bottom.
    let crop: SIMD2<Double>
}

/// The order in which samples are shown: a fresh permutation every epoch, a function of (seed, epoch) alone.
///
/// Batches run on over the end of an epoch, so every step has the same number of samples and can be found without the
/// steps before it. A process that takes a part of each batch sees there what it would see in the whole one.
struct ShuffledOrder {
    let count: Int
    let seed: UInt64
    /// Samples a step, of all processes together.
    let batch: Int
    /// The places in the batch that are taken here.
    let part: Range<Int>
    private let mirrors: Bool
    private var epoch = -1
    private var permutation: [Int] = []

    /// - Parameters:
    ///   - count: The size of the data set.
    ///   - seed: What all chance depends on, beside the number of an epoch or step.
    ///   - batch: Samples a step, of all processes together.
    ///   - part: The places in the batch that are taken here; nil for all.
    ///   - mirrors: Whether one in two samples is mirrored.
    init(count: Int, seed: UInt64, batch: Int, part: Range<Int>? = nil, mirrors: Bool = true) {
        let part = part ?? 0..<batch
        precondition(part.lowerBound >= 0 && part.upperBound <= batch, "\(part) does not lie in a batch of \(batch)")
        self.count = count
        self.seed = seed
        self.batch = batch
        self.part = part
        self.mirrors = mirrors
    }

    /// The samples of a step, from 0, that are taken here.
    mutating func samples(ofStep step: Int) -> [Sample] {
        var coins = SplitMix64(seed: seed, stream: step, purpose: 1)
        var places = SplitMix64(seed: seed, stream: step, purpose: 5)
        var samples: [Sample] = []
        // Chance is drawn for the places before the part, too: it belongs to a place, whoever takes it.
        for position in 0..<part.upperBound {
            let isMirrored = coins.next() & 1 == 1 && mirrors
            let crop = SIMD2(places.unit(), places.unit())
            guard position >= part.lowerBound else { continue }
            let place = step * batch + position
            if place / count != epoch { permute(epoch: place / count) }
            samples.append(
                Sample(position: position, index: permutation[place % count], isMirrored: isMirrored, crop: crop))
        }
        return samples
    }

    private mutating func permute(epoch: Int) {
        self.epoch = epoch
        var generator = SplitMix64(seed: seed, stream: epoch, purpose: 0)
        permutation = Array(0..<count)
        permutation.shuffle(using: &generator)
    }
}

/// A small generator (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014) for choices that are
/// no tensors: orders, mirrorings, dropped labels.
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    /// The generator of one purpose in one step or epoch.
    init(seed: UInt64, stream: Int, purpose: UInt64) {
        state = seed
        // Every part goes through the mixer, so that neighbouring streams do not overlap.
        state = next() ^ UInt64(bitPattern: Int64(stream))
        state = next() ^ purpose
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number in 0 ..< 1.
    mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }
}
