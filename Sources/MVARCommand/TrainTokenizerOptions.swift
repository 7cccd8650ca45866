import ArgumentParser
import MVAR

/// The tokenizer that is trained.
struct TrainedTokenizerOptions: ParsableArguments, SettingOptions {
    private static let defaults = TokenizerConfiguration.small

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Channels at full resolution, a multiple of 32. (default: \(defaults.channels))", valueName: "N"))
    var channels: Int?

    @Option(
        help: ArgumentHelp(
            "Channels of each level as multiples of --channels. (default: \(defaults.multipliers.map(String.init).joined(separator: ",")))",
            discussion: "Each level but the first halves the sides: three make a latent of a quarter.",
            valueName: "N,…"),
        transform: Self.multipliers)
    var multipliers: [Int]?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Channels of the latent. (default: \(defaults.latentChannels))", valueName: "N"))
    var latentChannels: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The number of codes. (default: \(defaults.vocabularySize))", valueName: "N"))
    var vocabulary: Int?

    @Option(
        name: [.long, .customLong("pn")],
        help: ArgumentHelp(
            "The sides of the token maps, coarse to fine. (default: \(defaults.schedule))",
            discussion: """
                The last is the side of the latent, and so says the side of the pictures: 16 with three levels is 64 \
                pixels, to which all pictures are brought.
                """,
            valueName: "sides"),
        transform: { try ScaleSchedule(commaSeparated: $0.replacing("_", with: ",")) })
    var schedule: ScaleSchedule?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "The side of the pictures in pixels, which must be what --schedule and --multipliers make it.",
            discussion: "For being sure: a schedule for other pictures is refused then.", valueName: "N"))
    var side: Int?

    func set(in overlay: inout SettingsOverlay) throws {
        try overlay.set("training", "tokenizer", "ch", to: channels)
        try overlay.set("training", "tokenizer", "ch_mult", to: multipliers)
        try overlay.set("training", "tokenizer", "z_channels", to: latentChannels)
        try overlay.set("training", "tokenizer", "vocab_size", to: vocabulary)
        try overlay.set("training", "tokenizer", "schedule", to: schedule)
    }

    /// Throws where the pictures are not of the side that was asked for.
    func checkSide(of configuration: TokenizerConfiguration) throws {
        guard let side, side != configuration.imageSide else { return }
        let (stride, levels) = (configuration.stride, configuration.multipliers.count)
        guard side > 0, side % stride == 0 else {
            throw OptionError(
                option: "--side", value: "\(side)",
                need: "a multiple of \(stride), which is the stride of \(levels) --multipliers")
        }
        throw OptionError(
            option: "--schedule", value: "\(configuration.schedule)",
            need: "one that ends with \(side / stride): at a stride of \(stride) pictures of \(side) pixels have "
                + "latents of \(side / stride) × \(side / stride)")
    }

    private static func multipliers(_ text: String) throws -> [Int] {
        let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
        guard numbers.allSatisfy({ (1...64).contains($0) }), numbers.count <= 8 else {
            throw ValidationError("they are up to 8 numbers in 1...64, as in 1,1,2")
        }
        return numbers
    }
}

/// What is minimised.
struct ReconstructionOptions: ParsableArguments, SettingOptions {
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The weight of the mean absolute error. (default: 0.4)", valueName: "X"))
    var l1: Double?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The weight of the mean squared error. (default: 2)", valueName: "X"))
    var l2: Double?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("How much the encoder is drawn to the codes (β). (default: 0.25)", valueName: "X"))
    var commitment: Double?

    func set(in overlay: inout SettingsOverlay) throws {
        try overlay.set("training", "l1", to: l1)
        try overlay.set("training", "l2", to: l2)
        try overlay.set("training", "commitment", to: commitment)
    }
}

/// A network that says how different pictures look.
struct PerceptualOptions: ParsableArguments, SettingOptions {
    @Option(
        help: ArgumentHelp(
            "A perceptual network, a TorchScript file.",
            discussion: """
                Its forward takes reconstructions and pictures, two float32 tensors [B, 3, H, W] in -1...1, and \
                returns a tensor of floating point whose mean is the loss; gradients must flow to the first. Its \
                weights stay as they are. Such a file is a program, which runs with all your rights: take it from \
                nobody whom you do not trust.
                """, valueName: "file"),
        completion: .file())
    var perceptual: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The weight of what the perceptual network returns. (default: 1)", valueName: "X"))
    var perceptualWeight: Double?

    func set(in overlay: inout SettingsOverlay) throws {
        if !overlay.has("training", "perceptual") {
            if perceptual == nil, perceptualWeight != nil {
                throw ValidationError("--perceptual-weight is for a network: give --perceptual too")
            }
            try overlay.set("training", "perceptual", to: perceptual.map { PerceptualSettings(file: $0) })
        }
        try overlay.set("training", "perceptual", "file", to: perceptual)
        try overlay.set("training", "perceptual", "weight", to: perceptualWeight)
    }
}

/// What tells reconstructions from pictures.
struct DiscriminatorOptions: ParsableArguments, SettingOptions {
    @Flag(help: "Train a patch discriminator beside it, which reconstructions have to pass.")
    var discriminator = false

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "The step from which it takes part. (default: \(standard.start))",
            discussion: "Until then reconstructions are so far off that it would learn the obvious.",
            valueName: "N"))
    var discriminatorStart: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "How strongly it pulls at the decoder's last layer, as a multiple of what the reconstruction error does. (default: \(standard.weight))",
            valueName: "X"))
    var discriminatorWeight: Double?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Its highest learning rate; it rises and falls as --learning-rate does. (default: \(standard.learningRate))",
            valueName: "X"))
    var discriminatorLearningRate: Double?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Channels of its first convolution, a multiple of 32. (default: \(standard.channels))", valueName: "N"))
    var discriminatorChannels: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "How often it halves the sides: 1, 2, 3 and 4 judge patches of 16, 34, 70 and 142 pixels. (default: \(standard.layers))",
            valueName: "N"))
    var discriminatorLayers: Int?

    private static let standard = DiscriminatorSettings()

    func set(in overlay: inout SettingsOverlay) throws {
        if !overlay.has("training", "discriminator") {
            guard discriminator else { return try refuseLonely() }
            try overlay.set("training", "discriminator", to: Self.standard)
        }
        try overlay.set("training", "discriminator", "start", to: discriminatorStart)
        try overlay.set("training", "discriminator", "weight", to: discriminatorWeight)
        try overlay.set("training", "discriminator", "learning_rate", to: discriminatorLearningRate)
        try overlay.set("training", "discriminator", "channels", to: discriminatorChannels)
        try overlay.set("training", "discriminator", "layers", to: discriminatorLayers)
    }

    /// Throws where something is said about a discriminator that there is not.
    private func refuseLonely() throws {
        let given: [(String, Bool)] = [
            ("start", discriminatorStart != nil), ("weight", discriminatorWeight != nil),
            ("learning-rate", discriminatorLearningRate != nil), ("channels", discriminatorChannels != nil),
            ("layers", discriminatorLayers != nil),
        ]
        if let (name, _) = given.first(where: \.1) {
            throw ValidationError("--discriminator-\(name) needs --discriminator")
        }
    }
}

/// New life for codes that nothing uses.
struct RevivalOptions: ParsableArguments, SettingOptions {
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Steps between looks for codes that nothing uses, which move to vectors of the latest pictures. (default: 10)",
            valueName: "N"))
    var reviveEvery: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Codes used less than this share of the mean are moved; 0 or more and below 1, 0 moves none. (default: 0.02)",
            valueName: "X"))
    var reviveBelow: Double?

    func set(in overlay: inout SettingsOverlay) throws {
        try overlay.set("training", "revival_interval", to: reviveEvery)
        try overlay.set("training", "dead_share", to: reviveBelow)
    }
}
