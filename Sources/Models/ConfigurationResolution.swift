package import Checkpoints
package import ImageTokenizer
package import ScaleTransformer
import TokenPyramid

/// What the tensors leave open is decided here, in one order for all: what the caller says, then the descriptions in
/// their order, then what is published.
package struct ConfigurationResolution {
    package let source: ModelSource
    /// The descriptions that apply to a checkpoint, the most trusted first.
    package let descriptions: [ModelDescription]

    package init(_ source: ModelSource, beside checkpoint: Checkpoint) throws {
        self.source = source
        let beside = try checkpoint.description ?? ModelFolder.description(beside: checkpoint.path)
        descriptions = [source.description, beside].compactMap(\.self)
    }

    /// The first description that says something.
    package func described<Value>(_ key: (ModelDescription) -> Value?) -> Value? {
        descriptions.lazy.compactMap(key).first
    }

    /// The names of a transformer's classes.
    package func classNames(count: Int) -> ClassNames {
        ClassNames(count: count, names: described(\.classNames), identifiers: described(\.classIDs))
    }

    // MARK: Transformer

    package func transformer(_ checkpoint: Checkpoint) throws -> TransformerConfiguration {
        let file = checkpoint.path
        let shape = try checkpoint.modelShape()
        let schedule = try schedule(
            file: file, recorded: shape.schedule, tokens: shape.tokenCount, scales: shape.scaleCount)
        guard let heads = source.heads ?? shape.heads ?? described(\.heads) else {
            throw ModelError.unknownHeads(file: file)
        }
        guard heads > 0, shape.width.isMultiple(of: heads) else {
            throw ModelError.impossible(
                file: file, what: "number of heads", value: "\(heads)", need: "a divisor of the width, \(shape.width)")
        }
        try require("norm_eps", described(\.normEpsilon), is: 1e-6, file: file)
        let first = source.firstSpatialScale ?? described(\.refineStep) ?? schedule.defaultFirstSpatialScale
        guard (0...schedule.count).contains(first) else {
            throw ModelError.impossible(
                file: file, what: "first spatial scale", value: "\(first)", need: "in 0...\(schedule.count)")
        }
        return TransformerConfiguration(
            depth: shape.depth, width: shape.width, heads: heads, mlpRatio: shape.mlpRatio, classes: shape.classes,
            vocabularySize: shape.vocabularySize, latentChannels: shape.latentChannels, schedule: schedule,
            pattern: try pattern(of: checkpoint), firstSpatialScale: first,
            normalizesQueriesAndKeys: shape.normalizesQueriesAndKeys, sharesAdaLN: shape.sharesAdaLN)
    }

    /// The caller's pattern, else the configuration's, else what the checkpoint's form was trained with.
    private func pattern(of checkpoint: Checkpoint) throws -> AttentionPattern {
        let kernel = source.window ?? described(\.kernelSize) ?? 7
        guard kernel > 0 else {
            throw ModelError.impossible(
                file: checkpoint.path, what: "window", value: "\(kernel)", need: "at least 1")
        }
        let pattern: AttentionPattern
        if let given = source.pattern {
            pattern = given
        } else if let text = described(\.attention) {
            guard let named = AttentionPattern(text) else {
                throw ModelError.impossible(
                    file: checkpoint.path, what: "attention", value: "'\(text)'",
                    need: "full, window-N, scale or spatial-K")
            }
            pattern = named
        } else {
            pattern = isVAR(checkpoint) ? .full : .spatial(kernel: kernel)
        }
        guard let window = source.window else { return pattern }
        guard case .spatial(let named) = pattern, source.pattern == nil || named == window else {
            throw ModelError.unusedWindow(window, pattern: pattern)
        }
        return .spatial(kernel: window)
    }

    /// Whether the checkpoint is in one of VAR's forms, or was converted from one.
    package func isVAR(_ checkpoint: Checkpoint) -> Bool {
        switch checkpoint.form {
        case .varModel, .varTrainer: true
        case .mvarModel, .mvarTrainer, .tokenizer: false
        case .safetensors, .modelFolder: described(\.checkpointForm)?.hasPrefix("var") ?? false
        }
    }

    // MARK: Tokenizer

    package func tokenizer(_ checkpoint: Checkpoint, for model: TransformerConfiguration?) throws
        -> TokenizerConfiguration
    {
        let file = checkpoint.path
        let shape = try checkpoint.tokenizerShape()
        let schedule: ScaleSchedule
        if let model {
            schedule = model.schedule
        } else {
            schedule = try self.schedule(file: file, recorded: nil, tokens: nil, scales: shape.scaleCount)
        }
        if let scales = shape.scaleCount, scales != schedule.count {
            throw ModelError.impossible(
                file: file, what: "number of scales", value: "\(scales)", need: "\(schedule.count) (\(schedule))")
        }
        try require("group_norm_eps", described(\.groupNormEpsilon), is: 1e-6, file: file)
        try require("group_norm_groups", described(\.groupNormGroups), is: 32, file: file)
        if let model {
            try Self.check("the number of codes", model.vocabularySize, shape.vocabularySize)
            try Self.check("the number of latent channels", model.latentChannels, shape.latentChannels)
        }
        return TokenizerConfiguration(
            channels: shape.channels, multipliers: shape.channelMultipliers, latentChannels: shape.latentChannels,
            vocabularySize: shape.vocabularySize, schedule: schedule, sharedResidualConvolutions: shape.phiSharing,
            residualRatio: described(\.phiRatio) ?? 0.5, comparesByCosine: described(\.usesCosineCodes) ?? false)
    }

    /// Refuses a value that no tensor shows and the program has built in: ignored, it would make other numbers.
    private func require<Value: Equatable>(
        _ key: String, _ found: Value?, is value: Value, file: String
    ) throws(ModelError) {
        guard let found, found != value else { return }
        throw .impossible(file: file, what: key, value: "\(found)", need: "\(value)")
    }

    private static func check(_ what: String, _ model: Int, _ tokenizer: Int) throws(ModelError) {
        guard model == tokenizer else {
            throw .mismatch(what: what, model: "\(model)", tokenizer: "\(tokenizer)")
        }
    }

    // MARK: Schedule

    private func schedule(file: String, recorded: [Int]?, tokens: Int?, scales: Int?) throws -> ScaleSchedule {
        let schedule: ScaleSchedule
        if let given = source.schedule {
            guard recorded == nil || recorded == given.sides else {
                throw ModelError.impossible(
                    file: file, what: "schedule", value: "\(given)",
                    need:
                        "\((recorded ?? []).map(String.init).joined(separator: ",")), which its tensors record: leave --schedule out"
                )
            }
            schedule = given
        } else if let sides = recorded ?? described(\.schedule) {
            schedule = try ScaleSchedule(sides)
        } else if let published = ScaleSchedule.published(tokenCount: tokens ?? ScaleSchedule.published256.tokenCount) {
            schedule = published
        } else {
            throw ModelError.unknownSchedule(file: file, tokens: tokens ?? 0, scales: scales)
        }
        guard tokens == nil || schedule.tokenCount == tokens, scales == nil || schedule.count == scales else {
            throw ModelError.contradictorySchedule(
                file: file, schedule: schedule.sides, tokens: tokens, scales: scales)
        }
        return schedule
    }
}
