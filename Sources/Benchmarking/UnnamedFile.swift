import Foundation

/// Why a bench could not begin.
package enum BenchError: Error, Hashable, Sendable, CustomStringConvertible {
    case noRoom(bytes: Int, reason: String)

    /// What is wrong and what to do, on one line.
    package var description: String {
        switch self {
        case .noRoom(let bytes, let reason):
            "There is no room for random weights of \(bytes / 1_000_000) MB (\(reason)): take a smaller --preset, or free memory."
        }
    }
}

/// A file that nobody else sees and that goes with the process: in memory where the system has such files, else in the
/// folder for temporary ones.
final class UnnamedFile {
    private let descriptor: CInt

    /// Opens it for reading, as long as this object lives.
    var path: String { "/dev/fd/\(descriptor)" }

    init() throws(BenchError) {
        descriptor = Self.inMemory() ?? Self.unlinked()
        guard descriptor >= 0 else { throw Self.failure(bytes: 0) }
    }

    deinit { close(descriptor) }

    /// Writes behind what was written so far.
    func append(_ bytes: UnsafeRawBufferPointer) throws(BenchError) {
        var rest = bytes
        while let start = rest.baseAddress, !rest.isEmpty {
            let written = write(descriptor, start, rest.count)
            if written < 0 {
                if errno == EINTR { continue }
                throw Self.failure(bytes: bytes.count)
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[written...])
        }
    }

    private static func failure(bytes: Int) -> BenchError {
        .noRoom(bytes: bytes, reason: String(cString: strerror(errno)))
    }

    /// Linux's `memfd_create`, which Swift's import of the C library leaves out.
    private static func inMemory() -> CInt? {
        typealias Create = @convention(c) (UnsafePointer<CChar>, CUnsignedInt) -> CInt
        let closesOnExec: CUnsignedInt = 1  // MFD_CLOEXEC
        guard let symbol = dlsym(dlopen(nil, RTLD_NOW), "memfd_create") else { return nil }
        let descriptor = unsafeBitCast(symbol, to: Create.self)("mvar-bench", closesOnExec)
        return descriptor >= 0 ? descriptor : nil
    }

    private static func unlinked() -> CInt {
        var name = Array((FileManager.default.temporaryDirectory.path + "/mvar-bench.XXXXXX").utf8CString)
        let descriptor = mkstemp(&name)
        if descriptor >= 0 { unlink(name) }
        return descriptor
    }
}
