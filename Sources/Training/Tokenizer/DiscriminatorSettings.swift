public import NeuralNetworks

/// The discriminator that reconstructions have to pass, and how it learns.
public struct DiscriminatorSettings: Codable, Hashable, Sendable {
    /// Channels of its first convolution, a multiple of 32; each further one has twice as many, up to eight times.
    public var channels: Int
    /// How often it halves the sides: it judges patches of 16, 34, 70, 142, … pixels.
    public var layers: Int
    /// How strongly it pulls at the decoder's last layer, as a multiple of what the reconstruction error does.
    public var weight: Double
    /// The step, from 0, from which it learns and is listened to.
    public var start: Int
    /// Its highest learning rate, which rises and falls as the tokenizer's does.
    public var learningRate: Double
    /// Of its AdamW.
    public var optimizer: AdamW.Settings

    enum CodingKeys: String, CodingKey {
        case channels, layers, weight, start, optimizer
        case learningRate = "learning_rate"
    }

    /// The settings of the public VQGAN, but for the learning rate and the start, which are those of short runs.
    public init(
        channels: Int = 64, layers: Int = 3, weight: Double = 0.8, start: Int = 2000, learningRate: Double = 2e-4,
        optimizer: AdamW.Settings = .init(beta1: 0.5, beta2: 0.9, weightDecay: 0)
    ) {
        self.channels = channels
        self.layers = layers
        self.weight = weight
        self.start = start
        self.learningRate = learningRate
        self.optimizer = optimizer
    }

    /// The least side of a picture that has a patch to be judged.
    var smallestSide: Int { 3 << layers }
}
