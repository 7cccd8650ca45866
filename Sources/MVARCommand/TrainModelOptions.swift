import ArgumentParser
import MVAR

/// The network that is trained.
struct TrainedNetworkOptions: ParsableArguments, SettingOptions {
    @Option(
        help: ArgumentHelp(
            "Begin with the weights of this model: a file of VAR or MVAR, a .safetensors file, or a folder.",
            discussion: """
                Its shape is taken, but for the attention pattern, which is --attention's whatever masks the file holds. \
                Where there is another number of classes, only their vectors begin anew.
                """, valueName: "path"),
        completion: .file())
    var from: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The number of blocks. (default: 6, or --from's)", valueName: "N"))
    var depth: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Channels of a token. (default: 64 for every block, or --from's)", valueName: "N"))
    var width: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Attention heads, a divisor of --width. (default: one for every 64 channels)", valueName: "N"))
    var heads: Int?

    @Option(
        help: ArgumentHelp(
            "Which tokens see which. (default: spatial-7)", discussion: ShapeOptions.patterns, valueName: "pattern"))
    var attention: AttentionPattern?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "The first scale, counted from 0, at which spatial-K looks at neighbours only. (default: the first of side 13 or more)",
            valueName: "N"))
    var firstSpatialScale: Int?

    @Option(
        name: [.customLong("shared-ada-ln"), .customLong("saln")],
        help: ArgumentHelp("1: all blocks share one AdaLN. (default: 0)", valueName: "0|1"))
    var sharedAdaLN: Int?

    @Option(
        name: [.customLong("l2-norm"), .customLong("anorm")],
        help: ArgumentHelp(
            "0: queries and keys are compared as they are, not by cosine. (default: 1)", valueName: "0|1"))
    var l2Norm: Int?

    @Option(
        name: .customLong("hd"), parsing: .unconditional,
        help: ArgumentHelp("What fresh weights of the head are multiplied by. (default: 0.02)", valueName: "X"))
    var head: Double?

    @Option(
        name: .customLong("aln"), parsing: .unconditional,
        help: ArgumentHelp("The same of AdaLN's scales and shifts. (default: 0.5)", valueName: "X"))
    var adaLN: Double?

    @Option(
        name: .customLong("alng"), parsing: .unconditional,
        help: ArgumentHelp("The same of AdaLN's gains. (default: 0.001)", valueName: "X"))
    var gain: Double?

    @Option(
        name: .customLong("ini"), parsing: .unconditional,
        help: ArgumentHelp(
            "The standard deviation of fresh weights; below 0 for the default. (default: the root of 1 / 3 of --width)",
            valueName: "X"))
    var deviation: Double?

    func validate() throws {
        for (option, value) in [("--shared-ada-ln", sharedAdaLN), ("--l2-norm", l2Norm)] {
            if let value, value != 0, value != 1 {
                throw OptionError(option: option, value: "\(value)", need: "0 or 1")
            }
        }
        guard let from else { return }
        let shape = [
            ("--depth", depth), ("--width", width), ("--heads", heads), ("--shared-ada-ln", sharedAdaLN),
            ("--l2-norm", l2Norm),
        ]
        if let (option, value) = shape.first(where: { $0.1 != nil }), let value {
            throw OptionError(option: option, value: "\(value)", need: "left out: the shape is that of '\(from)'")
        }
    }

    func set(in overlay: inout SettingsOverlay) throws {
        try overlay.set("training", "from", to: from)
        try overlay.set("training", "model", "depth", to: depth)
        try overlay.set("training", "model", "embed_dim", to: width)
        try overlay.set("training", "model", "num_heads", to: heads)
        try overlay.set("training", "model", "attention", to: attention)
        try overlay.set("training", "model", "refine_step", to: firstSpatialScale)
        try overlay.set("training", "model", "shared_aln", to: sharedAdaLN.map { $0 == 1 })
        try overlay.set("training", "model", "attn_l2_norm", to: l2Norm.map { $0 == 1 })
        try overlay.set("training", "initial", "head", to: head)
        try overlay.set("training", "initial", "ada_ln", to: adaLN)
        try overlay.set("training", "initial", "gain", to: gain)
        let isAutomatic = deviation.map { $0 < 0 } ?? false
        if isAutomatic { overlay.remove("training", "initial", "deviation") }
        try overlay.set("training", "initial", "deviation", to: isAutomatic ? nil : deviation)
    }
}

/// Which scales a step learns.
struct GroupsOption: ParsableArguments, SettingOptions {
    @Option(
        help: ArgumentHelp(
            "Which scales a step learns. (default: all)",
            discussion: """
                all: every one, in groups one after another where no token sees other scales, which gives the same \
                gradients as one pass over all and takes less memory. cycle:N: the coarse scales in N steps of a \
                cycle, then each fine one in one, as MVAR's public code does with N = 8.
                """, valueName: "groups"))
    var groups: ScaleGroups?

    @Flag(help: "Compute activations twice, to save most of their memory.")
    var recompute = false

    func set(in overlay: inout SettingsOverlay) throws {
        try overlay.set("training", "groups", to: groups)
        try overlay.set("training", "recompute", to: recompute ? true : nil)
    }
}

/// How a model learns.
struct ModelLearningOptions: ParsableArguments, SettingOptions {
    @Option(
        name: [.long, .customLong("tblr")], parsing: .unconditional,
        help: ArgumentHelp(
            "The highest learning rate for 256 pictures a step, instead of --learning-rate; it grows with --batch.",
            valueName: "X"))
    var baseLearningRate: Double?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("How often a label is left out, for guidance; in 0...1. (default: 0.1)", valueName: "X"))
    var labelDrop: Double?

    @Option(
        name: [.long, .customLong("ls")], parsing: .unconditional,
        help: ArgumentHelp("The share of the target that is spread over all codes. (default: 0)", valueName: "X"))
    var labelSmoothing: Double?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "How often a picture leaves out a branch of the last block, evenly less often before. (default: 0)",
            discussion: "VAR's models learned with a tenth of their depth divided by 24: 0.067 for a d16.",
            valueName: "X"))
    var pathDrop: Double?

    @Option(
        name: [.long, .customLong("ac")], parsing: .unconditional,
        help: ArgumentHelp(
            "In how many parts a step's pictures are gone through, one after another, to save memory. (default: 1)",
            valueName: "N"))
    var accumulate: Int?

    @Option(
        help: ArgumentHelp(
            "The scales that are learned, counted from 1, as 1-8,10. (default: all)", valueName: "scales"))
    var scales: ScaleSelection?

    @Option(
        name: [.customLong("progressive"), .customLong("pg")], parsing: .unconditional,
        help: ArgumentHelp(
            "Begin with few scales and take in the others up to this share of the run; 0 for all from the start. (default: 0)",
            valueName: "X"))
    var progressive: Double?

    @Option(
        name: .customLong("pg0"), parsing: .unconditional,
        help: ArgumentHelp("The last scale that such a run begins with, counted from 0. (default: 4)", valueName: "N"))
    var firstStage: Int?

    @Option(
        name: .customLong("pgwp"), parsing: .unconditional,
        help: ArgumentHelp("Epochs in which a scale that is new counts more and more. (default: 0)", valueName: "X"))
    var stageWarmUp: Double?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Steps between sheets of pictures by the weights of then, two of each of the first 8 classes, in the run's folder 'samples' and in TensorBoard. (default: 0, never)",
            valueName: "N"))
    var sampleEvery: Int?

    func validate() throws {
        if let firstStage, !(0..<1024).contains(firstStage) {
            throw OptionError(option: "--pg0", value: "\(firstStage)", need: "in 0...1023")
        }
    }

    func set(in overlay: inout SettingsOverlay) throws {
        try overlay.set("training", "base_learning_rate", to: baseLearningRate)
        try overlay.set("training", "label_drop", to: labelDrop)
        try overlay.set("training", "label_smoothing", to: labelSmoothing)
        try overlay.set("training", "path_drop", to: pathDrop)
        try overlay.set("training", "accumulation", to: accumulate)
        try overlay.set("training", "scales", to: scales)
        try overlay.set("training", "rhythm", "samples", to: sampleEvery)
        try setStages(in: &overlay)
    }

    private func setStages(in overlay: inout SettingsOverlay) throws {
        if progressive == 0 { return overlay.remove("training", "progressive") }
        var stages: ProgressiveScales? = overlay.value("training", "progressive")
        if let progressive {
            stages = stages ?? ProgressiveScales(until: progressive)
            stages?.until = progressive
        }
        if stages == nil, firstStage != nil || stageWarmUp != nil {
            throw ValidationError("--pg0 and --pgwp say how --progressive goes: give it too")
        }
        if let firstStage { stages?.first = firstStage + 1 }
        if let stageWarmUp { stages?.warmUpEpochs = stageWarmUp }
        try overlay.set("training", "progressive", to: stages)
    }
}
