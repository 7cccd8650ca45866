import NeuralNetworks
import Torch

/// The last normalisation and the projection to the vocabulary, in float32 whatever the blocks compute in.
struct PredictionHead {
    private let adaLN: Linear  // C → (scale, shift); its own also where the blocks share one
    private let projection: Linear  // C → V

    init(
        _ configuration: TransformerConfiguration, at path: ParameterPath, initial: InitialValues
    ) throws(TorchError) {
        let width = configuration.width
        adaLN = try Linear(
            from: width, to: 2 * width, at: path / "head_nm" / "ada_lin" / 1, initial: initial.headAdaLNWeight)
        projection = try Linear(
            from: width, to: configuration.vocabularySize, at: path / "head", initial: initial.headWeight)
    }

    /// (scale, shift), each `[B, 1, C]`. `activated`: SiLU(c), `[B, C]`.
    func modulation(_ activated: Tensor) throws(TorchError) -> (scale: Tensor, shift: Tensor) {
        let shape = activated.shape
        let parts = try adaLN(activated.converted(to: .float32)).reshaped(shape[0], 2, 1, shape[1]).unbound(axis: 1)
        return (parts[0], parts[1])
    }

    /// `[B, T, C]` → logits, `[B, T, V]`, float32.
    func callAsFunction(_ x: Tensor, modulation: (scale: Tensor, shift: Tensor)) throws(TorchError) -> Tensor {
        try projection(
            x.converted(to: .float32).normalized(Modulation(scale: modulation.scale, shift: modulation.shift)))
    }
}
