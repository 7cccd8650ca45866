public import NeuralNetworks
public import Torch

/// Hands out parameters that are trained, each in the type in which it takes part in the computation.
///
/// The optimizer moves float32 masters. Where a layer computes in another type, its tensor is a rounded copy that
/// `gatherGradients()` and `publish()` keep in step with the master.
public final class TrainableParameters: ParameterSource {
    private var source: (any ParameterSource)?
    private let dtype: (String) -> DType
    /// What the layers compute with, in the same order: the masters themselves, or rounded copies of them.
    private(set) var copies: [Tensor] = []

    /// The float32 masters by name, in the order of the layers.
    public private(set) var masters: [(name: String, tensor: Tensor)] = []

    /// - Parameters:
    ///   - source: Where the values come from.
    ///   - dtype: The type in which the parameter of that name is computed with.
    public init(_ source: any ParameterSource, dtype: @escaping (String) -> DType = { _ in .float32 }) {
        self.source = source
        self.dtype = dtype
    }

    /// The parameter of that name, ready for gradients.
    public func parameter(_ name: String, shape: [Int], initial: InitialValue) throws(TorchError) -> Tensor {
        guard let source else { preconditionFailure("\(name) was asked for after the last parameter") }
        let master = try source.parameter(name, shape: shape, initial: initial).converted(to: .float32).cloned()
        let copy = dtype(name) == .float32 ? master : try master.converted(to: dtype(name))
        try copy.setRequiresGradient()
        masters.append((name, master))
        copies.append(copy)
        return copy
    }

    /// Lets go of the values that the parameters began with: there are no more to hand out.
    func complete() { source = nil }

    /// The master of that name.
    public subscript(name: String) -> Tensor? { masters.first { $0.name == name }?.tensor }

    /// The tensor that layers compute with under that name: the master, or its rounded copy.
    func computed(_ name: String) -> Tensor? { masters.firstIndex { $0.name == name }.map { copies[$0] } }

    /// Drops all gradients.
    func dropGradients() throws(TorchError) {
        for (index, copy) in copies.enumerated() {
            try copy.setGradient(nil)
            if copy !== masters[index].tensor { try masters[index].tensor.setGradient(nil) }
        }
    }

    /// Gives the masters the gradients of their copies.
    func gatherGradients() throws(TorchError) {
        for (index, copy) in copies.enumerated() where copy !== masters[index].tensor {
            try masters[index].tensor.setGradient(copy.gradient?.converted(to: .float32))
        }
    }

    /// Gives the copies the values of their masters.
    func publish() throws(TorchError) {
        try withoutGradients { () throws(TorchError) in
            for (index, copy) in copies.enumerated() where copy !== masters[index].tensor {
                try copy.assign(masters[index].tensor)
            }
        }
    }
}

/// A running average of parameters: steadier than their last values.
final class AveragedParameters {
    private let parameters: TrainableParameters
    let decay: Double
    private(set) var averages: [(name: String, tensor: Tensor)] = []

    /// `decay` is that of a long run; early on the average forgets faster, so that it does not remember the start.
    init(_ parameters: TrainableParameters, decay: Double) throws(TorchError) {
        self.parameters = parameters
        self.decay = decay
        for (name, master) in parameters.masters { averages.append((name, try master.detached().cloned())) }
    }

    /// Takes in the parameters after a step, from 0.
    func update(step: Int) throws(TorchError) {
        let decay = min(decay, Double(1 + step) / Double(10 + step))
        try withoutGradients { () throws(TorchError) in
            for (index, (_, master)) in parameters.masters.enumerated() {
                try averages[index].tensor.multiply(by: decay)
                try averages[index].tensor.add(master, times: 1 - decay)
            }
        }
    }

    /// The average of that name.
    subscript(name: String) -> Tensor? { averages.first { $0.name == name }?.tensor }
}
