package import MVAR

/// Neighbourhood attention beside LibTorch's attention over all tokens of the map.
package struct AttentionTimings: Codable, Hashable, Sendable {
    package let batch: Int
    package let rows: [Row]

    /// One map in one direction.
    package struct Row: Codable, Hashable, Sendable {
        package let height: Int
        package let width: Int
        package let kernel: Int
        package let headWidth: Int
        package let heads: Int
        package let precision: String
        /// `forward`, without gradients, or `backward`, the gradients of all three operands without the way there.
        package let pass: Pass
        /// The median, for the whole batch.
        package let seconds: Double
        /// The same of LibTorch's: no mask, contiguous operands.
        package let denseSeconds: Double

        enum CodingKeys: String, CodingKey {
            case height, width, kernel, heads, precision, pass, seconds
            case headWidth = "head_dim"
            case denseSeconds = "dense_seconds"
        }
    }

    /// A direction.
    package enum Pass: String, Codable, Hashable, Sendable, CaseIterable { case forward, backward }
}

/// Measures ``ScaleTransformer/AttentionRegion/neighborhood(height:width:kernel:)``.
package struct AttentionBench {
    /// The sides of the maps.
    package var sides = [13, 16, 32, 64]
    package var kernel = 7
    package var heads = 32
    package var headWidth = 64
    package var batch = 1
    /// bfloat16 is what queries, keys and values are in, too; for the other precisions they are activations.
    package var precision = Precision.float32
    package var device = Device.cpu
    package var runs = 3

    package init() {}

    /// Measures.
    package func run(progress: BenchProgress = { _, _ in }) throws -> BenchReport<AttentionTimings> {
        progress(0, sides.count)
        var rows: [AttentionTimings.Row] = []
        for (index, side) in sides.enumerated() {
            rows += try self.rows(side: side)
            progress(index + 1, sides.count)
        }
        return BenchReport(
            conditions: BenchConditions(precision: precision, device: device, runs: runs),
            result: AttentionTimings(batch: batch, rows: rows))
    }

    private func rows(side: Int) throws -> [AttentionTimings.Row] {
        var numbers = RandomNumbers()
        let dtype = precision == .bfloat16 ? .bfloat16 : precision.activations(on: device)
        // Each of its own numbers: equal queries and keys would make every token look at itself.
        let inputs = try [1, 1.01, 1.02].map { deviation in
            try numbers.tensor(
                [batch, heads, side * side, headWidth], .normal(standardDeviation: deviation), dtype: dtype,
                device: device)
        }
        let (queries, keys, values) = (inputs[0], inputs[1], inputs[2])
        let gradient = try numbers.tensor(queries.shape, dtype: queries.dtype, device: device)
        for input in inputs { try input.setRequiresGradient() }
        let stopwatch = Stopwatch(on: device)

        func attend(_ region: AttentionRegion) throws(TorchError) -> Tensor {
            try region.attend(queries, keys, values, comparing: .product(scale: 1 / Double(headWidth).squareRoot()))
        }
        // What takes a millisecond is measured several times in a run: a thread that wakes up late takes as long.
        let repetitions = max(1, 4096 / (side * side))
        func seconds(_ pass: AttentionTimings.Pass, _ region: AttentionRegion) throws -> Double {
            try Spread((0..<repetitions).map { _ in try secondsOnce(pass, region) }).median
        }
        func secondsOnce(_ pass: AttentionTimings.Pass, _ region: AttentionRegion) throws -> Double {
            switch pass {
            case .forward:
                return try withoutGradients { try stopwatch.seconds { _ = try attend(region) } }
            case .backward:
                for input in inputs { try input.setGradient(nil) }
                let result = try attend(region)
                return try stopwatch.seconds { try result.backward(gradient) }
            }
        }
        let near = AttentionRegion.neighborhood(height: side, width: side, kernel: kernel)
        return try AttentionTimings.Pass.allCases.map { pass in
            let spreads = try stopwatch.interleaved(
                runs: runs, [{ try seconds(pass, near) }, { try seconds(pass, .all) }])
            return AttentionTimings.Row(
                height: side, width: side, kernel: kernel, headWidth: headWidth, heads: heads,
                precision: queries.dtype.name, pass: pass, seconds: spreads[0].median, denseSeconds: spreads[1].median)
        }
    }
}
