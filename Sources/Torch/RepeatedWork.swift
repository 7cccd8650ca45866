import CTorch
import Foundation

/// A function of tensors that a GPU does again as a whole, without being told each operator anew (a CUDA graph): what
/// takes the host longer to ask for than the GPU to do gets many times faster.
///
/// The first call runs the function, which also makes libraries and kernels ready. The second one on the same thread
/// records it, and it and all later ones repeat the record. On the CPU, and where recording fails (``obstacle``), every
/// call runs the function.
///
/// The function must always do the same with tensors of the same shapes, read nothing from the device, and bring nothing
/// to it: what changes from call to call are its inputs.
package final class RepeatedWork {
    private let body: ([Tensor]) throws -> [Tensor]
    /// The last thread that ran the function: LibTorch makes NVIDIA's libraries ready for each thread anew, which must not
    /// happen while something is recorded.
    private var readyThread: pthread_t?
    private var record: Record?
    /// Why the work is not repeated as a whole.
    package private(set) var obstacle: String?

    private struct Record {
        let graph: Graph
        let inputs: [Tensor]
        let outputs: [Tensor]
    }

    /// Work that `body` does.
    package init(_ body: @escaping ([Tensor]) throws -> [Tensor]) { self.body = body }

    /// Does the work.
    ///
    /// - Parameter inputs: On one device; in every call of the same shapes and types.
    /// - Returns: What the function returns; tensors of their own.
    /// - Throws: What the function throws, or ``TorchError`` where the device fails.
    package func callAsFunction(_ inputs: [Tensor]) throws -> [Tensor] {
        let thread = pthread_self()
        guard case .cuda(let index)? = inputs.first?.device, record != nil || readyThread == thread, obstacle == nil,
            !LibTorch.withheldOperators.contains(.graph)
        else {
            readyThread = thread
            return try body(inputs)
        }
        if record == nil {
            do {
                record = try recorded(inputs, device: index)
            } catch {
                obstacle = "\(error)"
                return try body(inputs)
            }
        }
        guard let record else { return try body(inputs) }
        for (own, given) in zip(record.inputs, inputs) { try own.assign(given) }
        try record.graph.replay()
        var outputs: [Tensor] = []
        // The next call overwrites the record's.
        for output in record.outputs { outputs.append(try output.cloned()) }
        return outputs
    }

    private func recorded(_ inputs: [Tensor], device index: Int) throws -> Record {
        var own: [Tensor] = []
        for input in inputs { own.append(try input.cloned()) }
        let graph = try Graph(device: index)
        let outputs = try body(own)
        try graph.end()
        return Record(graph: graph, inputs: own, outputs: outputs)
    }
}

/// A CUDA graph, recorded from its beginning on.
private final class Graph {
    private let handle: CTorchGraph

    init(device index: Int) throws(TorchError) {
        var handle: CTorchGraph?
        try check(ctorch_graph_begin(Int32(clamping: index), &handle), "recording a CUDA graph")
        guard let handle else { throw TorchError("recording a CUDA graph", message: "there is none") }
        self.handle = handle
    }

    deinit { ctorch_graph_release(handle) }

    func end() throws(TorchError) { try check(ctorch_graph_end(handle), "recording a CUDA graph") }

    func replay() throws(TorchError) { try check(ctorch_graph_replay(handle), "repeating a CUDA graph") }
}
