package import MVAR

/// Our linear layers beside LibTorch's.
package struct LinearTimings: Codable, Hashable, Sendable {
    package let preset: String
    package let rows: [Row]

    /// One product, `[rows, inputs]` by `[inputs, outputs]`, with bias.
    package struct Row: Codable, Hashable, Sendable {
        package let rows: Int
        package let inputs: Int
        package let outputs: Int
        /// The median.
        package let seconds: Double
        /// The same of LibTorch's.
        package let libtorchSeconds: Double
        /// In 10⁹ operations a second.
        package let gigaflopsPerSecond: Double
        /// The same of LibTorch's.
        package let libtorchGigaflopsPerSecond: Double

        enum CodingKeys: String, CodingKey {
            case rows, inputs, outputs, seconds
            case libtorchSeconds = "libtorch_seconds"
            case gigaflopsPerSecond = "gflop_per_second"
            case libtorchGigaflopsPerSecond = "libtorch_gflop_per_second"
        }
    }
}

/// Measures the two products of a feed-forward network.
package struct LinearBench {
    /// What the report calls the shape.
    package var preset: String
    package var transformer: TransformerConfiguration
    /// The numbers of rows: those of guided pictures at the published scales, and a large one.
    package var rowCounts = [2, 18, 50, 128, 200, 338, 512, 2048]
    package var precision = Precision.float32
    package var device = Device.cpu
    package var runs = 3

    package init(preset: String, transformer: TransformerConfiguration) {
        self.preset = preset
        self.transformer = transformer
    }

    /// More than a processor's caches hold: in a model each layer's weights come from memory.
    private static let weightBytes = 256 << 20
    /// Enough work for the clock; fewer rows get more products.
    private static let operationsPerRun = 4e9

    /// Measures.
    package func run(progress: BenchProgress = { _, _ in }) throws -> BenchReport<LinearTimings> {
        let shapes = [
            (transformer.width, transformer.hiddenWidth), (transformer.hiddenWidth, transformer.width),
        ]
        let total = shapes.count * rowCounts.count
        progress(0, total)
        var rows: [LinearTimings.Row] = []
        for (inputs, outputs) in shapes {
            let layers = try layers(from: inputs, to: outputs)
            for count in rowCounts {
                rows.append(try row(of: layers, rows: count, from: inputs, to: outputs))
                progress(rows.count, total)
            }
        }
        return BenchReport(
            conditions: BenchConditions(precision: precision, device: device, runs: runs),
            result: LinearTimings(preset: preset, rows: rows))
    }

    /// Our layers and LibTorch's. The latter are in float32 where it has none of the precision.
    private func layers(from inputs: Int, to outputs: Int) throws -> [(ours: Linear, theirs: Linear)] {
        let type = Machine.productType(precision, on: device)
        let root = ParameterPath(RandomParameters(precision: precision, device: device))
        let other = ParameterPath(RandomParameters(precision: Precision(type) ?? .float32, device: device))
        let initial = InitialValue.normal(standardDeviation: 0.02)
        // A small shape need not fill the memory to be measured.
        let count = min(max(2, Self.weightBytes / (inputs * outputs * precision.dtype.byteCount)), 64)
        return try (0..<count).map { _ in
            let ours = try Linear(from: inputs, to: outputs, at: root, initial: initial)
            let theirs =
                type == precision.dtype ? ours : try Linear(from: inputs, to: outputs, at: other, initial: initial)
            return (ours, theirs)
        }
    }

    private func row(
        of layers: [(ours: Linear, theirs: Linear)], rows: Int, from inputs: Int, to outputs: Int
    ) throws -> LinearTimings.Row {
        var numbers = RandomNumbers(upTo: rows * inputs)
        let x = try numbers.tensor([rows, inputs], dtype: precision.activations(on: device), device: device)
        let sameForTheirs = try x.converted(to: layers[0].theirs.weight.values.dtype)
        let operations = 2 * Double(rows * inputs * outputs)
        let products = min(max(1, Int(Self.operationsPerRun / operations)), layers.count)
        let stopwatch = Stopwatch(on: device)
        // Goes round all layers, so that the weights of one come again only when they have left the caches.
        var next = 0
        func seconds(
            _ product: @escaping (_ ours: Linear, _ theirs: Linear) throws(TorchError) -> Tensor
        ) -> () throws -> Double {
            {
                try stopwatch.seconds {
                    for _ in 0..<products {
                        _ = try product(layers[next].ours, layers[next].theirs)
                        next = (next + 1) % layers.count
                    }
                } / Double(products)
            }
        }
        let spreads = try withoutGradients {
            try stopwatch.interleaved(
                runs: runs,
                [
                    seconds { ours, _ throws(TorchError) in try ours(x) },
                    seconds { _, theirs throws(TorchError) in
                        try sameForTheirs.linear(
                            weight: theirs.weight.values, bias: theirs.bias.converted(to: sameForTheirs.dtype))
                    },
                ])
        }
        let (ours, theirs) = (spreads[0].median, spreads[1].median)
        return LinearTimings.Row(
            rows: rows, inputs: inputs, outputs: outputs, seconds: ours, libtorchSeconds: theirs,
            gigaflopsPerSecond: operations / ours / 1e9, libtorchGigaflopsPerSecond: operations / theirs / 1e9)
    }
}
