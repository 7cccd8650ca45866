import Foundation
import ImageTokenizer
public import Models
import NeuralNetworks
import Sampling
import ScaleTransformer
import TokenPyramid
import Torch

/// The memory that generation takes beside the weights, by the largest tensors that stand beside each other.
///
/// A batch needs room for the scale with the most tokens, for logits and for pictures that are decoded, and for nothing that
/// grows with the number of scales, but for patterns that look back.
public struct BatchMemory: Hashable, Sendable {
    /// What each picture of a batch takes, in bytes.
    public let bytesOfPicture: Int
    /// What a batch of any size takes, in bytes.
    public let sharedBytes: Int

    /// The memory of a model's batches.
    ///
    /// - Parameters:
    ///   - model: The model, where it is and in what it computes.
    ///   - isGuided: Whether each picture is predicted a second time without its class.
    public init(_ model: LoadedModel, isGuided: Bool) {
        let transformer = model.transformer
        let configuration = transformer.configuration
        let rows = isGuided ? 2 : 1
        let bytes = transformer.device == .cpu ? 4 : transformer.precision.dtype.byteCount
        let tokens = configuration.schedule.sides.map { $0 * $0 }.max() ?? 0
        // The residual stream, what a block's half reads of it and what it adds, and the widest layer between: the feed-forward
        // network's, or queries, keys and values.
        let channels = 3 * configuration.width + max(configuration.hiddenWidth, 3 * configuration.width)
        let kept = configuration.schedule.sides.indices.map { scale in
            configuration.pattern.scalesToKeep(after: scale, of: configuration.schedule.count)
                .reduce(0) { $0 + configuration.schedule.tokenCount(ofScale: $1) }
        }
        let keysAndValues = 2 * configuration.width * configuration.depth * (kept.max() ?? 0)
        let tokenizer = model.tokenizer.configuration
        // f̂ before and after each scale, and two more for what is made of it.
        let latents =
            (configuration.schedule.count + 2) * tokenizer.latentChannels * configuration.schedule.latentSide
            * configuration.schedule.latentSide
        // The six vectors of every block; with guidance once more for scales that have none.
        let conditions = (isGuided ? rows + 1 : rows) * configuration.depth * 6 * configuration.width
        bytesOfPicture = (rows * (tokens * channels + keysAndValues) + conditions) * bytes + 4 * latents
        // Of logits, both halves of guidance and what is drawn from; of the decoder's largest map, what a block of it holds.
        sharedBytes = 3 * ImageGeneration.logitBytesAtOnce + 4 * VisualTokenizer.mapBytesAtOnce
    }

    /// The most that a batch takes unasked, whatever the memory: products got as fast as they get long before, many
    /// processes have batches to share, and a kill costs few pictures. (LibTorch's attention on a GPU takes up to 65,535
    /// rows.)
    public static let largestBatch = 512

    /// How many pictures fit, at least one and at most ``largestBatch``: a power of two, so that GPUs of one kind take batches
    /// of one size. A tenth of the memory is left for what is not counted.
    ///
    /// - Parameters:
    ///   - bytes: The memory beside the weights.
    ///   - pictures: How many there are to make.
    /// - Returns: The number of pictures.
    public func largestBatch(fitting bytes: Int, of pictures: Int = .max) -> Int {
        let fitting = min(Self.largestBatch, pictures, (bytes / 10 * 9 - sharedBytes) / bytesOfPicture)
        return 1 << (Int.bitWidth - 1 - max(1, fitting).leadingZeroBitCount)
    }
}

extension ImageGenerator {
    /// A batch that suits the device: on a GPU as large as its free memory allows, on the CPU ``usualBatch``, beyond which
    /// nothing gets faster, or less where memory is short.
    ///
    /// - Parameters:
    ///   - parameters: How tokens are chosen.
    ///   - pictures: How many there are to make.
    /// - Returns: The number of pictures.
    /// - Throws: ``Torch/TorchError`` where a GPU does not tell its memory.
    public func automaticBatch(_ parameters: SamplingParameters, of pictures: Int = .max) throws -> Int {
        let memory = BatchMemory(model, isGuided: parameters.guidance > 0)
        guard case .cuda(let index) = model.transformer.device else {
            let fitting = Self.availableMemory.map { memory.largestBatch(fitting: $0) }
            return min(Self.usualBatch, fitting ?? Self.usualBatch)
        }
        return try memory.largestBatch(fitting: LibTorch.freeCUDAMemory(device: index), of: pictures)
    }

    /// The batch where nobody asks for another.
    public static let usualBatch = 8

    /// The memory of this machine that nobody uses, in bytes; nil where the system does not tell.
    private static var availableMemory: Int? {
        FileManager.default.contents(atPath: "/proc/meminfo").flatMap { text in
            String(decoding: text, as: UTF8.self).firstMatch(of: #/MemAvailable: +(\d+) kB/#).flatMap { Int($0.1) }
        }.map { $0 * 1024 }
    }
}
