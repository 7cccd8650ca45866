import Foundation
import Testing
import Torch

@Suite("Memory that keeps its pages", .serialized)
struct PagePoolTests {
    /// Tensors come and go in an order like that of forward and backward passes, in sizes that grow, shrink and share
    /// what others left; none may lie over another.
    @Test("Blocks that take over the pages of others hold their own numbers")
    func blocksAreApart() throws {
        guard LibTorch.keepFreedMemory() else { return }
        var state: UInt64 = 7
        func number(below bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        var alive: [(tensor: Tensor, value: Float)] = []
        for round in 0..<400 {
            if alive.count > 12 || (round % 3 == 2 && !alive.isEmpty) {
                let gone = alive.remove(at: number(below: alive.count))
                try expectHolds(gone.tensor, gone.value)
            }
            // From half a MiB, which is the C library's, to 16 MiB, in no whole number of pages.
            let count = 131_000 + number(below: 4_000_000)
            alive.append((try Tensor.full([count], Double(round)), Float(round)))
        }
        for (tensor, value) in alive { try expectHolds(tensor, value) }
    }

    private func expectHolds(_ tensor: Tensor, _ value: Float) throws {
        let least = try -(tensor.negated().maximum().item())
        #expect(try tensor.maximum().item() == Double(value) && least == Double(value))
    }

    @Test("A tensor of more memory than there is is an error, and later ones have room")
    func tooLarge() throws {
        LibTorch.keepFreedMemory()
        let error = try #require(throws: TorchError.self) { try Tensor.zeros([1 << 44]) }
        #expect(error.isOutOfMemory && error.description.contains("70368745 MB"), "\(error)")
        #expect(try Tensor.full([1 << 20], 3).sum().item() == Double(3 << 20))
    }

    @Test(
        "What was made before the memory was kept, and what is freed after it no longer is, are freed as they were made"
    )
    func turnedOnAndOff() throws {
        LibTorch.returnFreedMemory()
        var plain: Tensor? = try Tensor.full([1 << 20], 1)
        LibTorch.keepFreedMemory()
        var kept: Tensor? = try Tensor.full([1 << 20], 2)
        #expect(try plain?.sum().item() == Double(1 << 20))
        plain = nil
        LibTorch.returnFreedMemory()
        #expect(try kept?.sum().item() == Double(2 << 20))
        kept = nil
        LibTorch.keepFreedMemory()
        #expect(try Tensor.full([1 << 20], 4).sum().item() == Double(4 << 20))
    }
}
