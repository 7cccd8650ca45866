import MVAR

/// What makes pictures fast or small and can be left out, to measure what it is worth.
package enum Saving: String, CaseIterable, Sendable {
    /// Linear layers, convolutions and neighbourhood attention by operators of our own instead of LibTorch's.
    case linear, convolution, attention
    /// On a GPU: what stands between the products of a block, and the draw, by operators of our own; one CUDA graph for all.
    case modulation, draw, graph
    /// Keeping freed memory for what is allocated next.
    case memory

    private var operators: OwnOperator? { OwnOperator(rawValue: rawValue) }

    /// Runs `body` without some of them.
    ///
    /// Memory is the whole process's: it is left out from then on.
    package static func leavingOut(_ savings: [Saving], _ body: () throws -> Void) rethrows {
        if savings.contains(.memory) { LibTorch.returnFreedMemory() }
        try LibTorch.$withheldOperators.withValue(Set(savings.compactMap(\.operators)), operation: body)
    }
}
