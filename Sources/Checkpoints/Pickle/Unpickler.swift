/// Reads Python's pickles of protocols 2 to 5 as data. It has no means of running anything.
///
/// Time and memory are proportional to the length of the pickle: every opcode makes at most one value, and what
/// constructors copy is paid for from a budget.
struct Unpickler {
    /// Real checkpoints stay below 1 MB, since the tensors stand outside the pickle.
    static let largestPickle = 16 << 20

    let file: String
    var heap = PickleHeap()
    private let bytes: UnsafeRawBufferPointer
    private var position = 0
    private var stack: [PickleValue] = []
    private var marks: [Int] = []
    private var memo: [Int: PickleValue] = [:]
    private var budget: Int

    /// Reads a whole pickle.
    ///
    /// - Parameters:
    ///   - bytes: The pickle.
    ///   - file: What errors call the file.
    /// - Returns: Its value.
    /// - Throws: ``CheckpointError`` where it is broken or asks for anything but plain data.
    static func value(of bytes: UnsafeRawBufferPointer, file: String) throws(CheckpointError) -> PickledTree {
        var unpickler = Unpickler(bytes, file: file)
        let root = try unpickler.run()
        return PickledTree(root: root, heap: unpickler.heap)
    }

    private init(_ bytes: UnsafeRawBufferPointer, file: String) {
        self.bytes = bytes
        self.file = file
        budget = 4 * bytes.count + 4096
    }

    func corrupt(_ what: String) -> CheckpointError {
        CheckpointError(file: file, .corrupt("its pickle \(what) (byte \(position))"))
    }

    func unsupported(_ what: String) -> CheckpointError { CheckpointError(file: file, .unsupported(what)) }

    /// Pays for elements that a constructor copies: a few bytes could otherwise ask for the same copy again and again.
    mutating func spend(_ count: Int) throws(CheckpointError) {
        budget -= count
        if budget < 0 { throw corrupt("copies the same values over and over") }
    }
}

// MARK: - Bytes

extension Unpickler {
    private mutating func byte() throws(CheckpointError) -> UInt8 {
        guard position < bytes.count else { throw corrupt("breaks off") }
        defer { position += 1 }
        return bytes[position]
    }

    private mutating func number<Number: FixedWidthInteger>(_ type: Number.Type) throws(CheckpointError) -> Number {
        guard bytes.count - position >= MemoryLayout<Number>.size else { throw corrupt("breaks off") }
        defer { position += MemoryLayout<Number>.size }
        return bytes.littleEndian(type, at: position)
    }

    private mutating func take(_ count: some BinaryInteger) throws(CheckpointError) -> UnsafeRawBufferPointer {
        guard let length = Int(exactly: count), length >= 0, length <= bytes.count - position else {
            throw corrupt("claims \(count) more bytes and has \(bytes.count - position)")
        }
        defer { position += length }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<position + length])
    }

    private mutating func text(_ count: some BinaryInteger) throws(CheckpointError) -> PickleValue {
        guard let text = String(validating: try take(count), as: UTF8.self) else {
            throw corrupt("has a string that is no UTF-8")
        }
        return .string(text)
    }

    /// What Python 2 called a string: text as a rule, else bytes.
    private mutating func oldText(_ count: some BinaryInteger) throws(CheckpointError) -> PickleValue {
        let content = try take(count)
        return String(validating: content, as: UTF8.self).map { .string($0) } ?? .bytes(Array(content))
    }

    private mutating func line() throws(CheckpointError) -> String {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[position...])
        guard let end = rest.prefix(1024).firstIndex(of: UInt8(ascii: "\n")),
            let text = String(validating: rest[..<end], as: UTF8.self)
        else { throw corrupt("names a global that has no end") }
        position += end + 1
        return text
    }

    private mutating func integer(_ count: some BinaryInteger) throws(CheckpointError) -> PickleValue {
        let content = try take(count)
        guard content.count <= 8 else { return .bigInteger(Array(content)) }
        var bits: UInt64 = 0
        for (index, byte) in content.enumerated() { bits |= UInt64(byte) << (8 * index) }
        let unused = 64 - 8 * content.count
        // Shifting up and down again spreads the sign.
        return .integer(content.isEmpty ? 0 : Int(Int64(bitPattern: bits << unused) >> unused))
    }
}

// MARK: - The stack

extension Unpickler {
    private mutating func pop() throws(CheckpointError) -> PickleValue {
        guard stack.count > marks.last ?? 0, let value = stack.popLast() else {
            throw corrupt("takes a value that is not there")
        }
        return value
    }

    private func top() throws(CheckpointError) -> PickleValue {
        guard stack.count > marks.last ?? 0, let value = stack.last else {
            throw corrupt("takes a value that is not there")
        }
        return value
    }

    private mutating func popToMark() throws(CheckpointError) -> [PickleValue] {
        guard let mark = marks.popLast() else { throw corrupt("takes values that are not there") }
        defer { stack.removeSubrange(mark...) }
        return Array(stack[mark...])
    }

    private mutating func popTuple(_ count: Int) throws(CheckpointError) -> PickleValue {
        guard stack.count - (marks.last ?? 0) >= count else { throw corrupt("takes values that are not there") }
        defer { stack.removeLast(count) }
        return heap.tuple(Array(stack.suffix(count)))
    }

    private mutating func popPairs() throws(CheckpointError) -> [PickleHeap.Pair] {
        let values = try popToMark()
        guard values.count.isMultiple(of: 2) else { throw corrupt("has a key without a value") }
        return stride(from: 0, to: values.count, by: 2).map { (values[$0], values[$0 + 1]) }
    }

    private mutating func remembered(_ index: some BinaryInteger) throws(CheckpointError) -> PickleValue {
        guard let value = memo[Int(index)] else { throw corrupt("recalls value \(index), which it never made") }
        return value
    }

    private mutating func appendToList(_ values: [PickleValue]) throws(CheckpointError) {
        guard case .list(let place) = try top() else { throw corrupt("appends to \(try top().kind)") }
        heap.sequences[place].append(contentsOf: values)
    }

    private mutating func addToSet(_ values: [PickleValue]) throws(CheckpointError) {
        guard case .set(let place) = try top() else { throw corrupt("adds to \(try top().kind)") }
        heap.sequences[place].append(contentsOf: values)
    }

    private mutating func addToDictionary(_ pairs: [PickleHeap.Pair]) throws(CheckpointError) {
        guard case .dictionary(let place) = try top() else { throw corrupt("sets an item of \(try top().kind)") }
        heap.dictionaries[place].append(contentsOf: pairs)
    }

    private func global(module: String, name: String) throws(CheckpointError) -> PickleValue {
        guard let value = PickleGlobal.value(module: module, name: name) else {
            throw CheckpointError(file: file, .forbiddenGlobal(module: module, name: name))
        }
        return value
    }
}

// MARK: - The opcodes

extension Unpickler {
    private mutating func run() throws(CheckpointError) -> PickleValue {
        guard bytes.count <= Self.largestPickle else {
            throw unsupported("its pickle has \(bytes.count) bytes; at most \(Self.largestPickle) are read")
        }
        guard bytes.first == 0x80 else {
            throw unsupported("its pickle is of protocol 0 or 1; save it again with torch.save, which uses protocol 2")
        }
        while true {
            let opcode = try byte()
            if opcode == UInt8(ascii: ".") { return try pop() }
            if try executeContainer(opcode) { continue }
            stack.append(try pushed(by: opcode))
        }
    }

    /// Opcodes that change the stack, or what lies on it, otherwise than by adding a value. False for all others.
    private mutating func executeContainer(_ opcode: UInt8) throws(CheckpointError) -> Bool {
        switch opcode {
        case 0x80:  // PROTO
            let version = try byte()
            guard (2...5).contains(version) else {
                throw unsupported("its pickle is of protocol \(version), not 2 to 5")
            }
        case 0x95: _ = try number(UInt64.self)  // FRAME: only a hint for buffered reading
        case UInt8(ascii: "("): marks.append(stack.count)
        case UInt8(ascii: "0"):  // POP, which also takes back a mark
            if stack.count == marks.last { marks.removeLast() } else { _ = try pop() }
        case UInt8(ascii: "1"): _ = try popToMark()
        case UInt8(ascii: "q"): memo[Int(try byte())] = try top()
        case UInt8(ascii: "r"): memo[Int(try number(UInt32.self))] = try top()
        case 0x94: memo[memo.count] = try top()  // MEMOIZE
        case UInt8(ascii: "a"):
            let value = try pop()
            try appendToList([value])
        case UInt8(ascii: "e"):
            let values = try popToMark()
            try appendToList(values)
        case UInt8(ascii: "s"):
            let value = try pop()
            let key = try pop()
            try addToDictionary([(key, value)])
        case UInt8(ascii: "u"):
            let pairs = try popPairs()
            try addToDictionary(pairs)
        case 0x90:  // ADDITEMS
            let values = try popToMark()
            try addToSet(values)
        case UInt8(ascii: "b"):  // BUILD
            let state = try pop()
            try build(try top(), state)
        default: return false
        }
        return true
    }

    /// Opcodes that add one value to the stack, perhaps made of others that they take.
    private mutating func pushed(by opcode: UInt8) throws(CheckpointError) -> PickleValue {
        switch opcode {
        case UInt8(ascii: "N"): return .none
        case 0x88: return .bool(true)
        case 0x89: return .bool(false)
        case UInt8(ascii: "J"): return .integer(Int(try number(Int32.self)))
        case UInt8(ascii: "K"): return .integer(Int(try byte()))
        case UInt8(ascii: "M"): return .integer(Int(try number(UInt16.self)))
        case 0x8A: return try integer(try byte())  // LONG1
        case 0x8B: return try integer(try number(Int32.self))  // LONG4
        case UInt8(ascii: "G"): return .float(Double(bitPattern: try number(UInt64.self).byteSwapped))
        case UInt8(ascii: "X"): return try text(try number(UInt32.self))
        case 0x8C: return try text(try byte())
        case 0x8D: return try text(try number(UInt64.self))
        case UInt8(ascii: "U"): return try oldText(try byte())
        case UInt8(ascii: "T"): return try oldText(try number(Int32.self))
        case UInt8(ascii: "C"): return .bytes(Array(try take(try byte())))
        case UInt8(ascii: "B"): return .bytes(Array(try take(try number(UInt32.self))))
        case 0x8E, 0x96: return .bytes(Array(try take(try number(UInt64.self))))  // BINBYTES8, BYTEARRAY8
        case UInt8(ascii: ")"): return heap.tuple([])
        case 0x85: return try popTuple(1)
        case 0x86: return try popTuple(2)
        case 0x87: return try popTuple(3)
        case UInt8(ascii: "t"): return heap.tuple(try popToMark())
        case UInt8(ascii: "]"): return heap.list([])
        case UInt8(ascii: "l"): return heap.list(try popToMark())
        case UInt8(ascii: "}"): return heap.dictionary([])
        case UInt8(ascii: "d"): return heap.dictionary(try popPairs())
        case 0x8F: return heap.set([])
        case 0x91: return heap.set(try popToMark())  // FROZENSET
        case UInt8(ascii: "2"): return try top()
        case UInt8(ascii: "h"): return try remembered(try byte())
        case UInt8(ascii: "j"): return try remembered(try number(UInt32.self))
        default: return try pushedByCall(opcode)
        }
    }

    private mutating func pushedByCall(_ opcode: UInt8) throws(CheckpointError) -> PickleValue {
        switch opcode {
        case UInt8(ascii: "c"):  // GLOBAL
            let module = try line()
            return try global(module: module, name: try line())
        case 0x93:  // STACK_GLOBAL
            guard case .string(let name) = try pop(), case .string(let module) = try pop() else {
                throw corrupt("names a global by something that is no string")
            }
            return try global(module: module, name: name)
        case UInt8(ascii: "R"), 0x81:  // REDUCE, NEWOBJ
            let arguments = try pop()
            return try call(try pop(), arguments)
        case 0x92:  // NEWOBJ_EX
            guard case .dictionary(let place) = try pop(), heap.dictionaries[place].isEmpty else {
                throw corrupt("makes an object with named arguments")
            }
            let arguments = try pop()
            return try call(try pop(), arguments)
        case UInt8(ascii: "Q"): return try storage(try pop())
        case UInt8(ascii: "I"), UInt8(ascii: "L"), UInt8(ascii: "F"), UInt8(ascii: "S"), UInt8(ascii: "V"),
            UInt8(ascii: "g"), UInt8(ascii: "p"), UInt8(ascii: "P"), UInt8(ascii: "i"), UInt8(ascii: "o"):
            throw unsupported(
                "its pickle uses opcode '\(UnicodeScalar(opcode))' of protocol 0, which PyTorch never writes; "
                    + "save it again with torch.save")
        case 0x82...0x84:
            throw unsupported("its pickle uses a registered extension; save plain tensors with torch.save")
        case 0x97, 0x98: throw unsupported("its pickle keeps data outside of it; save it again with torch.save")
        default: throw corrupt("has the unknown opcode \(opcode)")
        }
    }
}
