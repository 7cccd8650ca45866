import CTorch

extension Tensor {
    /// Whether operations on this tensor are recorded for `backward`.
    public var requiresGradient: Bool { ctorch_tensor_requires_gradient(handle) }

    /// Makes this tensor one with respect to which gradients are taken, or no longer.
    public func setRequiresGradient(_ value: Bool = true) throws(TorchError) {
        try check(ctorch_tensor_set_requires_gradient(handle, value), "requiring a gradient", self)
    }

    /// Adds the gradients of this scalar to every tensor that it depends on and that requires one.
    public func backward() throws(TorchError) {
        try check(ctorch_tensor_backward(handle, nil), "backward", self)
    }

    /// As `backward()`, for a tensor that is not a scalar: `gradient` weighs its elements.
    public func backward(_ gradient: Tensor) throws(TorchError) {
        try check(ctorch_tensor_backward(handle, gradient.handle), "backward", self, gradient)
    }

    /// The gradient that `backward` left here; `nil` where there is none.
    public var gradient: Tensor? {
        var result: CTorchTensor?
        guard ctorch_tensor_gradient(handle, &result) == 0, let result else { return nil }
        return Tensor(adopting: result)
    }

    /// The gradient of Σ weights · self with respect to one tensor.
    ///
    /// Other than `backward` it leaves every tensor's own gradient as it is, and `backward` can follow.
    ///
    /// - Parameters:
    ///   - input: What this tensor was computed from.
    ///   - weights: As large as this tensor.
    /// - Returns: As large as `input`.
    /// - Throws: ``TorchError`` where this tensor does not depend on `input` or memory runs out.
    public func derivative(withRespectTo input: Tensor, weights: Tensor) throws(TorchError) -> Tensor {
        try Tensor.adopting("derivative", self, weights, input) {
            ctorch_tensor_gradient_of(handle, weights.handle, input.handle, $0)
        }
    }

    /// Calls `observer` whenever `backward` has added to the gradient of this tensor, a leaf that requires one: on the thread
    /// that did it, with operations unrecorded. Takes the place of an earlier observer.
    public func observeGradient(_ observer: @escaping () -> Void) throws(TorchError) {
        final class Box {
            let observer: () -> Void
            init(_ observer: @escaping () -> Void) { self.observer = observer }
        }
        let status = ctorch_tensor_observe_gradient(
            handle,
            { context in if let context { Unmanaged<Box>.fromOpaque(context).takeUnretainedValue().observer() } },
            { context in if let context { Unmanaged<Box>.fromOpaque(context).release() } },
            Unmanaged.passRetained(Box(observer)).toOpaque())
        try check(status, "observing a gradient", self)
    }

    /// Replaces the gradient; `nil` drops it.
    public func setGradient(_ gradient: Tensor?) throws(TorchError) {
        try check(ctorch_tensor_set_gradient(handle, gradient?.handle), "setting a gradient", self)
    }
}

/// Runs `body` without recording operations for `backward`, on this thread.
///
/// Grad mode belongs to the thread, so the body is synchronous: nothing in it can move to another thread.
///
/// - Parameter body: What to run.
/// - Returns: What `body` returns.
/// - Throws: What `body` throws.
public func withoutGradients<Result, Failure>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    let before = ctorch_set_gradients_enabled(false)
    defer { _ = ctorch_set_gradients_enabled(before) }
    return try body()
}
