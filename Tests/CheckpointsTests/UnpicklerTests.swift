import Testing
import Torch

@testable import Checkpoints

/// Pickles written by hand, opcode by opcode.
private func unpickled(_ bytes: [UInt8]) throws -> PickledTree {
    try bytes.withUnsafeBytes { try Unpickler.value(of: $0, file: "hand.pth") }
}

private func pickle(_ parts: [UInt8]..., protocol version: UInt8 = 2) -> [UInt8] {
    [0x80, version] + parts.flatMap { $0 } + Array(".".utf8)
}

private func ascii(_ text: String) -> [UInt8] { Array(text.utf8) }

private func text(_ text: String) -> [UInt8] { [0x8C, UInt8(text.utf8.count)] + ascii(text) }

@Suite("Pickles") struct UnpicklerTests {
    @Test("Integers keep their sign at every width")
    func integers() throws {
        #expect(try unpickled(pickle(ascii("J"), [0xFE, 0xFF, 0xFF, 0xFF])).integer == -2)
        #expect(try unpickled(pickle([0x8A, 0])).integer == 0)
        #expect(try unpickled(pickle([0x8A, 1, 0xFF])).integer == -1)
        #expect(try unpickled(pickle([0x8A, 2, 0xFF, 0x00])).integer == 255)
        #expect(try unpickled(pickle([0x8A, 8], [UInt8](repeating: 0xFF, count: 7), [0x7F])).integer == Int.max)
        let wide = try unpickled(pickle([0x8B, 9, 0, 0, 0], [UInt8](repeating: 1, count: 9)))
        guard case .bigInteger = wide.value else {
            Issue.record("nine bytes became \(wide.value)")
            return
        }
    }

    @Test("A list that holds itself is read")
    func cycle() throws {
        let tree = try unpickled(pickle(ascii("]q"), [0], ascii("h"), [0], ascii("a")))
        #expect(tree.elements?.first?.elements?.first?.elements?.count == 1)
    }

    @Test("A million lists or tuples one inside another are read and released")
    func depth() throws {
        let count = 1_000_000
        let lists = pickle(
            [UInt8](repeating: UInt8(ascii: "]"), count: count), [UInt8](repeating: UInt8(ascii: "a"), count: count - 1)
        )
        #expect(try unpickled(lists).elements?.count == 1)
        let tuples = pickle(ascii(")"), [UInt8](repeating: 0x85, count: count))
        #expect(try unpickled(tuples).elements?.count == 1)
    }

    @Test(
        "Whatever is not on the list is refused by name",
        arguments: [
            ("os", "system"), ("posix", "system"), ("builtins", "eval"), ("builtins", "getattr"), ("builtins", "exec"),
            ("subprocess", "Popen"), ("torch", "load"), ("torch.storage", "_load_from_bytes"), ("numpy", "load"),
            ("torch.nn.modules.linear", "Linear"), ("collections", "namedtuple"), ("torch.jit", "_unpickle"),
        ])
    func refused(module: String, name: String) throws {
        let expected = "asks to call \(module).\(name); mvar runs no code from checkpoints"
        let old = pickle(ascii("c\(module)\n\(name)\n("), text("echo"), ascii("tR"))
        #expect(message { _ = try unpickled(old) }.contains(expected))
        let new = pickle(text(module), text(name), [0x93], text("echo"), [0x85], ascii("R"), protocol: 4)
        #expect(message { _ = try unpickled(new) }.contains(expected))
        // Even where nobody calls it.
        #expect(message { _ = try unpickled(pickle(ascii("c\(module)\n\(name)\n0N"))) }.contains(expected))
    }

    @Test("A refusal is one line, whatever the name holds")
    func oneLine() {
        let hostile = pickle(text("os\u{1B}[2J\nrm"), text("system"), [0x93], protocol: 4)
        let text = message { _ = try unpickled(hostile) }
        #expect(!text.contains("\n") && !text.contains("\u{1B}"))
    }

    @Test("Old opcodes that call by name are refused", arguments: ["(ios\nsystem\n", "(cos\nsystem\no"])
    func oldCalls(opcodes: String) {
        #expect(message { _ = try unpickled(pickle(ascii(opcodes))) } != "no error")
    }

    @Test("Protocols 0, 1 and 6 are declined")
    func protocols() {
        #expect(message { _ = try unpickled(ascii("(dp0\n.")) }.contains("protocol 0 or 1"))
        #expect(message { _ = try unpickled(pickle(ascii("N"), protocol: 6)) }.contains("protocol 6"))
        #expect(message { _ = try unpickled(pickle(ascii("I1\n"))) }.contains("opcode 'I' of protocol 0"))
        #expect(message { _ = try unpickled(pickle([0x82, 1])) }.contains("registered extension"))
    }

    @Test(
        "A broken pickle is an error",
        arguments: [
            [], [0x80], [0x80, 2], pickle(), pickle(ascii("q"), [0]), pickle(ascii("h"), [9]), pickle(ascii("a")),
            pickle(ascii("Na")), pickle(ascii("NNa")), pickle(ascii("t")), pickle(ascii("(Nu")), pickle(ascii("N(0s")),
            pickle([0x87]), pickle(ascii("NR")), pickle(ascii("N)R")), pickle(ascii("(NQ")), pickle(ascii("NQ")),
            pickle(ascii(")Q")), pickle(ascii("Nb")), pickle(ascii("NNb")), pickle([0x93]), pickle(ascii("NN"), [0x93]),
            pickle([0xFF]), pickle(ascii("N("), [0x85]), pickle(ascii("N(a")), pickle(ascii("c")),
            pickle(ascii("ccollections\n")), pickle(ascii("r"), [0xFF, 0xFF, 0xFF, 0xFF]),
            pickle(ascii("}]]s"), [0x92]),
            pickle(ascii("X"), [0xFF, 0xFF, 0xFF, 0xFF]), pickle([0x8D], [UInt8](repeating: 0xFF, count: 8)),
            pickle([0x8B, 0xFF, 0xFF, 0xFF, 0x7F]), pickle([0x8B, 0xFF, 0xFF, 0xFF, 0xFF]),
            pickle(ascii("T"), [0, 0, 0, 0x80]),
            pickle([0x8E], [UInt8](repeating: 0x7F, count: 8)), pickle([0x8C, 2, 0xC3, 0x28]),
            pickle(ascii("ctorch\nFloatStorage\n)R")), pickle(ascii("c__builtin__\nint\n(]tR")),
            pickle(ascii("ctorch._utils\n_rebuild_tensor_v2\n)R")),
            pickle(ascii("ctorch._utils\n_rebuild_parameter\n)R")),
            pickle(ascii("ccollections\nOrderedDict\n(NtR")), pickle(ascii("ccollections\nOrderedDict\n(]N]aatR")),
            pickle(ascii("cnumpy.core.multiarray\nscalar\n)R")),
        ] as [[UInt8]])
    func broken(bytes: [UInt8]) {
        let text = message { _ = try unpickled(bytes) }
        #expect(text.hasPrefix("'hand.pth' ") && !text.contains("\n"), "\(text)")
    }

    @Test("A memo of absurd places costs nothing")
    func sparseMemo() throws {
        #expect(
            try unpickled(
                pickle(ascii("K"), [5], ascii("r"), [0xFE, 0xFF, 0xFF, 0xFF], ascii("0j"), [0xFE, 0xFF, 0xFF, 0xFF])
            ).integer == 5)
    }

    @Test("Copying the same list over and over ends in an error")
    func copyBomb() {
        // A list of 20,000 elements, then 20,000 sets of it: 400 million elements from 100 kB.
        var bytes =
            ascii("](") + [UInt8](repeating: UInt8(ascii: "N"), count: 20_000) + ascii("e") + [0x85] + ascii("q") + [0]
        bytes += ascii("c__builtin__\nset\nq") + [1]
        for _ in 0..<20_000 { bytes += ascii("h") + [1] + ascii("h") + [0] + ascii("R") }
        #expect(message { _ = try unpickled(pickle(bytes)) }.contains("copies the same values over and over"))
    }

    @Test("A tree of shared tuples takes no more memory than its pickle")
    func sharingBomb() throws {
        // 2^60 leaves if it were walked.
        let bytes = ascii(")") + [[UInt8]](repeating: ascii("2") + [0x86], count: 60).flatMap { $0 }
        #expect(try unpickled(pickle(bytes)).elements?.count == 2)
    }

    @Test("Of two entries of one key the last counts")
    func duplicateKeys() throws {
        let tree = try unpickled(
            pickle(ascii("}("), text("a"), ascii("K"), [1], text("a"), ascii("K"), [2], ascii("u")))
        #expect(tree["a"]?.integer == 2)
    }

    @Test("A pickle beyond the limit is declined")
    func tooLarge() {
        let bytes = pickle([UInt8](repeating: UInt8(ascii: "N"), count: Unpickler.largestPickle))
        #expect(message { _ = try unpickled(bytes) }.contains("at most 16777216 are read"))
    }

    @Test("Big-endian NumPy numbers are declined")
    func bigEndianNumPy() {
        let bytes = pickle(
            ascii("cnumpy\ndtype\n"), text("f8"), [0x89, 0x88, 0x87], ascii("R(K"), [3], text(">"), ascii("tb"))
        #expect(message { _ = try unpickled(bytes) }.contains("big-endian NumPy numbers"))
    }
}
