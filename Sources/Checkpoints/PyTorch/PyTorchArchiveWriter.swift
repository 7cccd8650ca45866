import FileOutput
import Torch

extension PyTorchArchive {
    /// Writes a file that `torch.load(path, weights_only=True)` reads.
    ///
    /// The file appears under its name when it is whole. Tensors are written one at a time, row-major, each with a
    /// storage of its own.
    ///
    /// - Parameters:
    ///   - root: What to save.
    ///   - path: Where the file will be; its folder must exist.
    /// - Throws: ``CheckpointError`` for a tensor that the form lacks a type for, `FileOutputError` where the disk
    ///   refuses, ``TorchError`` where a tensor cannot be copied to the host.
    package static func write(_ root: PicklableValue, to path: String) throws {
        let pickle = try PickleWriter(root, file: path)
        // PyTorch calls the folder inside the archive as the file.
        let name = path.split(separator: "/").last?.split(separator: ".").first.map(String.init) ?? "archive"
        try AtomicFile.write(to: path) { file in
            var archive = ZipWriter(file)
            try archive.append(name + "/data.pkl", pickle.bytes)
            try archive.append(name + "/byteorder", Array("little".utf8))
            for (key, tensor) in pickle.tensors.enumerated() {
                try tensor.withContiguousBytes { try archive.append(name + "/data/\(key)", $0) }
            }
            try archive.append(name + "/version", Array("3\n".utf8))
            try archive.finish()
        }
    }
}
