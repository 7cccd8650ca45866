/// The order in which samples are shown: a fresh permutation every epoch, a function of (seed, epoch) alone.
///
/// Batches run on over the end of an epoch, so every step has the same number of samples and can be found without the
/// steps before it.
struct ShuffledOrder {
    let count: Int
    let seed: UInt64
    private var epoch = -1
    private var permutation: [Int] = []

    init(count: Int, seed: UInt64) {
        self.count = count
        self.seed = seed
    }

    /// The samples of a step, and for each whether it is mirrored.
    mutating func batch(step: Int, size: Int) -> (indices: [Int], flipped: [Bool]) {
        var indices: [Int] = []
        for position in step * size..<(step + 1) * size {
            if position / count != epoch { permute(epoch: position / count) }
            indices.append(permutation[position % count])
        }
        var coins = SplitMix64(seed: seed, stream: step, purpose: 1)
        return (indices, indices.map { _ in coins.next() & 1 == 1 })
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
