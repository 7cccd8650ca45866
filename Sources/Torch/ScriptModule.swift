import CTorch

/// A network from a TorchScript file: a program with its weights, as PyTorch's `torch.jit.save` writes them.
///
/// Loading and calling it run whatever the file holds, which can read and write files: it must come from someone who is
/// trusted. Its weights stay as they are.
public final class ScriptModule {
    private let handle: CTorchModule

    /// Loads a file.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - device: Where its weights go.
    /// - Throws: ``TorchError`` where it cannot be read or holds no TorchScript.
    public init(path: String, on device: Device = .cpu) throws(TorchError) {
        var result: CTorchModule?
        guard ctorch_module_load(path, device.cudaIndex, &result) == 0, let result else {
            throw TorchError("loading TorchScript", message: String(cString: ctorch_last_error()))
        }
        handle = result
    }

    deinit { ctorch_module_release(handle) }

    /// Calls `forward`.
    ///
    /// - Parameter arguments: What it is given; gradients flow back to them.
    /// - Returns: Its only result, of floating point. Equal arguments give equal results bit for bit.
    /// - Throws: ``TorchError`` where it takes other arguments, fails, or returns something else.
    public func callAsFunction(_ arguments: Tensor...) throws(TorchError) -> Tensor {
        let handles = arguments.map(\.handle)
        var result: CTorchTensor?
        guard ctorch_module_call(handle, handles, Int32(handles.count), &result) == 0, let result else {
            throw TorchError(
                "calling TorchScript", shapes: arguments.map(\.shape), message: String(cString: ctorch_last_error()))
        }
        return Tensor(adopting: result)
    }
}
