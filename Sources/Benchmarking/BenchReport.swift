package import MVAR

/// What holds for all measurements of a run: figures mean nothing without it.
package struct BenchConditions: Codable, Hashable, Sendable {
    /// The precision of linear layers' weights, as `float32`; nil where several are compared.
    package let precision: String?
    /// As `cpu` or `cuda:0`.
    package let device: String
    /// Whether a GPU multiplies float32 by 10 bits of each number; nil on the CPU.
    package let tf32: Bool?
    /// Threads on the CPU.
    package let threads: Int
    /// How often everything was measured, after one run to warm up; nil where it is not time that is measured.
    package let runs: Int?
    /// As `2.11.0`.
    package let libtorchVersion: String
    /// What our kernels use of the processor, as `avx512+bf16`.
    package let instructionSet: String
    /// The processor's name, where the system says it.
    package let processor: String?

    enum CodingKeys: String, CodingKey {
        case precision, device, tf32, threads, runs, processor
        case libtorchVersion = "libtorch_version"
        case instructionSet = "instruction_set"
    }

    /// Of this process, now.
    package init(precision: Precision?, device: Device, runs: Int?) {
        self.precision = precision?.rawValue
        self.device = device.description
        tf32 = device == .cpu ? nil : LibTorch.allowsTF32
        self.runs = runs
        threads = LibTorch.threadCount
        libtorchVersion = LibTorch.version
        instructionSet = Self.name(of: LibTorch.instructionSet)
        processor = Processor.current.name
    }

    /// The processor's and our kernels' best, in the words of processors.
    static func name(of set: LibTorch.InstructionSet) -> String {
        switch set {
        case .portable: "portable"
        case .avx2: "avx2"
        case .avx512: "avx512"
        case .avx512VNNI: "avx512+vnni"
        case .avx512BFloat16: "avx512+bf16"
        }
    }
}

/// Conditions and what was measured under them: one flat object in JSON.
package struct BenchReport<Result: Codable & Hashable & Sendable>: Codable, Hashable, Sendable {
    package let conditions: BenchConditions
    package let result: Result

    package init(conditions: BenchConditions, result: Result) {
        self.conditions = conditions
        self.result = result
    }

    package init(from decoder: any Decoder) throws {
        conditions = try BenchConditions(from: decoder)
        result = try Result(from: decoder)
    }

    package func encode(to encoder: any Encoder) throws {
        try conditions.encode(to: encoder)
        try result.encode(to: encoder)
    }
}
