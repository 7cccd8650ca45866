// swift-tools-version: 6.2
import PackageDescription

// LibTorch's place: the folder that $LIBTORCH names, else `.libtorch`, which `scripts/set-up.sh` makes as a link into
// the user's cache. Either holds `lib/` and `include/`.
let libtorch = Context.environment["LIBTORCH"] ?? Context.packageDirectory + "/.libtorch"

/// For the targets that include LibTorch's headers. The only unsafe flags of the package are LibTorch's paths and the
/// one that makes clang mangle `const_data_ptr<T>()` as the GCC that built LibTorch did.
let libtorchHeaders: [CXXSetting] = [
    .unsafeFlags([
        "-isystem", libtorch + "/include",
        "-isystem", libtorch + "/include/torch/csrc/api/include",
        "-fclang-abi-compat=17",
    ])
]

// Two run paths: LibTorch's place on the machine that built, and a `lib` beside the folder of the binary.
let libtorchLibraries: [LinkerSetting] = [
    .linkedLibrary("torch_cpu"), .linkedLibrary("c10"), .linkedLibrary(":libgomp.so.1"), .linkedLibrary("m"),
    .unsafeFlags([
        "-L" + libtorch + "/lib",
        "-Xlinker", "-rpath", "-Xlinker", libtorch + "/lib",
        "-Xlinker", "-rpath", "-Xlinker", "$ORIGIN/../lib",
    ]),
]

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "mvar",
    products: [
        .executable(name: "mvar", targets: ["MVARCommand"]),
        .library(name: "MVAR", targets: ["MVAR"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0", traits: []),
        .package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0"),
    ],
    targets: [
        // Native code: the C ABI over LibTorch, operators of our own, and system libraries.
        .target(
            name: "CTorch", cxxSettings: libtorchHeaders + [.headerSearchPath("gloo")],
            linkerSettings: libtorchLibraries),
        // Optimised in debug builds too: tests would wait for its loops.
        .target(
            name: "CKernels", dependencies: ["CTorch"],
            // Not compiled here, but held as text, for NVIDIA's compiler (CUDA/program.cpp).
            exclude: ["CUDA/Device"],
            cxxSettings: libtorchHeaders + [.headerSearchPath("."), .unsafeFlags(["-O3"])]),
        .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
        .systemLibrary(name: "CTurboJPEG", pkgConfig: "libturbojpeg", providers: [.apt(["libturbojpeg0-dev"])]),
        .systemLibrary(name: "CWebP", pkgConfig: "libwebp", providers: [.apt(["libwebp-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),

        // Tensors and layers.
        .target(name: "Torch", dependencies: ["CTorch", "CKernels"]),
        .target(name: "NeuralNetworks", dependencies: ["Torch"]),

        // Files, also pipes, that are read once; files that appear whole or not at all.
        .target(name: "FileInput"),
        .target(name: "FileOutput"),

        // The data flow: image -> tokens -> transformer -> tokens -> image.
        .target(name: "Images", dependencies: ["CPNG", "CTurboJPEG", "CWebP", "CZlib", "FileInput", "FileOutput"]),
        // Its event.pb.swift comes from event.proto, by scripts/protobuf.sh: the package's build plugin takes minutes.
        .target(
            name: "TensorBoard",
            dependencies: ["FileOutput", "Images", .product(name: "SwiftProtobuf", package: "swift-protobuf")],
            exclude: ["event.proto"]),
        .target(name: "NumPyFiles", dependencies: ["CZlib"]),
        .target(name: "TokenPyramid"),
        .target(name: "ImageTokenizer", dependencies: ["NeuralNetworks", "TokenPyramid", "Torch"]),
        .target(name: "ScaleTransformer", dependencies: ["NeuralNetworks", "TokenPyramid", "Torch"]),
        .target(
            name: "Sampling",
            dependencies: ["ImageTokenizer", "NeuralNetworks", "ScaleTransformer", "TokenPyramid", "Torch"]),

        // Files in, files out; what is built from them.
        .target(name: "Checkpoints", dependencies: ["CZlib", "FileOutput", "Torch"]),
        .target(
            name: "Models",
            dependencies: [
                "Checkpoints", "Images", "ImageTokenizer", "NeuralNetworks", "ScaleTransformer", "TokenPyramid",
                "Torch",
            ],
            resources: [.embedInCode("Resources/imagenet-classes.tsv")]),
        .target(
            name: "Training",
            dependencies: [
                "Checkpoints", "CZlib", "FileInput", "FileOutput", "Images", "ImageTokenizer", "Models",
                "NeuralNetworks", "Sampling", "ScaleTransformer", "TensorBoard", "TokenPyramid", "Torch",
            ]),
        .target(
            name: "MVAR",
            dependencies: [
                "Checkpoints", "FileOutput", "Images", "ImageTokenizer", "Models", "NeuralNetworks", "NumPyFiles",
                "Sampling", "ScaleTransformer", "TokenPyramid", "Torch", "Training",
            ]),
        .target(name: "Benchmarking", dependencies: ["MVAR"]),
        .executableTarget(name: "MVARCommand", dependencies: ["Benchmarking", "FileOutput", "MVAR", argumentParser]),

        // Tests mirror Sources.
        .target(name: "TestSupport", path: "Tests/TestSupport", exclude: ["read_events.py", "read_npz.py"]),
        // The kernels for GPUs as C++ for a processor.
        .target(
            name: "CUDAEmulator", dependencies: ["CKernels"], path: "Tests/CUDAEmulator",
            cxxSettings: libtorchHeaders + [
                .headerSearchPath("."), .headerSearchPath("../../Sources/CKernels"),
                .headerSearchPath("../../Sources/CKernels/CUDA/Device"), .unsafeFlags(["-O3"]),
            ]),
        .testTarget(
            name: "CUDAKernelsTests",
            dependencies: [
                "Checkpoints", "CKernels", "CUDAEmulator", "NeuralNetworks", "Sampling", "TestSupport", "Torch",
            ]),
        .testTarget(name: "TorchTests", dependencies: ["CTorch", "TestSupport", "Torch"]),
        .testTarget(name: "NeuralNetworksTests", dependencies: ["NeuralNetworks", "Torch"]),
        .testTarget(name: "FileInputTests", dependencies: ["FileInput"]),
        .testTarget(name: "FileOutputTests", dependencies: ["FileOutput"]),
        .testTarget(name: "NumPyFilesTests", dependencies: ["NumPyFiles", "TestSupport"]),
        .testTarget(name: "ImagesTests", dependencies: ["FileOutput", "Images"]),
        .testTarget(name: "TensorBoardTests", dependencies: ["FileOutput", "Images", "TensorBoard", "TestSupport"]),
        .testTarget(name: "TokenPyramidTests", dependencies: ["TokenPyramid"]),
        .testTarget(name: "CheckpointsTests", dependencies: ["Checkpoints", "FileOutput", "Torch"]),
        .testTarget(
            name: "SamplingTests",
            dependencies: [
                "Checkpoints", "ImageTokenizer", "NeuralNetworks", "Sampling", "ScaleTransformer", "TokenPyramid",
                "Torch",
            ]),
        .testTarget(
            name: "TrainingTests",
            dependencies: [
                "Checkpoints", "CZlib", "FileInput", "ImageTokenizer", "Images", "Models", "NeuralNetworks",
                "ScaleTransformer", "TestSupport", "TokenPyramid", "Torch", "Training",
            ]),
        .testTarget(
            name: "ImageTokenizerTests", dependencies: ["ImageTokenizer", "NeuralNetworks", "TokenPyramid", "Torch"]),
        .testTarget(
            name: "ScaleTransformerTests",
            dependencies: ["ScaleTransformer", "NeuralNetworks", "TokenPyramid", "Torch"]),
        .testTarget(
            name: "ModelsTests",
            dependencies: [
                "Checkpoints", "ImageTokenizer", "Models", "NeuralNetworks", "ScaleTransformer", "TestSupport",
                "TokenPyramid", "Torch",
            ]),
        .testTarget(name: "MVARTests", dependencies: ["MVAR", "TestSupport"]),
        .testTarget(name: "BenchmarkingTests", dependencies: ["Benchmarking", "MVAR", "TestSupport"]),
        .testTarget(
            name: "MVARCommandTests",
            dependencies: [
                "Benchmarking", "FileOutput", "Images", "MVAR", "MVARCommand", "TestSupport", argumentParser,
            ]),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)

for target in package.targets where target.type != .system {
    var settings = target.swiftSettings ?? []
    settings += [
        .enableUpcomingFeature("ExistentialAny"),  // SE-0335
        .enableUpcomingFeature("InternalImportsByDefault"),  // SE-0409
        .enableUpcomingFeature("MemberImportVisibility"),  // SE-0444
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),  // SE-0461
        .treatAllWarnings(as: .error),  // SE-0480
    ]
    target.swiftSettings = settings
}
