public import Torch

/// Drops unlikely codes: first all but the `topK` likeliest, then those that only the last 1 - `topP` of the
/// probability needs.
///
/// The operations and their order are the public filter's (VAR@main:models/helpers.py, float32), so that the same codes
/// are left: top-k keeps every code as likely as the k-th; top-p drops codes, the unlikeliest first, while their
/// probabilities add up to at most 1 - p, and never the likeliest.
public struct TokenFilter: Hashable, Sendable {
    /// How many codes are kept; 0 for all.
    public let topK: Int
    /// The share of the probability that is kept; 0 for all.
    public let topP: Double

    /// A filter. 0 switches either part off.
    public init(topK: Int = 0, topP: Double = 0) {
        precondition(topK >= 0 && topP >= 0 && topP <= 1, "top-k \(topK), top-p \(topP) were not checked")
        self.topK = topK
        self.topP = topP
    }

    /// -∞ for every code that is dropped.
    ///
    /// - Parameter logits: `[…, V]`, float32.
    /// - Returns: `[…, V]`; the logits themselves where nothing is to be dropped.
    /// - Throws: ``Torch/TorchError`` if memory runs out.
    public func filtered(_ logits: Tensor) throws(TorchError) -> Tensor {
        var logits = logits
        let vocabularySize = logits.shape[logits.rank - 1]
        if topK > 0, topK < vocabularySize {
            let smallestKept = try logits.largest(topK).values.narrowed(axis: -1, topK - 1..<topK)
            logits = try logits.filled(-.infinity, where: logits.isLess(than: smallestKept))
        }
        if topP > 0 {
            let (ascending, places) = try logits.sorted()
            let cumulative = try ascending.softmax(axis: -1).cumulativeSum(axis: -1)
            // The last one, the likeliest, stays whatever rounding made of its sum.
            let dropped = try cumulative.narrowed(axis: -1, 0..<vocabularySize - 1).isAtMost(1 - topP)
            let last = try Tensor.zeros(Array(logits.shape.dropLast()) + [1], dtype: .bool, device: logits.device)
            let mask = try Tensor.concatenated([dropped, last], axis: -1)
            logits = try logits.filled(-.infinity, where: mask.scattered(axis: -1, places, mask))
        }
        return logits
    }

    /// The distribution that is drawn from: softmax over what ``filtered(_:)`` leaves, exactly 0 for what it drops.
    public func probabilities(of logits: Tensor) throws(TorchError) -> Tensor {
        try filtered(logits).softmax(axis: -1)
    }
}

extension Tensor {
    /// Logits at a temperature above 0.
    ///
    /// Other temperatures than 1 also move the largest logit of a place to 0, which changes no probability and keeps
    /// tiny ones from overflowing.
    func tempered(_ temperature: Double) throws(TorchError) -> Tensor {
        guard temperature != 1 else { return self }
        // Below that, float32 has no such number to divide by.
        let divisor = max(temperature, Double(Float.leastNormalMagnitude))
        return try (self - maximum(axis: -1, keepingAxis: true)) / divisor
    }
}
