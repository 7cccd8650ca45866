package import Torch

/// A value that can be saved for PyTorch to load with `weights_only=True`.
package indirect enum PicklableValue {
    case none
    case bool(Bool)
    case integer(Int)
    case float(Double)
    case string(String)
    case list([PicklableValue])
    case tuple([PicklableValue])
    case dictionary([(key: PicklableValue, value: PicklableValue)])
    /// `collections.OrderedDict`, as `state_dict()` returns it.
    case orderedDictionary([(key: PicklableValue, value: PicklableValue)])
    case tensor(Tensor)

    /// A state dict.
    package static func stateDict(_ tensors: [(name: String, tensor: Tensor)]) -> PicklableValue {
        .orderedDictionary(tensors.map { (.string($0.name), .tensor($0.tensor)) })
    }

    /// A dictionary whose keys are strings.
    package static func fields(_ fields: [(name: String, value: PicklableValue)]) -> PicklableValue {
        .dictionary(fields.map { (.string($0.name), $0.value) })
    }
}
