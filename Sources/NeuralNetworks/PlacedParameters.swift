public import Torch

/// Another source's parameters on a device.
public final class PlacedParameters: ParameterSource {
    private let source: any ParameterSource
    private let device: Device

    /// The parameters of a source, on a device.
    public init(_ source: any ParameterSource, on device: Device) {
        self.source = source
        self.device = device
    }

    /// The parameter of that name, there.
    public func parameter(_ name: String, shape: [Int], initial: InitialValue) throws(TorchError) -> Tensor {
        try source.parameter(name, shape: shape, initial: initial).moved(to: device)
    }
}
