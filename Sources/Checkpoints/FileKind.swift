/// What a file is by its first bytes.
enum FileKind {
    case zip
    case safetensors

    /// - Throws: ``CheckpointError`` that says what the file is instead, and what to do about it.
    init(of file: MappedFile) throws(CheckpointError) {
        let bytes = file.bytes
        func starts(with prefix: [UInt8]) -> Bool { bytes.starts(with: prefix) }
        func otherKind(_ what: String) -> CheckpointError { CheckpointError(file: file.path, .otherKind(what)) }
        // The number that torch.save wrote first before version 1.6, 0x1950a86a20f9469cfc6c, as a pickle.
        let oldMagic: [UInt8] = [0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]
        if starts(with: Array("PK\u{3}\u{4}".utf8)) || starts(with: Array("PK\u{5}\u{6}".utf8)) {
            self = .zip
        } else if bytes.count > 9, bytes[8] == UInt8(ascii: "{"),
            bytes.littleEndian(UInt64.self, at: 0) <= Safetensors.largestHeader
        {
            self = .safetensors
        } else if bytes.first == 0x80, bytes.dropFirst(2).starts(with: oldMagic) {
            throw otherKind(
                "in the form that PyTorch wrote before version 1.6; save it again in PyTorch: "
                    + "torch.save(torch.load(path, weights_only=True), path)")
        } else if bytes.count > 262, bytes[257..<262].elementsEqual("ustar".utf8) {
            throw otherKind("a tar archive; extract it and name a file in it")
        } else if bytes.first == 0x80, bytes.count > 1, (2...5).contains(bytes[1]) {
            throw otherKind("a bare Python pickle; save its tensors in PyTorch with torch.save")
        } else if starts(with: Array("version https://git-lfs".utf8)) {
            throw otherKind("a Git LFS pointer and not the file itself; fetch it with git lfs pull")
        } else if starts(with: [0x1F, 0x8B]) {
            throw otherKind("compressed by gzip; decompress it")
        } else if starts(with: Array("<".utf8)) {
            throw otherKind("a web page and not a checkpoint; download the file itself")
        } else if starts(with: Array("\u{7F}ELF".utf8)) || starts(with: [0x89, 0x50, 0x4E, 0x47])
            || starts(with: [0xFF, 0xD8])
        {
            throw otherKind("a program or a picture and not a checkpoint")
        } else {
            throw otherKind("neither a PyTorch file (.pth) nor safetensors, or its beginning is damaged")
        }
    }
}
