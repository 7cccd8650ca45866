import CKernels
import CTorch

/// An operator of LibTorch, or one of ours, found by name in LibTorch's dispatcher.
///
/// A call goes through autograd and fills in the schema's defaults. It costs about a microsecond.
package struct Operator: @unchecked Sendable {
    // Unchecked: the handle is an immutable entry of the dispatcher's table that lives as long as the process.
    private let handle: Result<CTorchOperator, TorchError>
    let name: String

    package init(_ name: String, _ overload: String = "") {
        ckernels_register()
        self.name = name
        var found: CTorchOperator?
        let status = ctorch_operator_find(name, overload, &found)
        if status == 0, let found {
            handle = .success(found)
        } else {
            handle = .failure(TorchError(name, message: String(cString: ctorch_last_error())))
        }
    }

    /// The only result of an operator that returns one tensor.
    package func callAsFunction(_ arguments: OperatorArgument...) throws(TorchError) -> Tensor {
        try tensors(arguments)[0]
    }

    /// All results of an operator that returns tensors or one list of tensors.
    package func results(_ arguments: OperatorArgument...) throws(TorchError) -> [Tensor] {
        try tensors(arguments)
    }

    /// Calls an operator for what it does to its arguments.
    package func act(_ arguments: OperatorArgument...) throws(TorchError) {
        try invoke(arguments) { _ in }
    }

    private func tensors(_ arguments: [OperatorArgument]) throws(TorchError) -> [Tensor] {
        var results: [Tensor] = []
        try invoke(arguments) { value in
            switch value.tag {
            case CTorchTag.tensor:
                if let handle = value.as.tensor { results.append(Tensor(adopting: handle)) }
            case CTorchTag.tensors:
                for index in 0..<Int(value.count) {
                    if let handle = value.as.tensors?[index] { results.append(Tensor(adopting: handle)) }
                }
                ctorch_free(value.as.tensors)
            default: break
            }
        }
        guard !results.isEmpty else { throw TorchError(name, message: "returned no tensor") }
        return results
    }

    private func invoke(_ arguments: [OperatorArgument], receive: (CTorchValue) -> Void) throws(TorchError) {
        let handle = try handle.get()
        // Lists must stay where they are during the call: they share three buffers.
        var storage = ArgumentStorage()
        for argument in arguments { storage.append(listsOf: argument) }
        let maximumResults = 8
        let status = storage.withValues(of: arguments, spare: maximumResults) { values, results in
            var count = Int32(maximumResults)
            let status = ctorch_call(handle, values, Int32(arguments.count), results, &count)
            if status == 0 { for index in 0..<Int(count) { receive(results[index]) } }
            return status
        }
        guard status == 0 else {
            let shapes = arguments.flatMap(\.operands).map(\.shape)
            throw TorchError(name, shapes: shapes, message: String(cString: ctorch_last_error()))
        }
    }
}

/// One argument of an ``Operator``.
package enum OperatorArgument {
    case none
    case tensor(Tensor)
    case integer(Int)
    case number(Double)
    case boolean(Bool)
    case string(StaticString)
    case integers([Int])
    case booleans([Bool])
    case tensors([Tensor])
    case optionalTensors([Tensor?])
    case dtype(DType)
    case device(Device)

    /// A tensor, or nothing where the schema says `Tensor?`.
    package static func optional(_ tensor: Tensor?) -> Self { tensor.map(Self.tensor) ?? .none }

    var operands: [Tensor] {
        switch self {
        case .tensor(let tensor): [tensor]
        case .tensors(let tensors): tensors
        case .optionalTensors(let tensors): tensors.compactMap(\.self)
        default: []
        }
    }
}

extension OperatorArgument: ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral
{
    package init(integerLiteral value: Int) { self = .integer(value) }
    package init(floatLiteral value: Double) { self = .number(value) }
    package init(booleanLiteral value: Bool) { self = .boolean(value) }
    package init(arrayLiteral values: Int...) { self = .integers(values) }
}

/// Holds the lists of one call's arguments in memory that does not move.
private struct ArgumentStorage {
    private var integers: [Int64] = []
    private var tensors: [CTorchTensor?] = []

    mutating func append(listsOf argument: OperatorArgument) {
        switch argument {
        case .integers(let values): integers.append(contentsOf: values.lazy.map(Int64.init))
        case .booleans(let values): integers.append(contentsOf: values.lazy.map { $0 ? 1 : 0 })
        case .tensors(let values): tensors.append(contentsOf: values.lazy.map(\.handle))
        case .optionalTensors(let values): tensors.append(contentsOf: values.lazy.map { $0?.handle })
        default: break
        }
    }

    mutating func withValues(
        of arguments: [OperatorArgument], spare: Int,
        _ body: (UnsafeMutablePointer<CTorchValue>, UnsafeMutablePointer<CTorchValue>) -> CTorchStatus
    ) -> CTorchStatus {
        integers.withUnsafeBufferPointer { integers in
            tensors.withUnsafeMutableBufferPointer { tensors in
                withUnsafeTemporaryAllocation(of: CTorchValue.self, capacity: arguments.count + spare + 1) { values in
                    var nextInteger = 0
                    var nextTensor = 0
                    func list(_ tag: CTorchTag, _ count: Int) -> CTorchValue {
                        var value = CTorchValue()
                        value.tag = tag
                        value.count = Int32(count)
                        if tag == CTorchTag.tensors || tag == CTorchTag.optionalTensors {
                            value.as.tensors = tensors.baseAddress.map { $0 + nextTensor }
                            nextTensor += count
                        } else {
                            value.as.integers = integers.baseAddress.map { $0 + nextInteger }
                            nextInteger += count
                        }
                        return value
                    }
                    for (index, argument) in arguments.enumerated() {
                        var value = CTorchValue()
                        switch argument {
                        case .none: value.tag = CTorchTag.none
                        case .tensor(let tensor): (value.tag, value.as.tensor) = (CTorchTag.tensor, tensor.handle)
                        case .integer(let number): (value.tag, value.as.integer) = (CTorchTag.integer, Int64(number))
                        case .dtype(let type): (value.tag, value.as.integer) = (CTorchTag.integer, Int64(type.rawValue))
                        case .number(let number): (value.tag, value.as.number) = (CTorchTag.number, number)
                        case .boolean(let flag): (value.tag, value.as.boolean) = (CTorchTag.boolean, flag)
                        case .device(let device): (value.tag, value.count) = (CTorchTag.device, device.cudaIndex)
                        case .string(let text):
                            (value.tag, value.count) = (CTorchTag.string, Int32(text.utf8CodeUnitCount))
                            value.as.string = UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
                        case .integers(let items): value = list(CTorchTag.integers, items.count)
                        case .booleans(let items): value = list(CTorchTag.booleans, items.count)
                        case .tensors(let items): value = list(CTorchTag.tensors, items.count)
                        case .optionalTensors(let items): value = list(CTorchTag.optionalTensors, items.count)
                        }
                        values[index] = value
                    }
                    guard let first = values.baseAddress else { return 1 }
                    return withExtendedLifetime(arguments) { body(first, first + arguments.count) }
                }
            }
        }
    }
}
