package import Checkpoints
package import ImageTokenizer
package import ScaleTransformer
import TokenPyramid

extension ModelDescription {
    /// Says of a transformer what its tensors cannot, and what readers without them want to know.
    package mutating func describe(_ transformer: TransformerConfiguration) {
        depth = transformer.depth
        width = transformer.width
        heads = transformer.heads
        mlpRatio = transformer.mlpRatio
        classes = transformer.classes
        sharesAdaLN = transformer.sharesAdaLN
        normalizesQueriesAndKeys = transformer.normalizesQueriesAndKeys
        refineStep = transformer.firstSpatialScale
        attention = transformer.pattern.description
        if case .spatial(let kernel) = transformer.pattern { kernelSize = kernel }
        schedule = transformer.schedule.sides
        vocabularySize = transformer.vocabularySize
        latentChannels = transformer.latentChannels
    }

    /// The same of a tokenizer.
    package mutating func describe(_ tokenizer: TokenizerConfiguration) {
        channels = tokenizer.channels
        channelMultipliers = tokenizer.multipliers
        latentChannels = tokenizer.latentChannels
        vocabularySize = tokenizer.vocabularySize
        schedule = tokenizer.schedule.sides
        phiSharing = tokenizer.sharedResidualConvolutions
        phiRatio = tokenizer.residualRatio
        usesCosineCodes = tokenizer.comparesByCosine
        imageSize = tokenizer.imageSide
    }
}
