/// What machine code for a GPU says of its kernels: an ELF file whose section `.nv.info` is a list of attributes.
struct Cubin {
    struct Kernel: Hashable {
        var registers = 0
        /// Of local memory, where spilled registers go, in bytes.
        var frame = 0
        /// Of shared memory that its source asks for by itself, in bytes.
        var shared = 0
    }

    struct Malformed: Error {}

    /// By name.
    let kernels: [String: Kernel]

    init(_ bytes: [UInt8]) throws {
        func number(_ offset: Int, _ count: Int) throws -> Int {
            guard offset >= 0, offset + count <= bytes.count else { throw Malformed() }
            return (0..<count).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
        }
        func text(_ offset: Int) -> String {
            String(decoding: bytes[offset...].prefix { $0 != 0 }, as: UTF8.self)
        }
        guard bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46, 2]) else { throw Malformed() }
        let (table, count, names) = (try number(0x28, 8), try number(0x3c, 2), try number(0x3e, 2))
        func section(_ index: Int) throws -> (name: String, offset: Int, size: Int, link: Int) {
            let strings = try number(table + names * 64 + 24, 8)
            let entry = table + index * 64
            return (
                text(strings + (try number(entry, 4))), try number(entry + 24, 8), try number(entry + 32, 8),
                try number(entry + 40, 4)
            )
        }
        let sections = try (0..<count).map(section)
        guard let information = sections.first(where: { $0.name == ".nv.info" }),
            let symbols = sections.first(where: { $0.name == ".symtab" })
        else { throw Malformed() }

        var kernels: [String: Kernel] = [:]
        var offset = information.offset
        while offset < information.offset + information.size {
            let (form, attribute, size) = (try number(offset, 1), try number(offset + 1, 1), try number(offset + 2, 2))
            offset += 4
            guard form == 4 else { continue }  // the others have their value in place of the size
            if size == 8 {
                let symbol = symbols.offset + (try number(offset, 4)) * 24
                let name = text(sections[symbols.link].offset + (try number(symbol, 4)))
                let value = try number(offset + 4, 4)
                switch attribute {
                case 0x2f: kernels[name, default: Kernel()].registers = value
                case 0x11: kernels[name, default: Kernel()].frame = value
                default: break
                }
            }
            offset += size
        }
        let prefix = ".nv.shared."
        for section in sections where section.name.hasPrefix(prefix) {
            kernels[String(section.name.dropFirst(prefix.count))]?.shared = section.size
        }
        self.kernels = kernels.filter { $0.value.registers > 0 }
    }
}
