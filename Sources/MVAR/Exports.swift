// One import for users of the library: `import MVAR`.
@_exported public import Checkpoints
@_exported public import ImageTokenizer
@_exported public import Images
@_exported public import Models
@_exported public import NeuralNetworks
@_exported public import Sampling
@_exported public import ScaleTransformer
@_exported public import TokenPyramid
@_exported public import Torch
@_exported public import Training
