public import NeuralNetworks
public import TokenPyramid
public import Torch

/// What the classes of a batch change in the model, computed once and used at every scale.
public struct ClassCondition {
    /// c, `[B, C]`.
    let classVectors: Tensor
    let blocks: [BlockModulation]
    let head: (scale: Tensor, shift: Tensor)

    /// The number of pictures.
    public var batch: Int { classVectors.shape[0] }

    /// The condition of some of the pictures, without computing it again.
    public func narrowed(_ pictures: Range<Int>) throws(TorchError) -> ClassCondition {
        try choosing { vectors throws(TorchError) in try vectors.narrowed(axis: 0, pictures) }
    }

    /// The condition of pictures, for each of which `rows` says which of these it has.
    func repeated(_ rows: [Int]) throws(TorchError) -> ClassCondition {
        let rows = try Tensor(rows, shape: [rows.count]).moved(to: classVectors.device)
        return try choosing { vectors throws(TorchError) in try vectors.rows(rows) }
    }

    /// The condition with branches of blocks left out for some pictures (stochastic depth, arXiv:1603.09382).
    ///
    /// - Parameter factors: What the two branches of every block are multiplied by, `[depth, 2, B]`: 0, or the inverse of
    ///   the share that is kept.
    /// - Returns: The condition with other gains.
    /// - Throws: ``Torch/TorchError`` if shapes do not fit or memory runs out.
    package func multiplyingBranches(by factors: Tensor) throws(TorchError) -> ClassCondition {
        var changed: [BlockModulation] = []
        for (index, block) in blocks.enumerated() {
            let branches = try factors.narrowed(axis: 0, index..<index + 1).reshaped(2, -1, 1, 1)
                .converted(to: block.attentionGain.dtype).unbound(axis: 0)
            changed.append(try block.multiplyingGains(attention: branches[0], feedForward: branches[1]))
        }
        return ClassCondition(classVectors: classVectors, blocks: changed, head: head)
    }

    private func choosing(
        _ pictures: (Tensor) throws(TorchError) -> Tensor
    ) throws(TorchError) -> ClassCondition {
        var blocks: [BlockModulation] = []
        for block in self.blocks { blocks.append(try block.choosing(pictures)) }
        return ClassCondition(
            classVectors: try pictures(classVectors), blocks: blocks,
            head: (scale: try pictures(head.scale), shift: try pictures(head.shift)))
    }
}

/// Predicts the tokens of each scale from the class and from f̂ after the scales before it.
public struct NextScaleTransformer {
    /// Its shape, and which tokens see which.
    public let configuration: TransformerConfiguration
    let embedding: TokenEmbedding
    private let sharedAdaLN: Linear?
    let blocks: [TransformerBlock]
    let head: PredictionHead
    let masks: AttentionMasks

    /// Reads or draws all parameters below `path`, under the names of the public code.
    ///
    /// - Parameters:
    ///   - configuration: Its shape.
    ///   - path: Where they stand.
    ///   - factors: Of fresh ones.
    /// - Throws: ``Torch/TorchError`` if memory runs out.
    public init(
        _ configuration: TransformerConfiguration, at path: ParameterPath, drawnBy factors: InitialFactors = .init()
    ) throws(TorchError) {
        self.configuration = configuration
        let initial = InitialValues(configuration, factors)
        embedding = try TokenEmbedding(configuration, at: path, initial: initial.weight)
        let width = configuration.width
        if configuration.sharesAdaLN {
            sharedAdaLN = try Linear(
                from: width, to: 6 * width, at: path / "shared_ada_lin" / 1,
                initial: initial.adaLNWeight)
        } else {
            sharedAdaLN = nil
        }
        var blocks: [TransformerBlock] = []
        for index in 0..<configuration.depth {
            blocks.append(try TransformerBlock(configuration, at: path / "blocks" / index, initial: initial))
        }
        self.blocks = blocks
        head = try PredictionHead(configuration, at: path, initial: initial)
        masks = AttentionMasks(configuration, device: embedding.device)
    }

    private init(_ other: NextScaleTransformer, configuration: TransformerConfiguration) {
        self.configuration = configuration
        embedding = other.embedding
        sharedAdaLN = other.sharedAdaLN
        blocks = other.blocks
        head = other.head
        masks = AttentionMasks(configuration, device: other.embedding.device)
    }

    /// The same weights with another attention pattern.
    public func attending(_ pattern: AttentionPattern, firstSpatialScale: Int? = nil) -> NextScaleTransformer {
        var configuration = configuration
        configuration.pattern = pattern
        configuration.firstSpatialScale = firstSpatialScale ?? configuration.firstSpatialScale
        return NextScaleTransformer(self, configuration: configuration)
    }

    /// What the blocks multiply their tokens by: that of the file, where it holds whole numbers and nothing else was asked
    /// for.
    public var precision: Precision { blocks.first.flatMap { Precision($0.weights.values.dtype) } ?? .float32 }

    /// Where the parameters are.
    public var device: Device { embedding.device }

    /// The one parameter whose shape depends on the number of classes: a vector for each, and for the null class.
    package static let classVectorsName = "class_emb.weight"

    /// Whether a parameter belongs to the head, which stays in float32 whatever the blocks compute in.
    public static func isInHead(_ name: String) -> Bool { name.hasPrefix("head.") || name.hasPrefix("head_nm.") }

    /// What a parameter is kept in when the blocks compute in `precision`; nil for as it is stored.
    ///
    /// On the CPU the precision is for ``isMatrixOfBlocks(_:)``. As it is stored stays AdaLN, a third of a published model:
    /// its weights are read from their file once for a batch, and then let go.
    public static func precision(
        ofParameter name: String, blocks precision: Precision, on device: Device
    ) -> Precision? {
        guard device == .cpu else { return isInHead(name) ? .float32 : precision }
        if name.contains("ada_lin.") { return isInHead(name) ? .float32 : nil }
        return isMatrixOfBlocks(name) ? precision : .float32
    }

    /// Whether a parameter is a weight that a block multiplies its tokens by: all that may be whole numbers.
    public static func isMatrixOfBlocks(_ name: String) -> Bool {
        let layers = ["attn.mat_qkv", "attn.proj", "ffn.fc1", "ffn.fc2"]
        return name.hasPrefix("blocks.") && layers.contains { name.hasSuffix($0 + ".weight") }
    }

    /// What the classes of a batch change in the model.
    ///
    /// - Parameter classes: One label a picture, in `0...classes`; the last stands for the null class.
    /// - Returns: The condition of all pictures.
    /// - Throws: ``Torch/TorchError`` if a label is outside or memory runs out.
    public func condition(on classes: [Int]) throws(TorchError) -> ClassCondition {
        // Guidance names the null class once for every picture.
        var places: [Int: Int] = [:]
        let rows = classes.map { label in
            let place = places[label, default: places.count]
            places[label] = place
            return place
        }
        let distinct = places.sorted { $0.value < $1.value }.map(\.key)
        let condition = try condition(on: Tensor(distinct, shape: [distinct.count]).moved(to: embedding.device))
        return distinct.count == rows.count ? condition : try condition.repeated(rows)
    }

    /// As ``condition(on:)-([Int])``, for labels in a tensor: `[B]`, int64.
    public func condition(on labels: Tensor) throws(TorchError) -> ClassCondition {
        let classVectors = try embedding.classes(labels)
        let activated = try classVectors.silu()
        let common = try sharedAdaLN.map { shared throws(TorchError) in
            try shared(activated).reshaped(labels.shape[0], 6, configuration.width)
        }
        var modulations: [BlockModulation] = []
        for block in blocks {
            modulations.append(try block.adaLN.modulation(activated, common: common))
            block.adaLN.discardMemory()
        }
        return ClassCondition(
            classVectors: classVectors, blocks: modulations, head: try head.modulation(activated))
    }

    /// The logits of neighbouring scales.
    ///
    /// - Parameters:
    ///   - scales: Which scales. They see each other as the pattern says; of scales outside only what `cache` holds.
    ///   - inputs: f̂ brought to the maps of these scales, `[B, n, Z]`, where the first scale has none; `nil` if n is 0.
    ///   - condition: The classes.
    ///   - cache: For generation scale by scale with a pattern that looks back; filled on the way.
    /// - Returns: `[B, T, V]` over all tokens of `scales`, float32.
    /// - Throws: ``Torch/TorchError`` if shapes do not fit or memory runs out.
    public func logits(
        ofScales scales: Range<Int>, inputs: Tensor?, condition: ClassCondition, cache: KeyValueCache? = nil
    ) throws(TorchError) -> Tensor {
        try hidden(ofScales: scales, inputs: inputs, condition: condition, cache: cache).logits()
    }

    /// What the head makes logits of; see ``logits(ofScales:inputs:condition:cache:)``.
    package func hidden(
        ofScales scales: Range<Int>, inputs: Tensor?, condition: ClassCondition, cache: KeyValueCache? = nil
    ) throws(TorchError) -> HiddenTokens {
        precondition(cache == nil || scales.count == 1, "a cache takes one scale at a time")
        var x = try embedding(scales: scales, classVectors: condition.classVectors, inputs: inputs)
        let region = try masks.region(ofScales: scales)
        for (index, block) in blocks.enumerated() {
            x = try block(x, modulation: condition.blocks[index], reading: region) { keys, values throws(TorchError) in
                guard let cache else { return (keys, values) }
                return try cache.extend(block: index, scale: scales.lowerBound, keys: keys, values: values)
            }
        }
        return HiddenTokens(residual: x, modulation: condition.head, head: head)
    }
}

/// Tokens after the last block: logits, which take more memory than all else, are made of as many pictures as are wanted at a
/// time.
package struct HiddenTokens {
    /// The residual stream, `[B, T, C]`.
    let residual: Tensor
    let modulation: (scale: Tensor, shift: Tensor)
    let head: PredictionHead

    /// The logits of all pictures, `[B, T, V]`, float32.
    package func logits() throws(TorchError) -> Tensor { try head(residual, modulation: modulation) }

    /// The logits of some pictures, one range after another: `[n, T, V]`, float32.
    package func logits(of pictures: [Range<Int>]) throws(TorchError) -> Tensor {
        if pictures.joined().elementsEqual(0..<residual.shape[0]) { return try logits() }
        func chosen(_ tensor: Tensor) throws(TorchError) -> Tensor {
            var parts: [Tensor] = []
            for range in pictures { parts.append(try tensor.narrowed(axis: 0, range)) }
            return parts.count == 1 ? parts[0] : try Tensor.concatenated(parts)
        }
        return try head(
            chosen(residual), modulation: (scale: chosen(modulation.scale), shift: chosen(modulation.shift)))
    }
}
