import Torch

/// A file that `torch.save` wrote: a zip file of one pickle and the bytes of every storage.
///
/// Opening it reads the pickle; the tensors stay on the disk until they are used.
package struct PyTorchArchive: Sendable {
    /// What was saved.
    package let root: PickledTree

    private let file: MappedFile
    /// Where the storages lie; nil for those that are not in the file.
    private let storages: [Range<Int>?]

    /// Reads the pickle of a PyTorch file.
    ///
    /// - Parameter file: A mapped zip file.
    /// - Throws: ``CheckpointError`` where it is damaged, of another kind, big-endian, or asks for code.
    package init(_ file: MappedFile) throws(CheckpointError) {
        let archive = try ZipArchive(file)
        let folder = try Self.folder(of: archive)
        if let entry = archive[folder + "byteorder"] {
            let order = try archive.record(entry, limit: 64)
            guard order.elementsEqual("little".utf8) else {
                throw file.unsupported(
                    "its numbers are \(order.elementsEqual("big".utf8) ? "big-endian" : "in an unknown byte order"); "
                        + "save it again on a little-endian machine, such as any x86-64 or arm64")
            }
        }
        guard let pickle = archive[folder + "data.pkl"] else { throw file.corrupt("it has no entry 'data.pkl'") }
        root = try Unpickler.value(of: try archive.record(pickle, limit: Unpickler.largestPickle), file: file.path)
        self.file = file

        var storages: [Range<Int>?] = []
        for storage in root.heap.storages {
            guard let entry = archive[folder + "data/" + storage.key] else {
                storages.append(nil)
                continue
            }
            let bytes = try archive.storage(entry).count
            let (expected, overflow) = storage.count.multipliedReportingOverflow(by: storage.dtype?.byteCount ?? 1)
            guard !overflow, expected <= bytes else {
                throw file.corrupt(
                    "storage \(quoted(storage.key)) has \(bytes) bytes, too few for \(storage.count) elements "
                        + "of \(storage.dtype?.name ?? "1 byte")")
            }
            storages.append(entry.offset..<entry.offset + expected)
        }
        self.storages = storages
    }

    /// Opens a PyTorch file.
    ///
    /// - Parameter path: The path of a `.pth` or `.pt` file.
    /// - Throws: ``CheckpointError`` where it cannot be read or is none.
    package init(path: String) throws(CheckpointError) {
        let file = try MappedFile(path: path)
        guard case .zip = try FileKind(of: file) else {
            throw CheckpointError(file: path, .otherKind("a safetensors file and not one of PyTorch"))
        }
        try self.init(file)
    }

    /// The tensor that a value of the pickle is, found in the file and checked against it.
    ///
    /// - Parameters:
    ///   - value: A value of this archive's ``root``.
    ///   - name: What to call it.
    /// - Returns: The tensor; nil where the value is none.
    /// - Throws: ``CheckpointError`` where it reaches beyond its storage.
    package func tensor(_ value: PickledTree, name: String) throws(CheckpointError) -> TensorRecord? {
        guard case .tensor(let place) = value.value else { return nil }
        let heap = root.heap
        let tensor = heap.tensors[place]
        guard let storage = storages[tensor.storage] else {
            throw file.corrupt(
                "tensor \(quoted(name)) lies in entry 'data/\(heap.storages[tensor.storage].key)', which is not there")
        }
        let (start, overflow) = tensor.offset.multipliedReportingOverflow(by: tensor.dtype.byteCount)
        guard !overflow, start >= 0, start <= storage.count else {
            throw file.corrupt("tensor \(quoted(name)) begins at element \(tensor.offset), outside its storage")
        }
        return try TensorRecord(
            name: name, dtype: tensor.dtype, shape: tensor.shape, strides: tensor.strides, file: file,
            offset: storage.lowerBound + start, limit: storage.upperBound)
    }

    /// The tensors of a dictionary, in order.
    ///
    /// - Parameter value: A dictionary of names and tensors.
    /// - Returns: A record for each; of two of one name the last, as in Python.
    /// - Throws: ``CheckpointError`` where the dictionary holds anything else, or a tensor reaches beyond its storage.
    package func stateDict(_ value: PickledTree) throws(CheckpointError) -> TensorTable {
        var records: [TensorRecord] = []
        for (key, value) in value.pairs ?? [] {
            guard let name = key.string else {
                throw file.unsupported("its state dict has \(key.value.kind) for a name; names are strings")
            }
            guard let record = try tensor(value, name: name) else {
                throw file.unsupported("entry \(quoted(name)) of its state dict is \(value.value.kind) and no tensor")
            }
            records.append(record)
        }
        return TensorTable(records)
    }

    /// The folder inside the archive that holds everything, with its slash.
    private static func folder(of archive: ZipArchive) throws(CheckpointError) -> String {
        let file = archive.file
        let pickles = archive.entries.map(\.name).filter { $0 == "data.pkl" || $0.hasSuffix("/data.pkl") }
        guard let pickle = pickles.min(by: { $0.utf8.count < $1.utf8.count }) else {
            throw CheckpointError(
                file: file.path,
                .otherKind("a zip archive, but not PyTorch's: it has no 'data.pkl'; extract it and name a file in it"))
        }
        let folder = String(pickle.dropLast("data.pkl".count))
        let isScript = archive.entries.contains { entry in
            entry.name == folder + "constants.pkl" || entry.name.hasPrefix(folder + "code/")
        }
        if isScript {
            throw CheckpointError(
                file: file.path,
                .otherKind(
                    "a TorchScript program and not a state dict; save its tensors in PyTorch: "
                        + "torch.save(torch.jit.load(path).state_dict(), new_path)"))
        }
        return folder
    }
}
