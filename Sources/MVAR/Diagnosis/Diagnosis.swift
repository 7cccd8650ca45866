import Foundation
import Models
import Torch

/// What the program finds on this machine, and what is wrong with it (`mvar doctor`).
public struct Diagnosis: Codable, Hashable, Sendable {
    /// Something that is wrong, and what to do about it.
    public struct Problem: Codable, Hashable, Sendable {
        /// What is wrong.
        public let problem: String
        /// What to do.
        public let advice: String
        /// Whether the program cannot work because of it.
        public let isFatal: Bool

        enum CodingKeys: String, CodingKey {
            case problem, advice
            case isFatal = "fatal"
        }
    }

    /// LibTorch as it was loaded.
    public struct Library: Codable, Hashable, Sendable {
        /// Its version, as `2.11.0`.
        public let version: String
        /// The version that this program is made for.
        public let expectedVersion: String
        /// The folder that it was loaded from.
        public let folder: String
        /// Whether its CUDA library could be loaded.
        public let hasCUDA: Bool
        /// Why not.
        public let whyNoCUDA: String?

        enum CodingKeys: String, CodingKey {
            case version, folder
            case expectedVersion = "expected_version"
            case hasCUDA = "cuda"
            case whyNoCUDA = "cuda_reason"
        }
    }

    /// What the kernels for GPUs need: NVIDIA's driver and run-time compiler.
    public struct CUDA: Codable, Hashable, Sendable {
        /// The newest CUDA that the driver serves, as `13.0`; nil without a driver that works.
        public let driver: String?
        /// The version of the compiler, NVRTC, as `13.0`; nil where it cannot be used.
        public let compiler: String?
    }

    /// The folder that set-up downloads into.
    public struct Cache: Codable, Hashable, Sendable {
        /// Its path.
        public let folder: String
        /// The bytes in it; nil where there is no such folder.
        public let bytes: Int?
    }

    /// LibTorch.
    public let library: Library
    /// What the kernels for GPUs need.
    public let cuda: CUDA
    /// What can be computed on: `cpu`, `cuda:0`, …
    public let devices: [String]
    /// The processor's name.
    public let processor: String?
    /// Its instruction sets that matter.
    public let instructionSets: [String]
    /// Its cores.
    public let cores: Int
    /// The threads that are used.
    public let threads: Int
    /// The cache.
    public let cache: Cache
    /// The default model's folder; nil where there is none.
    public let defaultModel: String?
    /// What is wrong.
    public let problems: [Problem]

    enum CodingKeys: String, CodingKey {
        case library = "libtorch"
        case cuda, devices, processor, cores, threads, cache, problems
        case instructionSets = "instruction_sets"
        case defaultModel = "default_model"
    }

    /// Looks around.
    ///
    /// - Parameter environment: Variables that say the place of the cache; nil for the process's.
    public init(environment: [String: String]? = nil) {
        let environment = environment ?? ProcessInfo.processInfo.environment
        let processor = Processor.current
        var problems: [Problem] = []
        library = Self.library(&problems)
        devices = ["cpu"] + (0..<LibTorch.cudaDeviceCount).map { "cuda:\($0)" }
        cuda = CUDA(driver: LibTorch.cudaDriver, compiler: try? LibTorch.cudaCompiler.get())
        for index in 0..<LibTorch.cudaDeviceCount {
            guard let reason = LibTorch.cudaKernelProblem(device: index) else { continue }
            problems.append(
                Problem(
                    problem: "cuda:\(index) cannot be used: \(reason).", advice: "docs/gpu.md says what a GPU needs.",
                    isFatal: false))
        }
        self.processor = processor.name
        instructionSets = processor.instructionSets
        cores = processor.coreCount
        threads = LibTorch.threadCount
        cache = Self.cache(environment, &problems)
        do throws(ModelError) {
            defaultModel = try ModelLocation.defaultModel()
        } catch {
            defaultModel = nil
            problems.append(
                Problem(
                    problem: "The default model was not found in the program's folder or any above it.",
                    advice: "Name a model with --model, or call the mvar in the repository's .build/release.",
                    isFatal: false))
        }
        if processor.instructionSets.contains("sse4_2"), !processor.instructionSets.contains("avx2") {
            problems.append(
                Problem(
                    problem: "The processor has no AVX2.",
                    advice: "Everything works, several times slower than on a processor of the last ten years.",
                    isFatal: false))
        }
        if threads > cores {
            problems.append(
                Problem(
                    problem: "\(threads) threads share \(cores) cores.",
                    advice: "Give --threads \(cores), or unset OMP_NUM_THREADS.", isFatal: false))
        }
        self.problems = problems
    }

    /// Whether the program can work.
    public var isHealthy: Bool { !problems.contains(where: \.isFatal) }

    /// As scripts/set-up.sh has it: the fixes of a series keep the binary interface.
    private static let expectedVersion = "2.11"

    private static func library(_ problems: inout [Problem]) -> Library {
        let version = LibTorch.version
        if !version.hasPrefix(expectedVersion + ".") {
            problems.append(
                Problem(
                    problem: "LibTorch is \(version); this program is made for \(expectedVersion).",
                    advice:
                        "Run 'make set-up' without LIBTORCH, or let it name a folder with \(expectedVersion); then 'make build'.",
                    isFatal: true))
        }
        var reason: String?
        if case .unavailable(let why) = LibTorch.cudaLibrary {
            reason = ComputeCheck.shortened(why)
        } else if LibTorch.cudaDeviceCount == 0 {
            let driver = LibTorch.cudaDriverProblem
            reason = driver ?? "the library is there, but no GPU"
            problems.append(
                Problem(
                    problem: "LibTorch has its CUDA library, but " + (driver ?? "finds no GPU") + ".",
                    advice: "If there is one: check the driver with nvidia-smi, and CUDA_VISIBLE_DEVICES.",
                    isFatal: false))
        }
        // A GPU that the system shows and LibTorch cannot use is worth a word; no GPU at all is not.
        if case .unavailable = LibTorch.cudaLibrary, FileManager.default.fileExists(atPath: "/proc/driver/nvidia") {
            problems.append(
                Problem(
                    problem: "There is an NVIDIA GPU, but this LibTorch computes on the CPU only.",
                    advice: "Install torch \(expectedVersion) for Python with its CUDA libraries and build against it, "
                        + "by LIBTORCH=<its folder torch>.",
                    isFatal: false))
        }
        return Library(
            version: version, expectedVersion: expectedVersion, folder: LibTorch.libraryFolder, hasCUDA: reason == nil,
            whyNoCUDA: reason)
    }

    private static func cache(_ environment: [String: String], _ problems: inout [Problem]) -> Cache {
        // As scripts/set-up.sh does: a relative XDG_CACHE_HOME is to be ignored, says the standard.
        let parent: String
        if let place = environment["XDG_CACHE_HOME"], place.hasPrefix("/") {
            parent = place
        } else if let home = environment["HOME"], !home.isEmpty {
            parent = home + "/.cache"
        } else {
            problems.append(
                Problem(
                    problem: "Neither HOME nor XDG_CACHE_HOME is set, so set-up has no place for LibTorch.",
                    advice: "Set HOME.", isFatal: false))
            return Cache(folder: "", bytes: nil)
        }
        let folder = parent + "/mvar"
        return Cache(folder: folder, bytes: size(of: folder))
    }

    private static func size(of folder: String) -> Int? {
        guard let files = FileManager.default.enumerator(atPath: folder),
            FileManager.default.fileExists(atPath: folder)
        else { return nil }
        var total = 0
        for case let file as String in files {
            let attributes = try? FileManager.default.attributesOfItem(atPath: folder + "/" + file)
            if attributes?[.type] as? FileAttributeType == .typeRegular {
                total += (attributes?[.size] as? NSNumber)?.intValue ?? 0
            }
        }
        return total
    }
}
