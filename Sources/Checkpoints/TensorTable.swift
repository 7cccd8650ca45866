/// The tensors of one network by name, in the order of the file.
public struct TensorTable: Sendable {
    /// The tensors in the order of the file.
    public private(set) var records: [TensorRecord] = []
    private var places: [String: Int] = [:]

    /// A table of the given tensors; of two of one name, the last.
    init(_ records: [TensorRecord]) {
        for record in records {
            if let place = places[record.name] {
                self.records[place] = record
            } else {
                places[record.name] = self.records.count
                self.records.append(record)
            }
        }
    }

    /// The tensor of this name.
    public subscript(name: String) -> TensorRecord? { places[name].map { records[$0] } }

    /// The names in the order of the file.
    public var names: [String] { records.map(\.name) }

    /// Whether there are no tensors.
    public var isEmpty: Bool { records.isEmpty }

    /// How many bytes the tensors take together, where each is stored by itself.
    public var byteCount: Int { records.reduce(0) { $0.addingReportingOverflow($1.byteCount).partialValue } }

    /// Without what PyTorch's wrappers for compiling and for several processes put before every name.
    func withoutWrapperPrefixes() -> TensorTable {
        var table = self
        while let prefix = ["module.", "_orig_mod."].first(where: { prefix in
            !table.isEmpty && table.records.allSatisfy { $0.name.hasPrefix(prefix) && $0.name.count > prefix.count }
        }) {
            table = TensorTable(table.records.map { $0.renamed(String($0.name.dropFirst(prefix.count))) })
        }
        return table
    }

    /// The tensors whose names satisfy a condition.
    func filter(_ isIncluded: (String) -> Bool) -> TensorTable {
        TensorTable(records.filter { isIncluded($0.name) })
    }
}
