import Testing

@testable import Torch

@Suite("Tensors") struct TensorTests {
    @Test("Values come back as they went in, for every Swift type")
    func roundTrip() throws {
        #expect(try Tensor([1.5, -2, 3] as [Float], shape: [3]).array(of: Float.self) == [1.5, -2, 3])
        #expect(try Tensor([1.5, -2] as [Double], shape: [2]).array(of: Double.self) == [1.5, -2])
        #expect(try Tensor([0, 255] as [UInt8], shape: [2]).array(of: UInt8.self) == [0, 255])
        #expect(try Tensor([-128, 127] as [Int8], shape: [2]).array(of: Int8.self) == [-128, 127])
        #expect(try Tensor([-300, 300] as [Int16], shape: [2]).array(of: Int16.self) == [-300, 300])
        #expect(try Tensor([1 << 30] as [Int32], shape: [1]).array(of: Int32.self) == [1 << 30])
        #expect(try Tensor([1 << 60], shape: [1]).array(of: Int.self) == [1 << 60])
        #expect(try Tensor([true, false], shape: [2]).array(of: Bool.self) == [true, false])
    }

    @Test("A tensor tells shape, strides, type and place")
    func properties() throws {
        let tensor = try Tensor.zeros([2, 3, 4], dtype: .bfloat16)
        #expect(tensor.shape == [2, 3, 4])
        #expect(try tensor.strides == [12, 4, 1])
        #expect(tensor.rank == 3 && tensor.count == 24)
        #expect(tensor.dtype == .bfloat16 && tensor.device == .cpu)
        let turned = try tensor.permuted(2, 0, 1)
        #expect(turned.shape == [4, 2, 3])
        #expect(!turned.isContiguous)
        #expect(try turned.contiguous().isContiguous)
    }

    @Test("Reading a permuted tensor gives row-major order")
    func readsPermuted() throws {
        let turned = try Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3]).transposed(0, 1)
        #expect(try turned.array(of: Float.self) == [1, 4, 2, 5, 3, 6])
        let bytes = try turned.withContiguousBytes { Array($0.bindMemory(to: Float.self)) }
        #expect(bytes == [1, 4, 2, 5, 3, 6])
    }

    @Test("Borrowed memory is not copied, and its owner lives until the last view is gone")
    func borrowing() throws {
        final class Owner {
            let memory = UnsafeMutablePointer<Float>.allocate(capacity: 4)
            let ended: () -> Void
            init(_ ended: @escaping () -> Void) {
                self.ended = ended
                for index in 0..<4 { memory[index] = Float(index) }
            }
            deinit {
                memory.deallocate()
                ended()
            }
        }
        var alive = true
        var owner: Owner? = Owner { alive = false }
        let memory = try #require(owner?.memory)
        var view: Tensor?
        do {
            let tensor = try Tensor.borrowing(
                memory, keepingAlive: #require(owner), shape: [2, 2], strides: [1, 2], dtype: .float32)
            view = try tensor.selected(axis: 0, 1)
        }
        owner = nil
        memory[3] = 7
        #expect(alive)
        #expect(try view?.array(of: Float.self) == [1, 7])
        view = nil
        #expect(!alive)
    }

    @Test("Memory that runs out is called so, with its size and what to do")
    func outOfMemory() throws {
        let error = try #require(throws: TorchError.self) { try Tensor.zeros([1 << 40, 1 << 16]) }
        #expect(error.isOutOfMemory)
        #expect(error.description.hasPrefix("Memory ran out in aten::"))
        #expect(error.description.contains("288230376152 MB"))
        #expect(error.description.contains("--batch"))
        #expect(!error.description.contains("\n"))
        // Kernels' own memory.
        let many = TorchError("aten::cat", shapes: .init(repeating: [7], count: 1000), message: "no")
        #expect(many.description == "aten::cat on [7], [7], [7], [7] and 996 more: no")
        #expect(TorchError("mvar::linear", message: "std::bad_alloc").isOutOfMemory)
    }

    @Test("A C++ exception becomes a Swift error with operation and shapes")
    func errors() throws {
        let error = try #require(throws: TorchError.self) {
            try Tensor.zeros([2, 3]).matrixProduct(Tensor.zeros([4, 5]))
        }
        #expect(error.operation == "aten::matmul")
        #expect(error.shapes == [[2, 3], [4, 5]])
        #expect(error.description.contains("[2, 3], [4, 5]"))
        #expect(!error.description.contains("\n"))
    }

    @Test("A code outside the table is an error, not a crash")
    func indexOutOfRange() throws {
        let table = try Tensor.zeros([4, 2])
        #expect(throws: TorchError.self) { try table.embedding(Tensor([4], shape: [1])) }
    }

    @Test("An operator that does not exist is an error when it is called")
    func unknownOperator() {
        let operation = Operator("mvar::no_such_thing")
        #expect(throws: TorchError.self) { try operation(1) }
    }

    @Test("Arithmetic follows PyTorch's broadcasting")
    func arithmetic() throws {
        let column = try Tensor([1, 2] as [Float], shape: [2, 1])
        let row = try Tensor([10, 20] as [Float], shape: [1, 2])
        #expect(try (column + row).array(of: Float.self) == [11, 21, 12, 22])
        #expect(try (column * row - 1).array(of: Float.self) == [9, 19, 19, 39])
        #expect(try (row / column).array(of: Float.self) == [10, 20, 5, 10])
        #expect(try column.adding(row, times: 0.5).array(of: Float.self) == [6, 11, 7, 12])
    }

    @Test("The first of equal elements is the largest and the smallest")
    func ties() throws {
        let values = try Tensor([3, 1, 3, 1] as [Float], shape: [1, 4])
        #expect(try values.indexOfMaximum(axis: 1).array(of: Int.self) == [0])
        #expect(try values.indexOfMinimum(axis: 1).array(of: Int.self) == [1])
    }
}

@Suite("Gradients") struct GradientTests {
    @Test("Backward gives the gradient of a product")
    func backward() throws {
        let x = try Tensor([2, 3] as [Float], shape: [2])
        try x.setRequiresGradient()
        try (x * x).sum().backward()
        #expect(try x.gradient?.array(of: Float.self) == [4, 6])
        try x.setGradient(nil)
        #expect(x.gradient == nil)
    }

    @Test("Nothing is recorded in a scope without gradients, and recording comes back after it, also after an error")
    func scope() throws {
        let x = try Tensor([2] as [Float], shape: [1])
        try x.setRequiresGradient()
        #expect(try withoutGradients { try x * x }.requiresGradient == false)
        #expect(throws: TorchError.self) { try withoutGradients { try x.matrixProduct(Tensor.zeros([2, 2])) } }
        #expect(try (x * x).requiresGradient)
    }
}

@Suite("Threads", .serialized) struct ThreadTests {
    @Test("Our own parallel loops use as many threads as LibTorch is told to", arguments: [1, 2])
    func threadCount(count: Int) throws {
        let before = LibTorch.threadCount
        defer { try? LibTorch.setThreadCount(before) }
        try LibTorch.setThreadCount(count)
        #expect(LibTorch.threadCount == count)
        #expect(LibTorch.threadsSeenInParallelLoop == count)
    }

    @Test("A number of threads below 1 is an error")
    func invalid() {
        #expect(throws: TorchError.self) { try LibTorch.setThreadCount(0) }
    }
}

@Suite("Devices") struct DeviceTests {
    @Test("Devices are read as they are written", arguments: ["cpu", "cuda:0", "cuda:3"])
    func roundTrip(text: String) { #expect(Device(text)?.description == text) }

    @Test("What is no device is declined", arguments: ["", "gpu", "cuda:", "cuda:-1", "cuda:x", "CPU"])
    func declined(text: String) { #expect(Device(text) == nil) }

    @Test(
        "Without a GPU there are no CUDA devices, and asking for one is an error",
        .enabled(if: LibTorch.cudaDeviceCount == 0))
    func absent() { #expect(throws: TorchError.self) { try Tensor.zeros([1], device: .cuda(0)) } }

    @Test("A tensor goes to the GPU and back", .enabled(if: LibTorch.cudaDeviceCount > 0, "no CUDA device"))
    func gpu() throws {
        let there = try Tensor([1, 2] as [Float], shape: [2]).moved(to: .cuda(0))
        #expect(there.device == .cuda(0))
        #expect(try (there + there).array(of: Float.self) == [2, 4])
    }
}
