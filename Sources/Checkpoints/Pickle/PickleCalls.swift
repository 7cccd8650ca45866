import Torch

/// What the globals of the allow-list do when a pickle calls them: they build data, each in its few lines here.
extension Unpickler {
    mutating func call(_ function: PickleValue, _ arguments: PickleValue) throws(CheckpointError) -> PickleValue {
        guard case .global(let function) = function else { throw corrupt("calls \(function.kind)") }
        guard case .tuple(let place) = arguments else { throw corrupt("calls \(function) with \(arguments.kind)") }
        let arguments = heap.sequences[place]
        switch function {
        case .dict, .orderedDict, .counter: return heap.dictionary(try pairs(arguments.first, of: function))
        case .defaultDict: return heap.dictionary(try pairs(arguments.dropFirst().first, of: function))
        case .list: return heap.list(try copied(arguments.first, of: function))
        case .tuple: return heap.tuple(try copied(arguments.first, of: function))
        case .set, .frozenSet: return heap.set(try copied(arguments.first, of: function))
        case .size:
            guard let sizes = arguments.first, case .tuple = sizes else { throw corrupt("calls \(function) wrongly") }
            return sizes
        case .integer, .float, .bool, .string: return try scalar(function, arguments)
        case .bytes, .byteArray, .encode: return try encoded(function, arguments)
        case .complex, .slice, .device: return heap.object("\(function)", state: .tuple(place))
        case .namespace: return heap.object("argparse.Namespace")
        case .path: return try path(arguments)
        case .rebuildTensor, .rebuildTensorV2: return try tensor(arguments, dtype: nil)
        case .rebuildTensorV3:
            guard arguments.count >= 7, case .dtype(let dtype) = arguments[6] else {
                throw corrupt("describes a tensor without its type")
            }
            return try tensor(arguments, dtype: dtype)
        case .rebuildParameter, .rebuildParameterWithState: return try parameter(arguments.first)
        case .rebuildFromType:
            guard arguments.count >= 3, case .global(let rebuild) = arguments[0], case .global(let type) = arguments[1],
                type == .tensor || type == .parameter, Self.rebuildingTensors.contains(rebuild)
            else { throw corrupt("makes a tensor of an unknown class") }
            return try call(arguments[0], arguments[2])
        case .tensor, .parameter, .storage, .numpyArray: throw corrupt("makes \(function) out of nothing")
        case .numpyDType: return heap.object("numpy.dtype", state: arguments.first ?? .none)
        case .numpyScalar: return try numpyScalar(arguments)
        case .numpyReconstruct: return heap.object("numpy.ndarray")
        case .numpyFromBuffer: return heap.object("numpy.ndarray", state: .tuple(place))
        }
    }

    /// Not `rebuildFromType` itself: it could call itself as often as a pickle likes.
    private static let rebuildingTensors: Set<PickleGlobal> = [
        .rebuildTensor, .rebuildTensorV2, .rebuildTensorV3, .rebuildParameter, .rebuildParameterWithState,
    ]

    mutating func build(_ object: PickleValue, _ state: PickleValue) throws(CheckpointError) {
        switch object {
        // `_metadata` of a state dict: version numbers of its modules. Attributes of tensors say nothing either.
        case .dictionary, .tensor: return
        case .object(let place):
            if heap.objects[place].className == "numpy.dtype" {
                // (version, byte order, …); the type itself was the argument of the constructor.
                guard let fields = heap.elements(of: state), fields.count > 1, case .string(let order) = fields[1]
                else {
                    throw corrupt("describes a NumPy type wrongly")
                }
                if order == ">" { throw unsupported("it holds big-endian NumPy numbers; save it on another machine") }
            } else {
                heap.objects[place].state = state
            }
        default: throw corrupt("sets the state of \(object.kind)")
        }
    }

    /// A persistent id: `('storage', class, key, location, number of elements)`.
    mutating func storage(_ identifier: PickleValue) throws(CheckpointError) -> PickleValue {
        guard case .tuple(let place) = identifier else { throw corrupt("refers to \(identifier.kind) outside of it") }
        let fields = heap.sequences[place]
        guard fields.count >= 5, case .string("storage") = fields[0], case .global(.storage(let dtype)) = fields[1],
            case .string(let key) = fields[2], case .integer(let count) = fields[4], count >= 0
        else { throw corrupt("refers to a storage wrongly") }
        heap.storages.append(PickledStorage(key: key, dtype: dtype, count: count))
        return .storage(heap.storages.count - 1)
    }
}

extension Unpickler {
    private mutating func copied(_ value: PickleValue?, of function: PickleGlobal) throws(CheckpointError)
        -> [PickleValue]
    {
        guard let value else { return [] }
        guard let elements = heap.elements(of: value) else { throw corrupt("calls \(function) with \(value.kind)") }
        try spend(elements.count)
        return elements
    }

    private mutating func pairs(_ value: PickleValue?, of function: PickleGlobal) throws(CheckpointError) -> [PickleHeap
        .Pair]
    {
        guard let value else { return [] }
        if case .dictionary(let place) = value {
            try spend(heap.dictionaries[place].count)
            return heap.dictionaries[place]
        }
        var pairs: [PickleHeap.Pair] = []
        for element in try copied(value, of: function) {
            guard let pair = heap.elements(of: element), pair.count == 2 else {
                throw corrupt("has a key without a value")
            }
            pairs.append((pair[0], pair[1]))
        }
        return pairs
    }

    private func scalar(_ function: PickleGlobal, _ arguments: [PickleValue]) throws(CheckpointError) -> PickleValue {
        switch (function, arguments.first) {
        case (.integer, nil): return .integer(0)
        case (.float, nil): return .float(0)
        case (.bool, nil): return .bool(false)
        case (.string, nil): return .string("")
        case (.integer, .integer(let number)): return .integer(number)
        case (.float, .float(let number)): return .float(number)
        case (.float, .integer(let number)): return .float(Double(number))
        case (.bool, .bool(let flag)): return .bool(flag)
        case (.string, .string(let text)): return .string(text)
        default: throw corrupt("calls \(function) with \(arguments.first?.kind ?? "nothing")")
        }
    }

    /// Bytes under protocol 2: `_codecs.encode(text, 'latin1')`, one character each.
    private mutating func encoded(_ function: PickleGlobal, _ arguments: [PickleValue]) throws(CheckpointError)
        -> PickleValue
    {
        switch arguments.first {
        case nil: return .bytes([])
        case .bytes(let content): return .bytes(content)
        case .string(let text):
            guard arguments.count > 1, case .string("latin1") = arguments[1] else {
                throw corrupt("encodes text otherwise than by latin1")
            }
            try spend(text.utf8.count)
            var content: [UInt8] = []
            for scalar in text.unicodeScalars {
                guard let byte = UInt8(exactly: scalar.value) else { throw corrupt("has text that is no latin1") }
                content.append(byte)
            }
            return .bytes(content)
        default: throw corrupt("calls \(function) with \(arguments.first?.kind ?? "nothing")")
        }
    }

    private mutating func path(_ arguments: [PickleValue]) throws(CheckpointError) -> PickleValue {
        var parts: [String] = []
        for argument in arguments {
            guard case .string(let part) = argument else { throw corrupt("has a path of \(argument.kind)") }
            try spend(part.utf8.count)
            parts.append(part)
        }
        return .string(parts.joined(separator: "/"))
    }

    private mutating func tensor(_ arguments: [PickleValue], dtype: DType?) throws(CheckpointError) -> PickleValue {
        guard arguments.count >= 4, case .storage(let storage) = arguments[0], case .integer(let offset) = arguments[1],
            let shape = try integers(arguments[2]), let strides = try integers(arguments[3])
        else { throw corrupt("describes a tensor wrongly") }
        guard let dtype = dtype ?? heap.storages[storage].dtype else {
            throw corrupt("describes a tensor over a storage without a type")
        }
        heap.tensors.append(
            PickledTensor(storage: storage, dtype: dtype, offset: offset, shape: shape, strides: strides))
        return .tensor(heap.tensors.count - 1)
    }

    private func integers(_ value: PickleValue) throws(CheckpointError) -> [Int]? {
        guard let elements = heap.elements(of: value) else { return nil }
        guard elements.count <= 64 else { throw corrupt("describes a tensor of \(elements.count) axes") }
        let numbers = elements.compactMap { element -> Int? in
            if case .integer(let number) = element { number } else { nil }
        }
        return numbers.count == elements.count ? numbers : nil
    }

    private func parameter(_ value: PickleValue?) throws(CheckpointError) -> PickleValue {
        guard let value, case .tensor = value else { throw corrupt("makes a parameter of \(value?.kind ?? "nothing")") }
        return value
    }

    private func numpyScalar(_ arguments: [PickleValue]) throws(CheckpointError) -> PickleValue {
        guard arguments.count == 2, case .object(let place) = arguments[0],
            heap.objects[place].className == "numpy.dtype",
            case .string(let type) = heap.objects[place].state, case .bytes(let bytes) = arguments[1]
        else { throw corrupt("describes a NumPy number wrongly") }
        let number: PickleValue? = bytes.withUnsafeBytes { bytes -> PickleValue? in
            func read<Number: FixedWidthInteger>(_ type: Number.Type) -> Number? {
                bytes.count == MemoryLayout<Number>.size ? bytes.littleEndian(type, at: 0) : nil
            }
            switch type {
            case "f8": return read(UInt64.self).map { .float(Double(bitPattern: $0)) }
            case "f4": return read(UInt32.self).map { .float(Double(Float(bitPattern: $0))) }
            case "i8": return read(Int64.self).map { .integer(Int($0)) }
            case "i4": return read(Int32.self).map { .integer(Int($0)) }
            case "i2": return read(Int16.self).map { .integer(Int($0)) }
            case "i1": return read(Int8.self).map { .integer(Int($0)) }
            case "u8": return read(UInt64.self).flatMap { Int(exactly: $0) }.map { .integer($0) }
            case "u4": return read(UInt32.self).map { .integer(Int($0)) }
            case "u2": return read(UInt16.self).map { .integer(Int($0)) }
            case "u1": return read(UInt8.self).map { .integer(Int($0)) }
            case "b1": return read(UInt8.self).map { .bool($0 != 0) }
            default: return nil
            }
        }
        guard let number else {
            throw unsupported("it holds a NumPy number of type \(quoted(type)); save it as a float")
        }
        return number
    }
}
