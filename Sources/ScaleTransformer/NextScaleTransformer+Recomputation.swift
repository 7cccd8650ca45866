package import Torch

// Gradients with the activations of one block at a time (Chen et al., "Training Deep Nets with Sublinear Memory Cost",
// arXiv:1604.06174): a second forward pass for most of the memory.
extension NextScaleTransformer {
    /// Adds the gradients of a loss to the parameters, computing every block's activations twice.
    ///
    /// The gradients are those of `loss(logits(…)).backward()`, but for the order of sums before the blocks.
    ///
    /// - Parameters:
    ///   - loss: From the logits, `[B, T, V]`, to a scalar.
    ///   - scales: Neighbouring scales.
    ///   - inputs: As for ``logits(ofScales:inputs:condition:cache:)``.
    ///   - condition: The classes, with what their gradients need.
    /// - Returns: The loss, without what its gradients need.
    /// - Throws: ``Torch/TorchError`` if shapes do not fit or memory runs out.
    package func backward(
        _ loss: (Tensor) throws(TorchError) -> Tensor, ofScales scales: Range<Int>, inputs: Tensor?,
        condition: ClassCondition
    ) throws(TorchError) -> Tensor {
        let start = try embedding(scales: scales, classVectors: condition.classVectors, inputs: inputs)
        let region = try masks.region(ofScales: scales)
        var modulations: [Leaves] = []
        for block in condition.blocks { modulations.append(try Leaves(block.parts)) }
        let headModulation = try Leaves([condition.head.scale, condition.head.shift])

        var stream = [try start.detached()]
        try withoutGradients { () throws(TorchError) in
            for (index, block) in blocks.enumerated() {
                let modulation = BlockModulation(parts: modulations[index].tensors)
                stream.append(try block(stream[index], modulation: modulation, reading: region))
            }
        }
        let last = try Leaves([stream.removeLast()])
        let modulation = (scale: headModulation.tensors[0], shift: headModulation.tensors[1])
        let value = try loss(head(last.tensors[0], modulation: modulation))
        try value.backward()
        var gradient = try last.gradients()[0]
        for (index, block) in blocks.enumerated().reversed() {
            let input = try Leaves([stream.removeLast()])
            let modulation = BlockModulation(parts: modulations[index].tensors)
            try block(input.tensors[0], modulation: modulation, reading: region).backward(gradient)
            gradient = try input.gradients()[0]
        }
        // One backward pass for all that comes before the blocks, which is one graph: the gradient of Σ x · g is g.
        var rest = try (start * gradient).sum()
        for (leaves, originals) in zip(modulations, condition.blocks.map(\.parts)) {
            rest = try leaves.continuing(rest, into: originals)
        }
        rest = try headModulation.continuing(rest, into: [condition.head.scale, condition.head.shift])
        try rest.backward()
        return try value.detached()
    }
}

/// Copies of tensors at which a part of the graph begins.
private struct Leaves {
    let tensors: [Tensor]

    init(_ originals: [Tensor]) throws(TorchError) {
        var tensors: [Tensor] = []
        for original in originals {
            let leaf = try original.detached()
            try leaf.setRequiresGradient()
            tensors.append(leaf)
        }
        self.tensors = tensors
    }

    /// What reached each of them; zeros where nothing did.
    func gradients() throws(TorchError) -> [Tensor] {
        var gradients: [Tensor] = []
        for tensor in tensors {
            if let gradient = tensor.gradient {
                gradients.append(gradient)
            } else {
                gradients.append(try tensor.detached().zerosLike())
            }
        }
        return gradients
    }

    /// `sum` and a term by whose backward pass the gradients reach the originals.
    func continuing(_ sum: Tensor, into originals: [Tensor]) throws(TorchError) -> Tensor {
        var sum = sum
        for (original, gradient) in zip(originals, try gradients()) where original.requiresGradient {
            sum = try sum + (original * gradient).sum()
        }
        return sum
    }
}
