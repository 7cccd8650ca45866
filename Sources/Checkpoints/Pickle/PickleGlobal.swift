package import Torch

/// The Python functions and classes that a checkpoint may name: each builds plain data and does nothing else.
///
/// Everything else is refused by name, wherever it stands. That a name is harmless in the part of a file which nobody
/// reads is no argument: whoever put it there had the program run it.
package enum PickleGlobal: Hashable, Sendable {
    // Containers and numbers of Python itself.
    case dict, list, tuple, set, frozenSet, integer, float, bool, string, bytes, byteArray, complex, slice, encode
    case orderedDict, defaultDict, counter, namespace, path
    // Tensors.
    case rebuildTensor, rebuildTensorV2, rebuildTensorV3
    case rebuildParameter, rebuildParameterWithState, rebuildFromType
    case tensor, parameter, size, device
    /// A class of storages; nil for bytes without a type.
    case storage(DType?)
    // Numbers of NumPy.
    case numpyScalar, numpyDType, numpyReconstruct, numpyFromBuffer, numpyArray

    /// The value that a pickle gets when it names a global, or nil where the name is not on the list.
    static func value(module: String, name: String) -> PickleValue? {
        switch module {
        case "builtins", "__builtin__": builtins[name].map { .global($0) }
        case "torch": torch[name].map { .global($0) } ?? dtypes[name].map { .dtype($0) }
        case "torch.storage": name == "UntypedStorage" ? .global(.storage(nil)) : nil
        case "numpy.core.multiarray", "numpy._core.multiarray": numpyArrays[name].map { .global($0) }
        default: others[module + "." + name].map { .global($0) }
        }
    }

    private static let builtins: [String: PickleGlobal] = [
        "dict": .dict, "list": .list, "tuple": .tuple, "set": .set, "frozenset": .frozenSet, "int": .integer,
        "long": .integer, "float": .float, "bool": .bool, "str": .string, "bytes": .bytes, "bytearray": .byteArray,
        "complex": .complex, "slice": .slice,
    ]

    private static let torch: [String: PickleGlobal] = [
        "FloatStorage": .storage(.float32), "DoubleStorage": .storage(.float64), "HalfStorage": .storage(.float16),
        "BFloat16Storage": .storage(.bfloat16), "LongStorage": .storage(.int64), "IntStorage": .storage(.int32),
        "ShortStorage": .storage(.int16), "CharStorage": .storage(.int8), "ByteStorage": .storage(.uint8),
        "BoolStorage": .storage(.bool), "ComplexFloatStorage": .storage(.complex64),
        "ComplexDoubleStorage": .storage(.complex128), "UntypedStorage": .storage(nil),
        "Tensor": .tensor, "Size": .size, "device": .device,
    ]

    private static let numpyArrays: [String: PickleGlobal] = [
        "scalar": .numpyScalar, "_reconstruct": .numpyReconstruct,
    ]

    private static let others: [String: PickleGlobal] = [
        "collections.OrderedDict": .orderedDict, "collections.defaultdict": .defaultDict,
        "collections.Counter": .counter, "argparse.Namespace": .namespace, "_codecs.encode": .encode,
        "pathlib.Path": .path, "pathlib.PosixPath": .path, "pathlib.WindowsPath": .path,
        "pathlib.PurePath": .path, "pathlib.PurePosixPath": .path, "pathlib.PureWindowsPath": .path,
        "pathlib._local.PosixPath": .path, "pathlib._local.WindowsPath": .path,
        "torch._utils._rebuild_tensor": .rebuildTensor, "torch._utils._rebuild_tensor_v2": .rebuildTensorV2,
        "torch._utils._rebuild_tensor_v3": .rebuildTensorV3, "torch._utils._rebuild_parameter": .rebuildParameter,
        "torch._utils._rebuild_parameter_with_state": .rebuildParameterWithState,
        "torch._tensor._rebuild_from_type_v2": .rebuildFromType, "torch.nn.parameter.Parameter": .parameter,
        "numpy.dtype": .numpyDType, "numpy.ndarray": .numpyArray,
        "numpy.core.numeric._frombuffer": .numpyFromBuffer, "numpy._core.numeric._frombuffer": .numpyFromBuffer,
    ]

    /// PyTorch's names of the types of elements.
    private static let dtypes: [String: DType] = [
        "uint8": .uint8, "int8": .int8, "int16": .int16, "int32": .int32, "int64": .int64, "float16": .float16,
        "float32": .float32, "float64": .float64, "complex32": .complex32, "complex64": .complex64,
        "complex128": .complex128, "bool": .bool,
        "bfloat16": .bfloat16, "float8_e5m2": .float8e5m2, "float8_e4m3fn": .float8e4m3, "uint16": .uint16,
        "uint32": .uint32, "uint64": .uint64,
    ]
}
